"""etcd, one member of it at a time, through python-etcd3: the only module that imports it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """User and password, and the files of the CA (which turns TLS on), the client's certificate and its key."""

    user: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
