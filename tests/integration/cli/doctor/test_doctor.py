"""The doctor on real processes: nothing to mend where all is well, and each fault that is made."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from stt_cli.doctor.diagnostic_line import Level
from stt_cli.doctor.server import transport
from stt_coordinator.local.servers import nats as embedded_nats
from stt_coordinator.packs import cache
from stt_coordinator.packs.sources import Offer
from stt_shared import clock
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.bus.values import Request, RequestError
from stt_shared.pack import archive
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol import subjects
from stt_shared.protocol.control import NO_LEADER, Verb
from tests.servers.certificates import Certificates
from tests.servers.fixtures import required
from tests.support.cli.doctor_site import Site
from tests.support.shared import packs


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything as it should be, a backup taken."""
    folder = tmp_path_factory.mktemp("doctored")
    made = required("nats-server", lambda: Site.begin(folder))
    try:
        made.coordinate()
        made.work()
        made.until("targets", "ok")
        assert made.stt("store", "backup", str(folder / "copy.db")).returncode == 0
        yield made
    finally:
        made.end()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Site]:
    """A nats-server and nothing else yet."""
    made = required("nats-server", lambda: Site.begin(tmp_path))
    yield made
    made.end()


def test_an_installation_in_order_is_all_ok_and_exits_0(site: Site) -> None:
    code, lines = site.doctor("--config", str(site.config))
    wrong = [one for some in lines.values() for one in some if one["level"] != "ok"]
    assert (code, wrong) == (0, [])
    assert {"consumer results-1", "consumer w_eu_postgresql", "store", "pack"} <= set(lines)


def test_the_rights_that_the_doctor_asks_for_are_enough_to_work_with(site: Site) -> None:
    # Coordinator and worker of this site have these and no others.
    assert site.stt("enable", "--reason", "CHG-1").returncode == 0
    done = site.stt("run", "--wait", "--allow-incomplete")
    assert done.returncode == 0, done.stderr
    (target,) = json.loads(site.stt("targets", "list", "-o", "json").stdout)["targets"]
    assert (target["state"], target["kind"]) == ("unchecked", "unreachable")
    for user in ("coordinator", "worker"):
        words = ("--as", user, "--config", str(site.config))
        assert site.doctor(*words, user=user)[1]["permissions"][0]["level"] == "ok"


def test_a_stream_with_other_settings_is_named_with_them(site: Site) -> None:
    config = site.ask("$JS.API.STREAM.INFO.STT_SUMMARY", {})["config"]
    wrong = config | {"max_age": 3600 * 10**9, "duplicate_window": 60 * 10**9}
    site.ask("$JS.API.STREAM.UPDATE.STT_SUMMARY", wrong)
    _, lines = site.doctor()
    site.ask("$JS.API.STREAM.UPDATE.STT_SUMMARY", config)
    (line,) = lines["STT_SUMMARY"]
    assert line["level"] == "warn"
    assert line["seen"] == (
        "differs: max_age is 1 h, expected 400 d, duplicate_window is 1 min, expected 1 d"
    )


def test_a_consumer_that_nobody_empties_is_stuck(site: Site) -> None:
    config = {
        "durable_name": "w_moon_mysql",
        "filter_subject": "stt.v1.job.mysql.moon.>",
        "ack_policy": "explicit",
        "ack_wait": 60 * 10**9,
        "max_ack_pending": 1024,
    }
    body = {"stream_name": "STT_JOBS", "config": config}
    subject = "$JS.API.CONSUMER.CREATE.STT_JOBS.w_moon_mysql.stt.v1.job.mysql.moon.>"
    site.ask(subject, body)
    site.ask("stt.v1.job.mysql.moon.t1", {})
    code, line = site.until("consumer w_moon_mysql", "fail", "--stuck-after-s", "0.01")
    patient = site.doctor()[1]["consumer w_moon_mysql"][0]
    site.ask("$JS.API.STREAM.PURGE.STT_JOBS", {})
    site.ask("$JS.API.CONSUMER.DELETE.STT_JOBS.w_moon_mysql", {})
    assert code == 3
    assert line["seen"].startswith("stuck: the oldest message is pending for ")
    assert "1 pending" in line["seen"]
    assert line["todo"].startswith("start a worker with mysql targets at site moon")
    assert patient["level"] == "ok"


def test_a_consumer_that_is_gone_is_missed(site: Site) -> None:
    config = site.ask("$JS.API.CONSUMER.INFO.STT_JOBS.w_eu_postgresql", {})["config"]
    site.ask("$JS.API.CONSUMER.DELETE.STT_JOBS.w_eu_postgresql", {})
    code, lines = site.doctor()
    subject = f"$JS.API.CONSUMER.CREATE.STT_JOBS.w_eu_postgresql.{config['filter_subject']}"
    site.ask(subject, {"stream_name": "STT_JOBS", "config": config})
    assert code == 3
    assert lines["consumers"][0]["seen"] == "missing: w_eu_postgresql"


def test_a_user_that_lacks_permissions_gets_their_names_and_the_rest_is_unknown(site: Site) -> None:
    code, lines = site.doctor("--config", str(site.config), user="poor")
    (line,) = lines["permissions"]
    assert (code, line["level"]) == (3, "fail")
    assert line["seen"].startswith(
        "user poor as worker may not publish $JS.API.CONSUMER.MSG.NEXT.STT_JOBS.w_eu_postgresql"
    )
    assert "announce" not in line["seen"]
    for what in ("streams", "consumers", "NATS replicas", "store"):
        (unknown,) = lines[what]
        assert unknown["level"] == "warn"
        assert unknown["seen"].startswith("unknown: ")
    assert site.doctor(user="poor")[1]["permissions"][0]["level"] == "warn"


def test_what_the_server_refuses_is_what_the_doctor_says_is_refused(site: Site) -> None:
    done = site.stt("status", user="poor")
    assert done.returncode == 0
    done = site.stt("runs", "list", "--nats-timeout-s", "2", user="poor")
    assert (done.returncode, "this user may not ask" in done.stderr) == (2, True)
    seen = site.doctor("--as", "operator", user="poor")[1]["permissions"][0]["seen"]
    assert "publish stt.v1.control.enable" in seen
    assert "control.status" not in seen


def test_files_that_everybody_can_read_are_named_with_the_command_that_closes_them(
    site: Site,
) -> None:
    secret = site.folder / "books.secret"
    site.config.chmod(0o644)
    secret.chmod(0o604)
    code, lines = site.doctor("--config", str(site.config))
    site.config.chmod(0o600)
    secret.chmod(0o600)
    open_ = [one for one in lines["secret files"] if one["level"] == "warn"]
    assert code == 0
    assert [one["todo"] for one in open_] == [
        f"chmod o-rwx {site.config}",
        f"chmod o-rwx {secret}",
    ]
    assert "hunter2" not in str(lines)


def test_a_worker_that_was_killed_is_silent_and_its_site_is_not_served(site: Site) -> None:
    worker = site.children.pop()
    worker.send_signal(signal.SIGKILL)
    worker.wait(30)
    code, line = site.until("workers", "fail")
    lines = site.doctor()[1]
    site.work()
    site.until("workers", "ok")
    assert code == 3
    assert line["seen"].startswith("none up, silent: w1 (site eu, since ")
    assert lines["sites"][0]["seen"] == "no worker is up at eu (1 database)"


def test_a_pack_that_ended_and_old_release_data_fail(alone: Site) -> None:
    signer, now = packs.Signer(), clock.now()
    files = {**packs.files_of("pg_one"), "releases.yaml": b'as_of: "2026-01-02"\n'}
    pack = archive.make(
        files,
        name="checks",
        serial=3,
        created=now - timedelta(days=40),
        expires=now - timedelta(days=1),
    )
    data, signature = signer.signed(pack)
    place = str(alone.folder / "gone.sttpack")
    offer = Offer(parcel=Parcel(data=data, signature=signature))
    state = alone.folder / "coordinator"
    state.mkdir(mode=0o700)
    # As it was fetched when it was good; since then its source has been gone.
    cache.write(state, cache.cached_pack(offer, place, now - timedelta(days=39)))
    alone.coordinate(STT_PACK_SOURCE=place, STT_PACK_KEYS=signer.key.public.text)
    code, line = alone.until("pack end", "fail")
    assert code == 3
    assert line["seen"].startswith("expired 1 d ago (")
    lines = alone.doctor()[1]
    assert lines["release data"][0]["level"] == "fail"
    assert lines["pack signature"][0]["level"] == "ok"


def test_without_a_coordinator_nothing_of_it_is_called_ok(alone: Site) -> None:
    code, lines = alone.doctor()
    assert code == 4
    assert lines["coordinator"][0]["level"] == "fail"
    assert lines["streams"][0]["seen"].startswith("missing: STT_JOBS (stream not found)")
    for what in ("store", "pack", "workers", "release data", "sites"):
        assert lines[what][0]["seen"] == "unknown: no coordinator answers"


async def test_while_nobody_leads_the_doctor_says_why_and_calls_nothing_of_a_leader_ok(
    alone: Site,
) -> None:
    why = "two, standby since T: the lease cannot be taken (no acknowledgement within 5 s)"

    async def status(_: Request) -> bytes:
        raise RequestError(NO_LEADER, why)

    options = NatsOptions(servers=(alone.nats.url,), user="all", password="all")
    bus = await connect(options)
    try:
        async with bus.serve({subjects.control(Verb.STATUS): status}):
            code, lines = await asyncio.to_thread(alone.doctor)
    finally:
        await bus.close()
    assert code == 4
    (line,) = lines["coordinator"]
    assert line["level"] == "fail"
    assert line["seen"].startswith("no coordinator leads on NATS at ")
    assert line["seen"].endswith(f" ({why})")
    assert line["todo"].startswith("free space on the disk of nats-server")
    for what in ("store", "pack", "workers", "release data", "sites"):
        assert lines[what][0]["level"] == "warn"
        assert lines[what][0]["seen"] == "unknown: no coordinator leads"


async def test_the_connection_itself_tells_whether_it_is_encrypted_and_until_when(
    tmp_path: Path, certificates: Certificates
) -> None:
    extra = f'tls {{ cert_file: "{certificates.cert}", key_file: "{certificates.key}" }}'
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    bus = await connect(
        NatsOptions(servers=(f"tls://127.0.0.1:{server.port}",), ca=str(certificates.ca))
    )
    try:
        peer = bus.peer()
    finally:
        await bus.close()
        server.stop()
    assert peer is not None
    assert (peer.encrypted, peer.max_payload) == (True, 1 << 20)
    assert peer.certificate_ends is not None
    assert transport(peer, peer.certificate_ends - timedelta(days=31)).level is Level.OK
    assert transport(peer, peer.certificate_ends - timedelta(days=1)).level is Level.WARN
