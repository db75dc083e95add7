"""What may be recorded, said or printed of a text that may hold a password. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# name=value, as libpq's connection strings and shells write it: pieces in quotes and pieces without, and in both a
# backslash takes the next character along. The name of a password ends so: sslpassword, PGPASSWORD.
_NAMED = re.compile(r"""(?i)\w*password\s*=\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\.|[^\s\\])*\s*""")
_OF_QUERY = re.compile(r"(?i)([?&])\w*password=[^&\s]*&?")
# Up to the last @ before the path; a password with a slash, which no URL may have, up to the first.
_OF_USER = re.compile(r"(://[^:/@\s]*):(?:[^\s/?#]*|(?!\d+[/?#])[^\s@]*)@")
_BEFORE_HOST = re.compile(r"(?<=:)[^:/@\s]+(?=@)")


def without_password(text: str) -> str:
    """A libpq connection string of either form, a URL or a command, without the passwords in it."""
    bare = _OF_USER.sub(r"\1@", text)
    bare = _OF_QUERY.sub(r"\1", bare)
    bare = _BEFORE_HOST.sub("", _NAMED.sub("", bare))
    return text if bare == text else bare.strip()


def without_credentials(url: str) -> str:
    """A URL without user and password; a path stays as it is."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else url
