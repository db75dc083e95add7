"""Fixes two bugs of Patroni 4.0 that leave a replica without a primary; runs once, while the image is built.

A replica that starts or reloads while there is no leader gets a configuration without `primary_conninfo`. Once there is
a leader, Patroni compares its cached parameters with the wanted ones. The cache is wrong in two cases:

1. While PostgreSQL is still starting, Patroni does not compare a parameter that is missing from the file. PostgreSQL
   never finishes starting if it lacks WAL that only the leader has. (As in patroni/patroni#3675.)
2. Patroni reads PostgreSQL's parameters again only after a file changed. If it read them just before a reload took
   effect, the old value stays in the cache. Patroni then reports "no action. I am a secondary, and following a leader"
   although no WAL receiver runs. (As in #3686 and #3717.) With this fix it reads them again while nothing is received.

A Patroni without these lines is left unchanged, with a message.
"""

from __future__ import annotations

import sys
from pathlib import Path

CONFIG = "/usr/lib/python3/dist-packages/patroni/postgresql/config.py"
FIXES = (
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


def fixed(text: str) -> str:
    """Return the module's text with every fix whose place occurs exactly once."""
    for old, new in FIXES:
        if text.count(old) == 1:
            text = text.replace(old, new)
        else:
            print(f"fix_patroni.py: Patroni is left unchanged; it lacks the line: {old.strip()}", file=sys.stderr)
    return text


if __name__ == "__main__":
    file = Path(sys.argv[1] if sys.argv[1:] else CONFIG)
    file.write_text(fixed(file.read_text(encoding="utf-8")), encoding="utf-8")
