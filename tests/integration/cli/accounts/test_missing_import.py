"""A real worker whose account lacks an import says so in its log, and status names the subject."""

from __future__ import annotations

import json
from pathlib import Path

from stt_coordinator.local.servers import nats as embedded_nats
from tests.support.cli.accounts_site import OPS, Site, of_worker, printed
from tests.support.shared.nats_logins import rewrite

LACKING = "$JS.API.DIRECT.GET.STT_PACKS.stt.v1.pack.>"
EVERY_S = "1"  # between two times that the worker asks


def test_a_worker_says_aloud_what_it_may_not_use_until_it_may(tmp_path: Path) -> None:
    own = printed(tmp_path, *of_worker("eu", "w1"))
    (line,) = (line for line in own.splitlines(keepends=True) if LACKING in line)
    blocks = (printed(tmp_path, "--stt"), printed(tmp_path, "--people"))
    lacking = own.replace(line, "")
    text = f"accounts {{\n{''.join(blocks)}{lacking}}}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=text)
    site = Site(folder=tmp_path, server=server)
    named = f"NATS does not let worker w1 at site eu use {LACKING.removesuffix('.>')}"
    try:
        site.coordinate()
        site.work("eu", "w1", "books", STT_LOG_FORMAT="json", STT_TEST_ACCESS_S=EVERY_S)
        site.knows("books")
        site.until(lambda: is_shown(site, named), "a sentence of the status")
        (logged, *_) = of_event(site, "access_missing", LACKING.removesuffix(".>"))
        assert (logged["level"], logged["hint"]) == ("error", "stt nats check")
        rewrite(server, lacking, own)
        site.until(lambda: bool(of_event(site, "access_restored")), "the right that it lacked")
        site.until(lambda: not is_shown(site, named), "no sentence any more")
    finally:
        site.processes.close()
        server.stop()


def is_shown(site: Site, sentence: str) -> bool:
    status = json.loads(site.stt(OPS, "status", "-o", "json").stdout or "{}")
    return any(sentence in one for one in status.get("degraded", ()))


def of_event(site: Site, event: str, word: str = "") -> list[dict[str, str]]:
    """The lines of the worker's log with that event and that word."""
    lines = site.log("w1").read_text().splitlines()
    return [json.loads(one) for one in lines if f'"{event}"' in one and word in one]
