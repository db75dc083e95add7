"""Removal of passwords from texts before they are recorded or printed. Pure."""

import re
from urllib.parse import urlsplit, urlunsplit

# name=value in libpq's connection strings and shells: quoted and unquoted pieces, in both of which a backslash escapes
# the next character. The name may have a prefix: sslpassword, PGPASSWORD.
_NAMED = re.compile(r"""(?i)\w*password\s*=\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\.|[^\s\\])*\s*""")
_OF_QUERY = re.compile(r"(?i)([?&])\w*password=[^&\s]*&?")
# Up to the last @ before the path; a password with a slash, which no URL may have, up to the first.
_OF_USER = re.compile(r"(://[^:/@\s]*):(?:[^\s/?#]*|(?!\d+[/?#])[^\s@]*)@")
_BEFORE_HOST = re.compile(r"(?<=:)[^:/@\s]+(?=@)")


def without_password(text: str) -> str:
    """Return a libpq connection string of either form, a URL or a command without its passwords."""
    bare = _OF_USER.sub(r"\1@", text)
    bare = _OF_QUERY.sub(r"\1", bare)
    bare = _BEFORE_HOST.sub("", _NAMED.sub("", bare))
    return text if bare == text else bare.strip()


def without_credentials(url: str) -> str:
    """Return a URL without user and password; return a path unchanged."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else url
