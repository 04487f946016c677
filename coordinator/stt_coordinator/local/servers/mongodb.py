"""A throw-away MongoDB on loopback, from PATH or from the cache."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import HOST, Running, accepts, free_port

CACHED = ("mongodb-6.0", "mongodb-5.0", "mongodb-4.4", "mongodb-4.2")


def find(name: str = "") -> Path:
    """The mongod of that name in the cache; without a name on PATH first, then the newest.

    Raises MissingServerError.
    """
    if not name and (found := cache.on_path("mongod")):
        return found
    for candidate in [name] if name else CACHED:
        program = cache.folder() / candidate / "mongod"
        if program.exists():
            return program
    raise cache.missing(f"MongoDB ({name})" if name else "MongoDB")


def start(
    directory: Path,
    *,
    binary: Path | None = None,
    port: int | None = None,
    replica_set: str = "",
    extra: Sequence[str] = (),
) -> Running:
    """Start a mongod with data in `directory`; `extra` are further words of its command line."""
    program = binary or find()
    chosen = free_port() if port is None else port
    libraries: dict[str, str] = {}
    if program.parent.parent == cache.folder():  # finds the OpenSSL beside it
        before = os.environ.get("LD_LIBRARY_PATH", "")
        path = os.pathsep.join(filter(None, (str(program.parent), before)))
        libraries = {"LD_LIBRARY_PATH": path}
    (directory / "data").mkdir(parents=True, exist_ok=True)
    words = [
        str(program),
        "--bind_ip",
        HOST,
        "--port",
        str(chosen),
        "--dbpath",
        str(directory / "data"),
        "--unixSocketPrefix",
        str(directory),
        *(["--replSet", replica_set] if replica_set else []),
        *extra,
    ]
    return Running(
        name="mongod",
        command=words,
        directory=directory,
        ready=lambda: accepts(chosen),
        port=chosen,
        socket=str(directory / f"mongodb-{chosen}.sock"),
        binary=program,
        environment=libraries,
    ).start()
