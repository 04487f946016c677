"""Debian packages unpacked into a folder of our own, without touching the machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from threading import Lock

SOURCES = (
    Path("/etc/apt/sources.list.d/debian.sources"),
    Path("/etc/apt/sources.list"),
)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR = r"^(?:URIs:|deb(?: \[[^]]*\])?)\s*(\S+/debian)/?(?:\s|$)"
APT_TIMEOUT_S = 900
ONE_AT_A_TIME = Lock()  # apt-get refuses to run twice
CONF = """\
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::State::Lists "{root}/lists";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
{proxy}
"""


class NotDebianError(Exception):
    """This machine has no Debian package source to read from."""


def mirror() -> str:
    """The address of the machine's own Debian mirror; raises NotDebianError."""
    for path in SOURCES:
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        found = re.search(MIRROR, text, re.MULTILINE)
        if found:
            return found[1]
    raise NotDebianError("no Debian package source in " + " or ".join(map(str, SOURCES)))


def unpack(packages: list[str], suite: str, target: Path, *, alone: bool = False) -> None:
    """Unpack `packages` of `suite` with all they depend on, libc included, into `target`.

    Those that need nothing but the machine's libc are unpacked `alone`.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise NotDebianError(f"no apt-get on this {platform.system()}")
    source = f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n"
    with tempfile.TemporaryDirectory(prefix="stt-apt-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "lists" / "partial").mkdir(parents=True)
        (root / "cache" / "archives" / "partial").mkdir(parents=True)
        (root / "status").touch()
        (root / "sources.list").write_text(source, encoding="utf-8")
        conf = root / "apt.conf"
        conf.write_text(CONF.format(root=root, proxy=_machine_proxy()), encoding="utf-8")
        _apt(conf, "update")
        archives = root / "cache" / "archives"
        if alone:
            _apt(conf, "download", *packages, folder=archives)
        else:
            _apt(conf, "install", "--download-only", "--no-install-recommends", "-y", *packages)
        _unpack_all(archives, target)


def _machine_proxy() -> str:
    """The machine's own proxy settings for apt, which our private configuration would hide."""
    shown = subprocess.run(
        ["apt-config", "dump"], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return "\n".join(
        line for line in shown.splitlines() if re.match(r"Acquire::https?(::|\s)", line)
    )


def _apt(conf: Path, *words: str, folder: Path | None = None) -> None:
    subprocess.run(
        ["apt-get", "-qq", *words],
        cwd=folder,
        env=os.environ | {"APT_CONFIG": str(conf), "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=APT_TIMEOUT_S,
    )


def _unpack_all(archives: Path, target: Path) -> None:
    """Unpack beside `target` first: a half unpacked server is never found in the cache."""
    half = target.with_name(f"{target.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(half)], check=True, timeout=300)
    half.rename(target)


def install(package: str) -> None:
    """Install a package on the machine itself, as root."""
    if os.geteuid() != 0:
        raise NotDebianError(f"{package} has to be installed by root")
    # In single-user mode the package starts no service of its own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with ONE_AT_A_TIME:
        for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(
                ["apt-get", "-qq", *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=APT_TIMEOUT_S,
            )
