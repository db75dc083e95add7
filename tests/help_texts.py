"""Write the help of each command into docs/reference/commands.md: `python -m tests.help_texts`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from click import Command, Context, Group

from observer import cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
BEGIN, END = "<!-- help begins -->\n", "<!-- help ends -->\n"
WIDTH = 100


def commands(group: Group = cli.observer, path: str = "observer") -> Iterator[tuple[str, Command]]:
    """Return each command that is no group, with its full name."""
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def help_text(name: str, command: Command, width: int = WIDTH) -> str:
    """Return the help of a command as a terminal of this width shows it."""
    context = Context(command, info_name=name, terminal_width=width, help_option_names=["-h", "--help"])
    return command.get_help(context)


def rendered() -> str:
    """Return the part of the page between the two marks."""
    return "".join(f"\n### `{name}`\n\n```text\n{help_text(name, one)}\n```\n" for name, one in commands())


def parts() -> tuple[str, str, str]:
    """Return the page before the help texts, the help texts, and the page after them."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    texts, _, after = rest.partition(END)
    return before, texts, after


def main() -> None:
    """Write the help texts into the page."""
    before, _, after = parts()
    PAGE.write_text(f"{before}{BEGIN}{rendered()}\n{END}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
