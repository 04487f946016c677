"""The interface does what its description says, whatever is sent to it: schemathesis."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import free_port
from stt_coordinator.web.serve import Front, bound
from stt_shared.protocol.enums import Role
from tests.support.coordinator.api_site import site
from tests.support.coordinator.visitors import login_with, tokens_in, visiting

EXAMPLES = 10  # of each address; the phase of coverage comes on top
MAX_S = 100
# A schema cannot say that a cursor was made here, that a check exists, or that a day is to come:
# such requests fit it and are refused.
LEFT_OUT = "positive_data_acceptance"


def test_every_answer_is_as_described(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tokens = tokens_in(tmp_path / "tokens", ann=Role.ADMIN)
    port = free_port()
    front = Front(listen=f"127.0.0.1:{port}", login=login_with(tmp_path / "tokens"))
    words = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        *(f"http://127.0.0.1:{port}/schema/openapi.json", "--no-color"),
        *("--header", f"Authorization: Bearer {tokens['ann']}"),
        *("--checks", "all", "--exclude-checks", LEFT_OUT),
        *("--phases", "coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES)),
        *("--seed", "1", "--generation-deterministic", "--continue-on-failure"),
    ]
    with site(front, tmp_path / "store"):
        done = subprocess.run(
            words, cwd=tmp_path, capture_output=True, text=True, timeout=MAX_S, check=False
        )
    logged = capfd.readouterr()
    shown = done.stdout[done.stdout.find("= SUMMARY") :]
    print(shown)
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr
    tested = re.search(r"Selected: (\d+)/(\d+)\n\s+Tested: (\d+)", shown)
    assert tested is not None
    assert tested[1] == tested[2] == tested[3]
    assert tokens["ann"] not in logged.out + logged.err
    assert " internal " not in logged.out + logged.err


def test_answers_on_a_kept_connection_wait_for_no_timer_of_tcp() -> None:
    with bound("127.0.0.1:0") as listening:
        # asyncio turns Nagle's algorithm off only where the socket names its protocol.
        assert listening.proto == socket.IPPROTO_TCP


async def test_options_name_every_method_of_an_address() -> None:
    async with visiting() as client:
        for path, methods in {"runs": "GET, OPTIONS, POST", "status": "GET, OPTIONS"}.items():
            answer = await client.options(f"/api/v1/{path}")
            assert (answer.status_code, answer.headers["allow"]) == (204, methods)
