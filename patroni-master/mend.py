"""Mends two faults of Patroni 4.0 that leave a replica without a primary for ever; run once, while the image is built.

A replica that is started, or told to reload, while nobody leads is written a configuration without `primary_conninfo`.
Once there is a leader, Patroni compares what it remembers with what is wanted, and twice it remembers wrongly:

1. While PostgreSQL is still starting, the parameter that was left out is not compared at all; and a PostgreSQL that
   lacks WAL, which only the leader has, never ends starting. (As in patroni/patroni#3675.)
2. What it once read of PostgreSQL it reads again only when a file changed. Read just before a reload took effect, the
   old value stays the remembered one: "no action. I am a secondary, and following a leader", and no receiver of WAL.
   (As in #3686 and #3717.) Now it reads again each time while nothing is received.

A Patroni that does not hold these lines is left as it is, and that is said.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONFIG = "/usr/lib/python3/dist-packages/patroni/postgresql/config.py"
MENDS = (
    (
        """                                                                 for n, v in recovery_params.items()})
        else:
""",
        """                                                                 for n, v in recovery_params.items()})
            self._current_recovery_params.setdefault(
                'primary_conninfo', [{}, restart_required('primary_conninfo'), self._postgresql_conf])
        else:
""",
    ),
    (
        """                and self._passfile_mtime == passfile_mtime and self._postmaster_ctime == postmaster_ctime:
""",
        """                and self._passfile_mtime == passfile_mtime and self._postmaster_ctime == postmaster_ctime \\
                and self._postgresql.primary_conninfo():
""",
    ),
)


def mended(text: str) -> str:
    """The module's text with every fault mended that it holds exactly once."""
    for wrong, right in MENDS:
        if text.count(wrong) == 1:
            text = text.replace(wrong, right)
        else:
            print(f"mend.py: Patroni is left as it is, it does not hold: {wrong.strip()}", file=sys.stderr)
    return text


if __name__ == "__main__":
    file = Path(sys.argv[1] if sys.argv[1:] else CONFIG)
    file.write_text(mended(file.read_text(encoding="utf-8")), encoding="utf-8")
