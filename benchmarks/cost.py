"""CPU and memory of the daemon at the default rate and polls; the peer is pgbench at the same rate of operations."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from benchmarks import bench
from benchmarks.row import Row
from stack import packages

SECONDS = 60
TICKS_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def measure() -> list[Row]:
    """Measure the CPU of the whole process over a minute without faults, and its resident memory at the end."""
    with bench.cluster() as settings, bench.daemon(settings) as (_, process):
        time.sleep(5)  # leave the start out
        before = _cpu_s(process.pid)
        peer_cpu, peer_s = _pgbench(settings.dsn(settings.primary_port), SECONDS)
        cpu = (_cpu_s(process.pid) - before) / peer_s * 100
        memory = _resident_mb(process.pid)
    peer = "pgbench --rate=44 of one-row statements"
    return [
        Row("the daemon's CPU at default rate", "10 % of one core", "%", cpu, peer, peer_cpu, cpu <= 10),
        Row("the daemon's memory", "150 MB", "MB", memory, met=memory <= 150),
    ]


def _pgbench(dsn: str, seconds: int) -> tuple[float, float]:
    """Return the percentage of a core that pgbench uses for as many statements, and its duration in seconds."""
    script = "select inet_server_addr(), inet_server_port(), pg_is_in_recovery()"
    program = packages.find().postgres_bin / "pgbench"
    command = [str(program), "-n", "-c1", "-R44", f"-T{seconds}", "-f", "/dev/stdin", dsn]
    before, began = os.times(), time.monotonic()
    subprocess.run(command, input=script, text=True, check=True, capture_output=True)
    after, took = os.times(), time.monotonic() - began
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used / took * 100, took


def _cpu_s(pid: int) -> float:
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def _resident_mb(pid: int) -> float:
    line = next(line for line in _proc(pid, "status").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()
