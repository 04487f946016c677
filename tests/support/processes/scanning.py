"""`stt scan` in a process of its own, addresses to scan, and its report read back."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stt_coordinator.local.servers.process import Running
from tests.support.processes.prepared import prepared

PACK = """
checks:
  - version: 2
    name: {name}
    summary: {name}
    description: for tests
    family: POSTGRESQL
    queries:
      - type: POSTGRESQL_SELECT
        query: current_user::text AS name, 1 AS n
    script: |
      def check_context(docs, context):
          found = {found}
          return found
"""


CRITICAL = '[{"summary": "bad", "severity": "critical", "object": docs[0][0]["name"]}]'


TRIVIAL = '[{"summary": "odd", "severity": "info"}]'


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


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.strip().splitlines()[-1]


def worker_toml(folder: Path, *targets: str) -> str:
    path = folder / "worker.toml"
    path.write_text("\n".join(targets))
    return str(path)


def table(name: str, database: Running, reference: str = "env:PW") -> str:
    return (
        f'[[targets]]\nid = "{name}"\nfamily = "postgresql"\nhost = "{database.host}"\n'
        f'port = {database.port}\nuser = "{database.user}"\npassword = "{reference}"\ntls = "off"\n'
    )


def written_pack(folder: Path) -> str:
    """Three checks of PostgreSQL: one passes, one is critical, one is trivial."""
    for name, found in (("clean", "[]"), ("bad", CRITICAL), ("odd", TRIVIAL)):
        (folder / f"{name}.yaml").write_text(PACK.format(name=name, found=found))
    return str(folder)
