"""Each holder of a printed account does its work on a real nats-server, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from stt_shared.bus.values import RequestError
from stt_shared.errors import UnreachableError
from stt_shared.protocol import subjects
from tests.support.cli.accounts_site import (
    EVENTS,
    OPS,
    VIEW,
    Site,
    accounts_on_nats,
    of_worker,
)


@pytest.fixture(scope="module", params=["conf", "jwt"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("accounts")
    workers = [of_worker("eu", "w1"), of_worker("us", "w2", "mysql,postgresql")]
    with accounts_on_nats(folder, workers, form=request.param) as made:
        made.coordinate()
        made.work("eu", "w1", "books")
        made.work("us", "w2", "shop")
        made.knows("books", "shop")
        yield made


def test_operators_do_everything_and_a_run_reaches_every_worker(site: Site) -> None:
    done = site.stt(OPS, "enable", "--reason", "CHG-1")
    assert done.returncode == 0, done.stderr
    done = site.stt(OPS, "run", "--wait", "--allow-incomplete")
    assert done.returncode == 0, done.stderr
    listed = json.loads(site.stt(OPS, "targets", "list", "-o", "json").stdout)["targets"]
    assert {(one["target"], one["kind"]) for one in listed} == {
        ("books", "unreachable"),
        ("shop", "unreachable"),
    }


def test_the_outboxes_empty_because_the_watermark_is_read(site: Site) -> None:
    def empty() -> bool:
        workers = json.loads(site.stt(VIEW, "status", "-o", "json").stdout)["workers"]
        return len(workers) == 2 and all(one["outbox"] == 0 for one in workers)

    site.until(empty, "empty outboxes")


def test_viewers_read_and_change_nothing(site: Site) -> None:
    for words in (("status",), ("findings", "list"), ("runs", "list"), ("audit",)):
        assert site.stt(VIEW, *words).returncode in (0, 3), words
    done = site.stt(VIEW, "disable", "--reason", "no")
    assert done.returncode == 2
    assert json.loads(site.stt(VIEW, "status", "-o", "json").stdout)["state"]["reason"] != "no"


async def test_subscribers_hear_events_and_go_on_where_they_were(site: Site) -> None:
    bus = await site.bus(EVENTS)
    try:
        async with bus.consume(subjects.STREAM_EVENTS, "events", capacity=10) as inbox:
            first = await inbox.take(1, wait=10)
            assert first[0].subject.startswith("stt.v1.event.")
            await inbox.ack(first)
            for subject in ("$JS.API.CONSUMER.CREATE.STT_EVENTS", "$JS.API.STREAM.NAMES"):
                with pytest.raises(UnreachableError, match="no service answers"):
                    await bus.request(subject, b"{}", timeout=2)
        async with bus.consume(subjects.STREAM_EVENTS, "events", capacity=10) as inbox:
            then = await inbox.take(1, wait=10)
            assert then[0].sequence > first[0].sequence
    finally:
        await bus.close()


async def test_a_worker_reads_packs_and_its_own_watermark_and_no_other(site: Site) -> None:
    bus = await site.bus("STT-eu-w1")
    try:
        assert await bus.last(subjects.STREAM_PACKS, subjects.pack("x")) is None
        stream = subjects.kv_stream(subjects.BUCKET_WATERMARK)
        await bus.last(stream, subjects.kv(subjects.BUCKET_WATERMARK, "w1"))
        with pytest.raises(UnreachableError):
            await bus.last(stream, subjects.kv(subjects.BUCKET_WATERMARK, "w2"))
        for subject in ("stt.v1.control.status", "$JS.API.STREAM.INFO.STT_JOBS"):
            with pytest.raises((UnreachableError, RequestError)):
                await bus.request(subject, b"{}", timeout=2)
    finally:
        await bus.close()


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (OPS, ("--as", "operator")),
        (VIEW, ("--as", "viewer")),
        (EVENTS, ("--as", "subscriber")),
        ("STT-eu-w1", ("--as", "worker")),
    ],
)
def test_the_check_proves_each_holder_in_each_form(
    site: Site, who: str, words: tuple[str, ...]
) -> None:
    config = ("--config", str(site.folder / "w1.toml")) if words[1] == "worker" else ()
    done = site.stt(who, "nats", "check", "-o", "json", *words, *config)
    found = {line["what"]: line["level"] for line in json.loads(done.stdout)}
    assert (done.returncode, found) == (0, {"NATS access": "ok", "NATS border": "ok"}), done.stdout


def test_the_check_names_what_is_missing_in_each_form(site: Site) -> None:
    done = site.stt(VIEW, "nats", "check", "-o", "json", "--as", "operator")
    (access, _) = json.loads(done.stdout)
    assert (done.returncode, access["level"]) == (3, "fail")
    assert "stt.v1.control.enable (503)" in access["seen"]
