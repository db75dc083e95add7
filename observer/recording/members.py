"""The addresses of each member, from the configuration, from etcd, and as PostgreSQL itself reports them."""

import threading
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from observer.model.recording import Event

Use = Callable[[str, str], None]  # takes the name of a member, and its URL or connection string


class Members:
    """Collects addresses from the records. Calls `use_api` and `use_postgres` for each new address.

    `api` and `postgres` are the addresses of the configuration; if they are given, those in etcd are not used.
    """

    def __init__(
        self, api: Mapping[str, str] | None, postgres: Mapping[str, str] | None, use_api: Use, use_postgres: Use
    ) -> None:
        self.api: dict[str, str] = {}
        self.postgres: dict[str, str] = {}
        self._configured_api, self._configured_postgres = api, postgres
        self._use_api, self._use_postgres = use_api, use_postgres
        self._names: dict[str, str] = {}
        self._lock = threading.RLock()

    def add_configured(self) -> None:
        """Use the addresses of the configuration."""
        for name, url in (self._configured_api or {}).items():
            self._add(self.api, name, url, self._use_api)
        for name, dsn in (self._configured_postgres or {}).items():
            self._add(self.postgres, name, dsn, self._use_postgres)

    def observe(self, event: Event) -> None:
        """Take the address from an event that carries one."""
        if event.kind == "identity.learned":
            with self._lock:
                self._names[str(event.detail.get("address"))] = event.subject
        elif event.source == "etcd" and event.kind == "member.changed":
            self.add(event.subject, event.detail.get("api_url"), event.detail.get("conn_url"))

    def add(self, name: str, api_url: str | None, conn_url: str | None) -> None:
        """Add a member with its addresses in etcd."""
        if conn_url:
            parts = urlsplit(conn_url)
            with self._lock:
                self._names.setdefault(f"{parts.hostname}:{parts.port or 5432}", name)
            if self._configured_postgres is None:
                self._add(self.postgres, name, conn_url, self._use_postgres)
        if api_url and self._configured_api is None:
            self._add(self.api, name, api_url, self._use_api)

    def name_of(self, address: str) -> str | None:
        """Return the member with this address ("host:port"), None if no member has it."""
        return self._names.get(address)

    def _add(self, known: dict[str, str], name: str, address: str, use: Use) -> None:
        with self._lock:
            if known.get(name) == address:
                return
            known[name] = address
        use(name, address)
