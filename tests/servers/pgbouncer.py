"""A throw-away PgBouncer in front of a PostgreSQL, in one of its three modes."""

from __future__ import annotations

import shutil
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import (
    HOST,
    Running,
    accepts,
    free_port,
    own_directory,
    unprivileged,
)

LIBRARIES = Path("usr/lib/x86_64-linux-gnu")


def start(folder: Path, server: Running, mode: str, more: str = "") -> Running:
    """Start one that hands every database of `server` on, with its own log-in of each user.

    `more` are further lines of its settings. Raises MissingServerError.
    """
    found = cache.folder() / "pgbouncer"
    if not found.exists():
        raise cache.missing("PgBouncer")
    owner, port = unprivileged(), free_port()
    own_directory(folder, owner)
    # Copied: its own user may not enter our cache.
    program = str(shutil.copy(found / "usr" / "sbin" / "pgbouncer", folder))
    for library in (found / LIBRARIES).glob("*.so*"):
        shutil.copy(library, folder)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={server.host} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\npool_mode = {mode}\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users\nunix_socket_dir =\n{more}\n",
        encoding="utf-8",
    )
    (folder / "users").write_text("", encoding="utf-8")
    return Running(
        name="pgbouncer",
        command=[program, str(settings)],
        directory=folder,
        ready=lambda: accepts(port),
        port=port,
        environment={"LD_LIBRARY_PATH": str(folder)},
        owner=owner,
    )
