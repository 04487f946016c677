"""`stt scan` in a process of its own, addresses to scan, and its report read back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from typing import Any
from urllib.parse import quote

from stt_coordinator.local.servers.process import Running
from tests.support.processes.prepared import prepared


def stt(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return prepared().run(arguments, os.environ | environ)


def url(database: Running, scheme: str = "postgresql", rest: str = "/postgres") -> str:
    user, password = quote(database.user, safe=""), quote(database.password, safe="")
    login = f"{user}:{password}@" if user else ""
    return f"{scheme}://{login}{database.host}:{database.port}{rest}"


def unused_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["schema"] == "stt.report/v1"
    return found
