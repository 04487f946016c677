"""A throw-away MySQL or MariaDB on loopback, from PATH or from the cache."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import (
    HOST,
    Running,
    free_port,
    own_directory,
    run_once,
)

ROOT = "root"
NEWER_MARIADB = "mariadb-11.8"  # its folder in the cache
LIBRARIES = ("usr/lib/{triplet}", "lib/{triplet}", "usr/lib/{triplet}/mysql/private")
PATH_LIMIT = 100  # bytes; a Unix socket's path may have 107


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where a server is: the command that starts it, and the folder of its own files."""

    command: tuple[str, ...]
    base: Path
    maria: bool


def find_mysql() -> Installation:
    """MySQL on PATH or in the cache; raises MissingServerError."""
    return _find("mysqld", "mysql", maria=False)


def find_mariadb() -> Installation:
    """MariaDB on PATH or in the cache; raises MissingServerError."""
    return _find("mariadbd", "mariadb", maria=True)


def find_newer_mariadb() -> Installation:
    """MariaDB 11.8 in the cache, whatever is on PATH; raises MissingServerError."""
    return _cached("mariadbd", NEWER_MARIADB, maria=True)


def _find(program: str, name: str, *, maria: bool) -> Installation:
    found = cache.on_path(program)
    # MariaDB installs itself under MySQL's name too.
    if found is not None and (maria or not found.resolve().name.startswith("mariadb")):
        return Installation(command=(str(found),), base=found.parents[1], maria=maria)
    return _cached(program, name, maria=maria)


def _cached(program: str, name: str, *, maria: bool) -> Installation:
    root = cache.folder() / name
    if not (root / "usr" / "sbin" / program).exists():
        raise cache.missing("MariaDB" if maria else "MySQL")
    # An unpacked server runs with its own libc, so that the machine's does not matter.
    loader = next(
        found
        for pattern in ("usr/lib/*/ld-linux-*.so.*", "lib/*/ld-linux-*.so.*")
        for found in sorted(root.glob(pattern))
    )
    triplet = loader.parent.name
    folders = [root / place.format(triplet=triplet) for place in LIBRARIES]
    path = os.pathsep.join(str(folder) for folder in folders)
    command = (str(loader), "--library-path", path, str(root / "usr" / "sbin" / program))
    return Installation(command=command, base=root / "usr", maria=maria)


def start(
    installation: Installation,
    directory: Path,
    *,
    password: str = "",
    port: int | None = None,
    extra: Sequence[str] = (),
    tls: tuple[Path, Path, Path] | None = None,
) -> Running:
    """Start a server with data in `directory`; `tls` is certificate, key and CA.

    root@localhost has `password`; an empty one is an empty one.
    """
    chosen = free_port() if port is None else port
    data = own_directory(directory, None) / "data"
    if not data.exists():
        _initialize(installation, directory, data, password)
    path = str(directory / "mysqld.sock")
    if len(path.encode()) > PATH_LIMIT:
        path = ""
    files = zip(("cert", "key", "ca"), tls or (), strict=False)
    options = [
        *_common(installation, data),
        f"--port={chosen}",
        f"--bind-address={HOST}",
        f"--socket={path}",
        f"--pid-file={directory / 'mysqld.pid'}",
        *(f"--ssl-{name}={file}" for name, file in files),
        *([] if installation.maria else ["--mysqlx=OFF", "--secure-file-priv=NULL"]),
        *extra,
    ]
    return Running(
        name="mariadb" if installation.maria else "mysql",
        command=[*installation.command, *options],
        directory=directory,
        ready=lambda: _greets(chosen),
        port=chosen,
        socket=path,
        user=ROOT,
        password=password,
        binary=Path(installation.command[-1]),
    ).start()


def public_key(server: Running) -> str:
    """The file of the server's own RSA key, for a log-in without TLS; empty for MariaDB."""
    file = server.directory / "data" / "public_key.pem"
    return str(file) if file.exists() else ""


def _common(installation: Installation, data: Path) -> list[str]:
    share = _share(installation)
    temporary = data.with_name("tmp")
    temporary.mkdir(exist_ok=True)
    words = [
        "--no-defaults",
        f"--basedir={installation.base}",
        f"--datadir={data}",
        f"--tmpdir={temporary}",
        f"--lc-messages-dir={share}",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]
    plugins = installation.base / "lib" / "mysql" / "plugin"
    return [*words, f"--plugin-dir={plugins}"] if plugins.exists() else words


def _share(installation: Installation) -> Path:
    """The folder of messages and system tables; MariaDB has called it by its own name since 11."""
    own = installation.base / "share" / "mariadb"
    return own if installation.maria and own.exists() else installation.base / "share" / "mysql"


def _initialize(installation: Installation, directory: Path, data: Path, password: str) -> None:
    quoted = password.replace("\\", "\\\\").replace("'", "''")
    set_password = f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{quoted}';\n"
    init = directory / "init.sql"
    if not installation.maria:
        init.write_text(set_password if password else "", encoding="utf-8")
        words = ["--initialize-insecure", f"--init-file={init}"]
        run_once([*installation.command, *_common(installation, data), *words], owner=None)
        init.unlink()
        return
    # The scripts also make root@<host name>, root@127.0.0.1 and root@::1, all without a password.
    only_one_root = "DELETE FROM mysql.global_priv WHERE User='root' AND Host<>'localhost';\n"
    last = f"{only_one_root}FLUSH PRIVILEGES;\n{set_password}"
    _bootstrap_mariadb(installation, data, last)


def _bootstrap_mariadb(installation: Installation, data: Path, last: str) -> None:
    """What mariadb-install-db feeds to the server, without that script and its many programs."""
    share = _share(installation)
    names = (
        "mariadb_system_tables.sql",
        "mariadb_performance_tables.sql",
        "mariadb_system_tables_data.sql",
    )
    older = {name: name.replace("mariadb", "mysql") for name in names}
    parts = ["CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"]
    for name in names:
        file = share / name if (share / name).exists() else share / older[name]
        parts.append(file.read_text(encoding="utf-8"))
    (data / "mysql").mkdir(parents=True)
    run_once(
        [*installation.command, *_common(installation, data), "--bootstrap"],
        owner=None,
        stdin="\n".join([*parts, last]).encode(),
    )


def _greets(port: int) -> None:
    """Return if the server sends its handshake; raises OSError if not."""
    with socket.create_connection((HOST, port), timeout=1) as connection:
        if len(connection.recv(5)) < 5:  # noqa: PLR2004  # a packet's header and first byte
            raise ConnectionError("no greeting")
