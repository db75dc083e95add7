"""Run `observer report`."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

import reports
from observer.commands import options
from observer.model.errors import ConfigError

LANGUAGES = tuple(sorted(path.stem for path in Path(reports.__file__).with_name("phrases").glob("*.toml")))


@click.command()
@options.option_config
@options.option_recording("all recordings of the file")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    help="Language of the report; default: [report] language, else the locale's (LC_ALL, LC_MESSAGES, LANG), else en.",
)
@click.option(
    "--profile",
    type=click.Choice(["homework", "drill"]),
    help="homework: with the homework's questions and steps; drill: without; default: [report] profile, else drill.",
)
@options.option_format("md", "json", "html")
@options.option_path("-o", "output", help="Write to FILE instead of standard output (atomically).")
@options.option_path(
    "--pictures", metavar="DIR", help="Draw pictures (SVG) into this folder and link them in the report."
)
@click.option(
    "--check", is_flag=True, help="Check [objectives]. Exit code 1: one was missed; 2: one could not be measured."
)
@options.option_path("--junit", help="Write the results for [objectives] to FILE as JUnit XML.")
def report(
    config: Path | None,
    db: Path | None,
    recording: int | None,
    lang: str | None,
    profile: str | None,
    form: str,
    output: Path | None,
    pictures: Path | None,
    check: bool,
    junit: Path | None,
) -> int:
    """Report what failed and what it cost the application.

    Standard output carries the report and nothing else. The recording file may be packed with xz.

    Example: observer report --lang en > report.md
    """
    from observer.commands import objectives, reporting

    settings, path = options.settings_of(config, db)
    language = lang or settings.report.language or language_of_locale(os.environ)
    if language not in LANGUAGES:
        raise ConfigError(f'report.language = "{language}": unknown language; known are: {", ".join(LANGUAGES)}.')
    if check or junit is not None:
        objectives.must_be_set(settings.objectives)
    with options.progress() as show:
        results = reporting.results(path, recording, settings.objectives, show)
        show("Writing the report")
        drawn = None if pictures is None or form != "md" else reporting.draw(results, language, pictures, output)
        text = reporting.text(results, form, language, profile or settings.report.profile, drawn)
    if output is not None:
        reporting.write(output, text)
    else:
        with options.answer():
            click.echo(text, nl=not text.endswith("\n"))
    if not check and junit is None:
        return options.OK
    if junit is not None:
        reporting.write(junit, objectives.junit(results.objectives))
    if not check:
        return options.OK
    for one in results.objectives:
        options.say(objectives.sentence(one))
    return objectives.exit_code(results.objectives)


def language_of_locale(environment: Mapping[str, str]) -> str:
    """Return the language of the locale if there are phrases in it, else "en"."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return next((name for name in LANGUAGES if locale.lower().startswith(name)), "en")
