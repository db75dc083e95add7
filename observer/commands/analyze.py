"""Run `observer analyze`."""

from pathlib import Path

import click

from observer.commands.options import answer, option_config, settings_of


@click.command()
@option_config
def analyze(config: Path | None, db: Path | None) -> None:
    """Re-run the analysis and store its results in the file.

    Use the rules of this version for every recording of the file and replace the rows of `incidents`, `phases`,
    `evidence` and `judged_*`; the recordings do not change. Needed only for these tables: a report always runs the
    analysis itself.

    Example: observer analyze --db observer.db
    """
    _, path = settings_of(config, db)
    with answer():
        for number, incidents in analyze_again(path):
            click.echo(f"recording {number}: {incidents} incident{'' if incidents == 1 else 's'}")


def analyze_again(path: Path) -> list[tuple[int, int]]:
    """Analyze every recording of a file, store the findings in it, and return the ids with their incident counts.

    Raise NotFound, ForeignDatabase, or CannotWrite, also if a daemon records into the file.
    """
    from contextlib import closing

    from observer.model.errors import ForeignDatabase
    from observer.store import Reader, Writer
    from observer.store.packed import SUFFIX
    from reports.analysis import analyze as analysis

    if path.suffix == SUFFIX and path.is_file():
        raise ForeignDatabase(
            f"{path}: packed with xz, and the results go into the file itself; unpack it: xz -dk {path}."
        )
    with Reader(path) as reader:
        found = [(one.id, analysis.analyze(reader.load(one.id))) for one in reader.recordings()]
    with closing(Writer(path)) as writer:
        for number, findings in found:
            writer.append(number, [findings])
    return [(number, len(findings.incidents)) for number, findings in found]
