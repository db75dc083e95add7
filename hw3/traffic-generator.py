"""The homework's generator: writes through 5001 and reads through 5002, one line for each success and each failure.

Needs only psycopg2:

    pip3 install psycopg2-binary
    python3 traffic-generator.py

Each operation takes a new connection, so every line shows where HAProxy leads a client right now, and a failover needs
no care: the next operation simply succeeds again. Ctrl-C ends it. Where the ports were moved, PORT_PRIMARY and
PORT_REPLICAS move them here too, and PGHOST names another host.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Callable

import psycopg2
from psycopg2 import extensions

HOST = os.environ.get("PGHOST", "127.0.0.1")
PRIMARY = int(os.environ.get("PORT_PRIMARY", "5001"))
REPLICAS = int(os.environ.get("PORT_REPLICAS", "5002"))
EVERY_S = 0.5
DEADLINE_S = 3.0

# The host's name is the member's name in Docker; elsewhere the address has to do.
SERVER = """
    coalesce(split_part(pg_read_file('/etc/hostname', 0, 200, true), E'\\n', 1), '?')
    || ' ' || host(inet_server_addr()) || ':' || inet_server_port()
    || CASE WHEN pg_is_in_recovery() THEN ' (реплика)' ELSE ' (лидер)' END
"""
WRITE = f"""
    INSERT INTO events (event_name, owner_name)
    VALUES ('traffic-generator', (SELECT owner_name FROM owners ORDER BY id LIMIT 1))
    RETURNING id, {SERVER}
"""
READ = f"SELECT coalesce(max(id), 0), {SERVER} FROM events"

Talk = Callable[[], tuple[int, str]]


def wait(connection: extensions.connection) -> None:
    """Lets psycopg2 wait no longer than the deadline: libpq itself waits for a frozen server for ever."""
    until_s = time.monotonic() + DEADLINE_S
    while (state := connection.poll()) != extensions.POLL_OK:
        left_s = max(0.0, until_s - time.monotonic())
        reading = [connection] if state == extensions.POLL_READ else []
        writing = [connection] if state == extensions.POLL_WRITE else []
        if not any(select.select(reading, writing, [], left_s)):
            raise psycopg2.OperationalError(f"нет ответа за {DEADLINE_S:.0f} с")


def ask(port: int, statement: str) -> tuple[int, str]:
    """One operation on a connection of its own: the row's id and the server that answered."""
    connection = psycopg2.connect(
        host=HOST, port=port, user="postgres", password="postgres", dbname="postgres", gssencmode="disable"
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row: tuple[int, str] = cursor.fetchone()
        return row
    finally:
        connection.close()


def shoot(name: str, talk: Talk, stop: threading.Event) -> None:
    """Repeat one operation, each time when it is due, whatever the result of the one before."""
    failing_since_s: float | None = None
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            number, server = talk()
        except psycopg2.Error as error:
            failing_since_s = failing_since_s or began_s
            reason = str(error).strip().splitlines() or [type(error).__name__]
            say(name, "ОШИБКА", reason[0])
        else:
            took_ms = (time.monotonic() - began_s) * 1000
            back = f", снова работает спустя {time.monotonic() - failing_since_s:.1f} с" if failing_since_s else ""
            failing_since_s = None
            say(name, "успех ", f"{server}, events.id = {number}, {took_ms:.0f} мс{back}")
        stop.wait(max(0.0, began_s + EVERY_S - time.monotonic()))


def say(name: str, result: str, text: str) -> None:
    """One line: when, what, how it ended, and the rest."""
    now = time.time()
    clock = f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03d}"
    try:
        sys.stdout.write(f"{clock}  {name}  {result}  {text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)  # nobody reads any more: `| head`


def main() -> None:
    """Shoots until Ctrl-C."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a text stream has it
    extensions.set_wait_callback(wait)
    stop = threading.Event()
    shooters = [
        threading.Thread(target=shoot, args=("запись", lambda: ask(PRIMARY, WRITE), stop), daemon=True),
        threading.Thread(target=shoot, args=("чтение", lambda: ask(REPLICAS, READ), stop), daemon=True),
    ]
    for shooter in shooters:
        shooter.start()
    try:
        while not stop.wait(1.0):
            pass
    except KeyboardInterrupt:
        stop.set()
    for shooter in shooters:
        shooter.join(DEADLINE_S)


if __name__ == "__main__":
    main()
