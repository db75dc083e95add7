"""Run `observer doctor`."""

from pathlib import Path

import click

from observer.commands.options import answer, option_config, option_format, settings_of


@click.command()
@option_config
@option_format("text", "json")
def doctor(config: Path | None, db: Path | None, form: str) -> int:
    """Check the configuration against the real cluster.

    Check each endpoint, role, permission, version and clock, and the recording file. For each problem, show what it
    means and how to fix it. As JSON: a list of objects with component, level (ok, note, error), title, meaning,
    remedy and exit_code.

    Example: observer doctor -c observer.toml
    """
    from observer.doctor.examine import examine
    from observer.doctor.finding import as_json, exit_code, lines

    settings, path = settings_of(config, db)
    findings = examine(settings, path)
    with answer():
        if form == "text":
            click.echo("\n".join(lines(findings)))
        else:
            import json

            click.echo(json.dumps(as_json(findings), ensure_ascii=False, indent=2))
    return exit_code(findings)
