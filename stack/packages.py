"""The programs of the cluster, found where Debian's and Ubuntu's packages install them."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

# Debian keeps haproxy in sbin, which is not on the PATH of an ordinary user.
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_POSTGRESQL = Path("/usr/lib/postgresql")
_PYTHON_ETCD = Path("/usr/lib/python3/dist-packages/etcd")


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths of the programs."""

    etcd: Path
    patroni: Path
    patronictl: Path
    haproxy: Path
    postgres_bin: Path

    @property
    def psql(self) -> Path:
        """The psql of the same version as the server."""
        return self.postgres_bin / "psql"


def find() -> Programs:
    """Return every program. Raise StackError with all missing packages and the command that installs them."""
    must_be_linux()
    missing = []

    def program(name: str, package: str) -> Path:
        found = shutil.which(name, path=_PATH)
        if found is None:
            missing.append(package)
        return Path(found or name)

    etcd = program("etcd", "etcd-server")
    patroni, patronictl = program("patroni", "patroni"), program("patronictl", "patroni")
    haproxy = program("haproxy", "haproxy")
    postgres_bin = newest_postgres_bin(_POSTGRESQL)
    if postgres_bin is None:
        missing.append("postgresql")
    # Patroni's etcd v3 module imports python-etcd, which no package depends on.
    if not _PYTHON_ETCD.exists():
        missing.append("python3-etcd")
    if missing or postgres_bin is None:
        names = " ".join(dict.fromkeys(missing))
        raise StackError(
            f"Not installed: {names}; run `make setup`, or `sudo apt-get install {names}` (which starts services)."
        )
    return Programs(etcd, patroni, patronictl, haproxy, postgres_bin)


def must_be_linux() -> None:
    """Raise StackError on any other system: the cluster's processes are found in /proc."""
    if not sys.platform.startswith("linux"):
        raise StackError("The local cluster runs on Linux only; elsewhere, watch a cluster of your own or use Docker.")


def newest_postgres_bin(root: Path) -> Path | None:
    """Return the directory of programs of the newest PostgreSQL server under `root`; None if there is none."""
    versions = {
        int(found.parts[-3]): found.parent
        for found in root.glob("*/bin/postgres")
        if re.fullmatch(r"\d+", found.parts[-3])
    }
    return versions[max(versions)] if versions else None
