"""`stt nats check` and the doctor prove by asking, on real accounts and on a flat server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus import probe
from stt_shared.bus.jetstream import NatsOptions, connect
from stt_shared.bus.probe import Answer
from stt_shared.bus.values import Outgoing, Publication
from stt_shared.protocol import accounts, subjects
from stt_shared.protocol.enums import Family
from stt_worker.telemetry.access import AccessWatch
from tests.support.cli.accounts_site import (
    EVENTS,
    OPS,
    TARGET,
    TARGETS,
    VIEW,
    Site,
    accounts_on_nats,
    of_worker,
)
from tests.support.processes.commands import refused, stt


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("checked")
    with accounts_on_nats(folder, [of_worker("eu", "w1")]) as made:
        made.coordinate()
        made.work("eu", "w1", "books")
        made.knows("books")
        yield made


def lines(site: Site, who: str, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = site.stt(who, "nats", "check", "-o", "json", *words)
    assert done.stdout, done.stderr
    return done.returncode, {line["what"]: line for line in json.loads(done.stdout)}


def config(site: Site, worker: str, family: str = "postgresql") -> str:
    path = site.folder / f"check-{worker}-{family}.toml"
    listed = TARGET.format(target="books").replace("postgresql", family)
    text = TARGETS.format(worker=worker, site="eu", folder=site.folder, targets=listed)
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (OPS, ("--as", "operator")),
        (VIEW, ("--as", "viewer")),
        (EVENTS, ("--as", "subscriber")),
    ],
)
def test_each_holder_may_do_its_own_and_nothing_of_others(
    site: Site, who: str, words: tuple[str, ...]
) -> None:
    code, found = lines(site, who, *words)
    assert (code, {line["level"] for line in found.values()}) == (0, {"ok"}), found


def test_a_worker_may_do_its_own_and_nothing_of_others(site: Site) -> None:
    code, found = lines(site, "STT-eu-w1", "--config", config(site, "w1"))
    assert code == 0, found
    assert "none of" in found["NATS border"]["seen"]


def test_a_wrong_name_or_family_is_seen_by_503(site: Site) -> None:
    code, found = lines(site, "STT-eu-w1", "--config", config(site, "w9"))
    assert code == 3
    assert "watermark.w9 (503)" in found["NATS access"]["seen"]
    code, found = lines(site, "STT-eu-w1", "--config", config(site, "w1", "mysql"))
    assert code == 3
    assert "w_eu_mysql (503)" in found["NATS access"]["seen"]
    assert "--families" in found["NATS access"]["todo"]


def test_a_viewer_is_no_operator(site: Site) -> None:
    code, found = lines(site, VIEW, "--as", "operator")
    assert code == 3
    assert "stt.v1.control.enable (503)" in found["NATS access"]["seen"]


def test_the_doctor_of_a_worker_asks_and_urges_no_rights_of_others(site: Site) -> None:
    done = site.stt("STT-eu-w1", "doctor", "-o", "json", "--config", config(site, "w1"))
    found = json.loads(done.stdout)
    (access,) = [line for line in found if line["what"] == "NATS access"]
    assert access["level"] == "ok"
    assert not [line for line in found if "allow this user" in line["todo"]]
    assert done.returncode == 0, [line for line in found if line["level"] == "fail"]


@pytest.mark.parametrize(
    "words",
    [
        ("disable",),
        ("events", "replay", "--since", "24h"),
        ("targets", "move", "books", "--to", "us"),
        ("targets", "forget", "books"),
        ("workers", "forget", "w1"),
    ],
)
def test_what_a_viewer_may_not_ask_says_so(site: Site, words: tuple[str, ...]) -> None:
    done = site.stt(VIEW, *words, "--reason", "no")
    refused(done, "error: this user may not ask the coordinator for ", "log in as a user that")


def test_what_permissions_of_a_flat_server_refuse_is_not_taken_for_silence(tmp_path: Path) -> None:
    denied = "permissions: { publish: { deny: 'stt.v1.control.target-forget' } }"
    users = f"authorization {{ users: [ {{ user: v, password: v, {denied} }} ] }}\n"
    server = embedded_nats.start(tmp_path / "nats", extra=users)
    url = server.url.replace("nats://", "nats://v:v@")
    try:
        done = stt("targets", "forget", "t1", STT_NATS_URL=url, STT_NATS_TIMEOUT_S="2")
    finally:
        server.stop()
    # A line of the log comes first.
    assert done.returncode == 2, done.stderr
    assert "error: this user may not ask the coordinator for target-forget on NATS" in done.stderr


async def test_asking_takes_no_job_and_stores_nothing(site: Site) -> None:
    owner = await site.bus("STT-coordinator")
    worker = await site.bus("STT-eu-w1")
    try:
        job = Outgoing(subject=subjects.job(Family.POSTGRESQL, "no", "t"), data=b"{}")
        await owner.ensure([], [subjects.jobs_consumer("no", Family.POSTGRESQL)])
        (receipt,) = await owner.publish([job])
        assert receipt.publication is Publication.STORED
        own = accounts.of_worker("no", "w", (Family.POSTGRESQL,))
        answers = await probe.ask(owner, probe.own(own))
        assert Answer.ABSENT not in answers[1:3]
        async with owner.consume("STT_JOBS", "w_no_postgresql", capacity=1) as inbox:
            (delivery,) = await inbox.take(1, wait=10)
            assert delivery.delivered == 1
            await inbox.end(delivery)
    finally:
        await worker.close()
        await owner.close()


async def test_a_worker_tells_what_nats_does_not_let_it_use(site: Site) -> None:
    bus = await site.bus("STT-eu-w1")
    reported: list[tuple[str, ...]] = []
    try:
        watch = AccessWatch(bus, site="eu", worker="w2", families=lambda: [Family.POSTGRESQL])
        watch.changed = lambda: reported.append(watch.refused)
        await watch.inspect()
        await watch.inspect()
        assert len(reported) == 1
        assert "stt.v1.announce.eu.w2" in reported[0]
        assert "stt.v1.result.postgresql.eu.stt-probe.w2" in reported[0]
        right = AccessWatch(bus, site="eu", worker="w1", families=lambda: [Family.POSTGRESQL])
        await right.inspect()
        assert right.refused == ()
    finally:
        await bus.close()


async def test_a_refused_publication_is_kept_by_name(tmp_path: Path) -> None:
    own = '{ publish: { deny: ["stt.v1.announce.>"] } }'
    extra = f"authorization {{ users: [ {{ user: u, password: p, permissions: {own} }} ] }}"
    server = embedded_nats.start(tmp_path / "nats", extra=extra)
    bus = await connect(NatsOptions(servers=(server.url,), user="u", password="p"))
    try:
        await bus.send("stt.v1.announce.eu.w1", b"{}")
        await probe.ask(bus, [probe.Probe(subject="$JS.API.INFO")])
        assert bus.refused() == ("publish stt.v1.announce.eu.w1",)
    finally:
        await bus.close()
        server.stop()


def test_one_flat_account_has_no_border(tmp_path: Path) -> None:
    server = embedded_nats.start(tmp_path / "nats")
    flat = Site(folder=tmp_path, server=server)
    try:
        flat.form = "none"
        flat.coordinate()
        flat.until(lambda: flat.stt("", "status").returncode == 0, "a coordinator")
        code, found = lines(flat, "", "--config", config(flat, "w1"))
    finally:
        flat.processes.close()
        server.stop()
    assert code == 3
    assert found["NATS border"]["level"] == "fail"
    assert "stt.v1.control.enable" in found["NATS border"]["seen"]
