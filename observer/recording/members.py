"""Who is who: each member's addresses, as the configuration and etcd give them and as PostgreSQL knows itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from observer.model.recording import Event

Use = Callable[[str, str], None]  # a member's name, and its URL or connection string


class Members:
    """Learns from the records that pass. `use_api` and `use_postgres` are called for each address that is new.

    `api` and `postgres` are what the configuration says; where it names them, etcd's are not used.
    """

    def __init__(
        self,
        api: Mapping[str, str] | None,
        postgres: Mapping[str, str] | None,
        use_api: Use,
        use_postgres: Use,
    ) -> None:
        self.api: dict[str, str] = {}
        self.postgres: dict[str, str] = {}
        self._told_api, self._told_postgres = api, postgres
        self._use_api, self._use_postgres = use_api, use_postgres
        self._names: dict[str, str] = {}
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Uses what the configuration names."""
        for name, url in (self._told_api or {}).items():
            self._learn(self.api, name, url, self._use_api)
        for name, dsn in (self._told_postgres or {}).items():
            self._learn(self.postgres, name, dsn, self._use_postgres)

    def see(self, event: Event) -> None:
        """A record passed that may tell an address."""
        if event.kind == "identity.learned":
            with self._lock:
                self._names[str(event.detail.get("address"))] = event.subject
        elif event.source == "etcd" and event.kind == "member.changed":
            self.found(event.subject, event.detail.get("api_url"), event.detail.get("conn_url"))

    def found(self, name: str, api_url: str | None, conn_url: str | None) -> None:
        """A member as etcd describes it."""
        if conn_url:
            parts = urlsplit(conn_url)
            with self._lock:
                self._names.setdefault(f"{parts.hostname}:{parts.port or 5432}", name)
            if self._told_postgres is None:
                self._learn(self.postgres, name, conn_url, self._use_postgres)
        if api_url and self._told_api is None:
            self._learn(self.api, name, api_url, self._use_api)

    def name_of(self, address: str) -> str | None:
        """The member that has this address ("host:port"), None where it is nobody's."""
        return self._names.get(address)

    def _learn(self, known: dict[str, str], name: str, address: str, use: Use) -> None:
        with self._lock:
            if known.get(name) == address:
                return
            known[name] = address
        use(name, address)
