"""The command `stt` in a process of its own, and the form of its errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from stt_coordinator.local.servers.process import Running
from tests.support.processes.prepared import prepared

TIMEOUT_S = 60.0


STT = Path(sys.executable).with_name("stt")


CODES = {
    2: "wrong usage or configuration",
    4: "NATS, the coordinator or its store cannot be reached",
}


def stt(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    own = {"XDG_CONFIG_HOME": "/nonexistent", "XDG_STATE_HOME": "/nonexistent", "NO_COLOR": "1"}
    return prepared().run(words, clean | own | environ)


def refused(done: subprocess.CompletedProcess[str], *sentences: str, code: int = 2) -> None:
    """Assert the form of every error: nothing on stdout, sentences, and the reason last."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == f"exit {code}: {CODES[code]}"
    for sentence in sentences:
        assert sentence in done.stderr


def url(server: Running, scheme: str, password: str, rest: str = "/") -> str:
    user = quote(server.user or "stt", safe="")
    return f"{scheme}://{user}:{quote(password, safe='')}@{server.host}:{server.port}{rest}"
