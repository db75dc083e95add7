"""The wheel, built and installed in an empty environment, works like the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from observer.model.recording import MS_NS, SECOND_NS, Event, Operation, Outcome, RecordingHeader, Window
from observer.store import Writer

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return `observer` of an environment that holds only the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    run(sys.executable, "-m", "venv", folder / "empty")
    commands = folder / "empty" / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = folder.glob("*.whl")
    run(commands / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return commands / "observer"


def run(*command: object, cwd: Path | None = None) -> str:
    """Run a command and return its output; fail with all of its output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PIP_RETRIES": "10", "PIP_TIMEOUT": "60"}  # the index may be slow
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode("utf-8")


def record(path: Path) -> None:
    """Record twenty seconds of writes, of which five seconds are refused."""
    writer = Writer(path)
    recording_id = writer.begin(RecordingHeader(0, datetime(2026, 3, 1, tzinfo=UTC), "a boot", 0, 1, "demo", "7", {}))
    seen = Event("etcd", "leader.seen", "patroni1", Window(0, MS_NS), {"revision": 1})
    writer.append(recording_id, [seen, *(write(n) for n in range(400))])
    writer.end(recording_id, 20 * SECOND_NS, "stop")
    writer.close()


def write(n: int) -> Operation:
    due_ns = n * 50 * MS_NS
    refused = 100 <= n < 200
    return Operation(
        action="write",
        probe="kept",
        token=f"cafe0123-{n:010d}",
        due_ns=due_ns,
        started_ns=due_ns,
        finished_ns=due_ns + 2 * MS_NS,
        outcome=Outcome.FAIL if refused else Outcome.OK,
        stage="connect" if refused else "done",
        server=None if refused else "patroni1",
    )


def test_the_installed_wheel_writes_a_report_in_each_language(installed: Path, tmp_path: Path) -> None:
    record(tmp_path / "observer.db")
    russian = run(installed, "report", "--lang", "ru", cwd=tmp_path)
    english = run(installed, "report", "--lang", "en", cwd=tmp_path)
    assert "**Запись** прервалась один раз, на 5,0\u00a0с из" in russian
    assert "**Writes** were down once, for 5.0\u00a0s of" in english


def test_the_wheel_contains_the_stack(installed: Path, tmp_path: Path) -> None:
    assert "--port-shift" in run(installed, "stack", "up", "--help", cwd=tmp_path)
    python = installed.with_name("python")
    assert "Иван Петров" in run(
        python, "-c", "from importlib.resources import files; print((files('stack') / 'schema.sql').read_text('utf-8'))"
    )


def test_every_file_of_the_wheel_is_in_one_of_the_three_packages(installed: Path, tmp_path: Path) -> None:
    listed = run(installed.with_name("python"), "-m", "pip", "show", "-f", "patroni-observer", cwd=tmp_path)
    files = [line.strip() for line in listed.partition("Files:")[2].splitlines() if line.strip()]
    assert {name.split("/")[0] for name in files if not name.startswith(("..", "patroni_observer"))} == {
        "observer",
        "reports",
        "stack",
    }
