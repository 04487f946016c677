"""Logging in over TLS to a whole installation: who gets in, and that no secret stands anywhere."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from stt_coordinator.local.servers.process import Running, free_port
from stt_shared.clock import monotonic
from tests.servers.certificates import Certificates
from tests.support.processes.commands import STT
from tests.support.processes.prepared import prepared

TIMEOUT_S = 90.0
MAX_PAGES = 400
NEEDED = {"/api/v1/diff": "?since=2026-11-01T00:00:00Z"}  # what an address cannot be asked without
WRONG = "stt_wrong-token-of-a-stranger"
TARGET = """
[[targets]]
id = "books"
family = "postgresql"
host = "{server.host}"
port = {server.port}
user = "{server.user}"
password = "env:PASSWORD_OF_BOOKS"
tls = "off"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An installation whose page takes log-ins, and its secrets."""

    url: str
    ca: Path
    folder: Path
    environ: dict[str, str]
    tokens: dict[str, str]
    secrets: dict[str, str] = field(default_factory=dict[str, str])

    def visitor(self, name: str = "") -> httpx.Client:
        headers = {"authorization": f"Bearer {self.tokens[name]}"} if name else {}
        trust = ssl.create_default_context(cafile=str(self.ca))
        return httpx.Client(base_url=self.url, verify=trust, headers=headers, timeout=30)

    def stt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return prepared().run(words, self.environ)


def clean_environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STT_")}
    return kept | {"XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}


def new_token(environ: dict[str, str], file: Path, name: str, role: str) -> str:
    """As the documentation has it: `stt web token new NAME --role ROLE >> FILE`."""
    words = [str(STT), "web", "token", "new", name, "--role", role]
    with file.open("a") as out:
        done = subprocess.run(
            words, env=environ, stdout=out, stderr=subprocess.PIPE, text=True, check=True
        )
    match = re.search(r"stt_[\w-]{43}", done.stderr)
    assert match is not None
    assert match[0] not in file.read_text()
    return match[0]


@pytest.fixture(scope="module")
def place(
    postgresql: Running, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("login")
    environ = clean_environment(folder)
    file = folder / "tokens"
    file.touch(0o600)
    roles = {"ann": "admin", "olga": "operator", "vic": "viewer"}
    tokens = {name: new_token(environ, file, name, role) for name, role in roles.items()}
    port, web = free_port(), free_port()
    environ |= {
        "PASSWORD_OF_BOOKS": postgresql.password,
        "STT_NATS_URL": f"nats://127.0.0.1:{port}",
        "STT_WEB_LISTEN": f"0.0.0.0:{web}",
        "STT_WEB_TOKENS": str(file),
        "STT_WEB_CERT": str(certificates.cert),
        "STT_WEB_KEY": str(certificates.key),
        "STT_LOG_LEVEL": "debug",
    }
    (folder / "targets.toml").write_text(TARGET.format(server=postgresql))
    words = ["standalone", "--targets", str(folder / "targets.toml"), "--state-dir", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [STT, *words, "--port", str(port)], env=environ, stderr=log, stdout=log
        )
    try:
        wait_for(folder / "log", "Ready on nats://")
        found = Place(
            url=f"https://127.0.0.1:{web}",
            ca=certificates.ca,
            folder=folder,
            environ=environ,
            tokens=tokens,
            secrets={**tokens, "of the database": postgresql.password},
        )
        checked(found)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_for(path: Path, text: str) -> None:
    deadline = monotonic() + TIMEOUT_S
    while text not in path.read_text(errors="replace"):
        assert monotonic() < deadline, path.read_text(errors="replace")[-3000:]
        time.sleep(0.1)


def checked(place: Place) -> None:
    """Enabled by the interface in ann's name, and every check run once."""
    with place.visitor("ann") as ann:
        run = ann.post("/api/v1/enable", json={"reason": "CHG-1"}).json()["run_id"]
        deadline = monotonic() + TIMEOUT_S
        while True:
            answer = ann.get(f"/api/v1/runs/{run}")
            if answer.json()["runs"][0]["state"] == "finished":
                return
            assert monotonic() < deadline
            time.sleep(0.1)


def log_in(visitor: httpx.Client, token: str) -> httpx.Response:
    form = visitor.get("/login", headers={"accept": "text/html"})
    secret = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
    assert secret is not None
    sent = {"_csrf_token": secret[1], "token": token, "to": "/settings"}
    return visitor.post("/login", data=sent, headers={"accept": "text/html"})


def test_roles_over_tls_and_their_audit_entries(place: Place) -> None:
    with place.visitor() as nobody:
        assert nobody.get("/api/v1/status").status_code == 401
        assert nobody.get("/healthz").text == "ok"
        assert nobody.get("/readyz").json() == {"wrong": []}
    with place.visitor("vic") as viewer:
        assert viewer.get("/api/v1/findings").json()["total"] > 0
        assert viewer.get("/metrics").status_code == 200
        assert viewer.post("/api/v1/runs", json={}).status_code == 403
    with place.visitor("olga") as operator:
        assert operator.post("/api/v1/runs", json={"checks": ["postgresql_version"]}).is_success
        assert operator.post("/api/v1/disable", json={}).status_code == 403
    done = place.stt("audit", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    reported = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["by"], one["role"], one["way"], one["did"]) for one in reported] == [
        ("olga", "operator", "api", "run"),
        ("ann", "admin", "api", "enable"),
    ]
    assert reported[1]["reason"] == "CHG-1"


def test_no_secret_stands_in_any_page_answer_or_log(place: Place) -> None:
    secrets = dict(place.secrets)
    with place.visitor() as stranger:
        refused = log_in(stranger, WRONG)
        assert refused.status_code == 401
        assert WRONG not in refused.text
    with place.visitor() as ann:
        entered = log_in(ann, place.tokens["ann"])
        assert entered.status_code == 303
        assert "Secure" in entered.headers["set-cookie"]
        assert "HttpOnly" in entered.headers["set-cookie"]
        secrets["of the session"] = ann.cookies["__Host-stt-session"]
        secrets |= {f"hash {n}": line.split("sha256:")[1] for n, line in enumerate(lines(place))}
        seen = crawled(ann)
        ann.get("/api/v1/status", headers={"authorization": f"Bearer {WRONG}"})
    assert {"/", "/settings", "/accepted", "/api/v1/audit", "/metrics"} <= seen.keys()
    assert any(path.startswith("/findings/f_") for path in seen)
    secrets["of a stranger"] = WRONG
    seen["the log"] = (place.folder / "log").read_text(errors="replace")
    assert "login_accepted" in seen["the log"]
    assert "login_rejected" in seen["the log"]
    for where, text in seen.items():
        for whose, secret in secrets.items():
            assert secret not in text, f"the secret {whose} stands in {where}"


def lines(place: Place) -> list[str]:
    return (place.folder / "tokens").read_text().splitlines()


def crawled(visitor: httpx.Client) -> dict[str, str]:
    """Every page that links lead to, and every address of the interface that names no object."""
    reported = visitor.get("/schema/openapi.json").json()
    waiting = ["/", "/panel", "/schema/openapi.json"]
    whole = [path for path, one in reported["paths"].items() if "get" in one and "{" not in path]
    waiting += [f"{path}{NEEDED.get(path, '')}" for path in whole]
    seen: dict[str, str] = {}
    while waiting and len(seen) < MAX_PAGES:
        path = waiting.pop(0)
        if path in seen:
            continue
        answer = visitor.get(path, headers={"accept": "text/html, application/json"})
        assert answer.status_code == 200, (path, answer.text[:300])
        seen[path] = answer.text + str(answer.headers)
        links = re.findall(r'(?:href|src|action)="(/[^"#]*)', answer.text)
        waiting += [one.replace("&amp;", "&") for one in links if can_be_looked_at(one)]
    return seen


def can_be_looked_at(path: str) -> bool:
    acts = r"/(enable|disable|logout|severities|findings/[^/]+/accept|accepted/.)"
    return not re.match(acts, path)


def test_an_address_that_others_reach_is_refused_at_the_start_without_a_log_in(
    tmp_path: Path,
) -> None:
    environ = clean_environment(tmp_path) | {"STT_WEB_LISTEN": "0.0.0.0:8642"}
    done = subprocess.run(
        [STT, "coordinator"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    first, second, *rest = done.stderr.splitlines()
    assert first == (
        "error: web.listen is '0.0.0.0:8642', which others can reach, and no log-in is configured"
    )
    assert "set web.tokens or web.proxy_user_header" in second
    assert [line for line in rest if line.strip() and not line.startswith("exit")] == []


def test_without_tls_nothing_is_answered_on_its_port(place: Place) -> None:
    port = int(place.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        with suppress(ConnectionError):
            assert not plain.recv(100).startswith(b"HTTP")
