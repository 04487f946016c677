"""A thief holds the key of one worker and speaks to a real nats-server without our client.

Each act is one of the table of the threat model: direct tries, redirects by the reply subject,
chains over an import, forged stamps, and reading the inboxes of others.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from stt_coordinator.local.servers import nats as embedded_nats
from stt_shared.bus.jetstream import connect
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.subjects import STREAMS
from tests.servers import nats_versions
from tests.support.cli.accounts_site import VIEW, Site, accounts_on_nats, of_worker
from tests.support.cli.thieves import EFFECTS, WAIT_S, of_clients, overheard, raw

THIEF = "STT-eu-w1"
ACTS = (  # requests that the worker may send, whose answers the thief redirects
    ("$JS.API.INFO", b""),
    ("$JS.API.DIRECT.GET.KV_stt_control.$KV.stt_control.state", b""),
    ("$JS.API.DIRECT.GET.STT_PACKS.stt.v1.pack.x", b""),
    ("$JS.API.CONSUMER.MSG.NEXT.STT_JOBS.w_eu_postgresql", b'{"batch":1,"no_wait":true}'),
    ("$JS.ACK.STT_JOBS.w_eu_postgresql.1.1.1.0.0", b"+NXT"),
    ("$JS.ACK.STT_JOBS.w_eu_postgresql.1.2.2.0.0", b"+ACK"),
    ("stt.v1.result.postgresql.eu.books.w1", b"{}"),
)
DIRECT = (
    *(f"$JS.API.STREAM.{call}.STT_RESULTS" for call in ("INFO", "DELETE", "PURGE", "UPDATE")),
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.MSG.GET.STT_RESULTS",
    "$JS.API.DIRECT.GET.STT_JOBS",
    "$JS.API.CONSUMER.CREATE.STT_EVENTS",
    "$JS.API.CONSUMER.DELETE.STT_JOBS.w_eu_postgresql",
    "$JS.API.CONSUMER.MSG.NEXT.STT_JOBS.w_us_postgresql",
    "$JS.API.CONSUMER.MSG.NEXT.STT_RESULTS.results-1",
    "$JS.API.DIRECT.GET.KV_stt_watermark.$KV.stt_watermark.w2",
    "stt.v1.control.status",
    "stt.v1.control.disable",
    "stt.v1.job.postgresql.eu.books",
    "stt.v1.tick.standard.x",
    "stt.v1.pack.x",
    "stt.v1.summary.all",
    "stt.v1.announce.us.w2",
    "stt.v1.result.postgresql.eu.books.w2",
    "stt.v1.result.postgresql.us.shop.w1",
    "$KV.stt_control.state",
    "$KV.stt_watermark.w1",
    "$JS.ACK.STT_JOBS.w_us_postgresql.1.1.1.0.0",
    "$JS.ACK.STT_RESULTS.results-1.1.1.1.0.0",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    workers = [of_worker("eu", "w1"), of_worker("us", "w2"), of_worker("eu", "w3")]
    with accounts_on_nats(tmp_path_factory.mktemp("thief"), workers) as made:
        asyncio.run(_streams(made))
        yield made


async def _streams(site: Site) -> None:
    bus = await connect(site.options("STT-coordinator"))
    consumers = [subjects.jobs_consumer(place, Family.POSTGRESQL) for place in ("eu", "us")]
    await bus.ensure(STREAMS, [*consumers, subjects.results_consumer(1)])
    await bus.publish([Outgoing(subject="$KV.stt_control.state", data=b"{}")])
    await bus.close()


async def test_nothing_that_is_not_its_own_answers_or_arrives(site: Site) -> None:
    async with overheard(site) as heard, raw(site, THIEF) as thief:
        for subject in DIRECT:
            with pytest.raises(NoRespondersError):
                await thief.request(subject, b"{}", timeout=30)
    assert heard == []


@pytest.mark.parametrize(
    ("subject", "data"), ACTS, ids=[f"{act[0]} {act[1].decode()}" for act in ACTS]
)
async def test_no_answer_is_redirected_into_the_account_of_the_coordinator(
    site: Site, subject: str, data: bytes
) -> None:
    async with overheard(site) as heard, raw(site, THIEF) as thief:
        for goal in EFFECTS:
            await thief.publish(subject, data, reply=goal)
        await thief.flush()
    # Its own act arrives, the server's answer under a name that is good for one answer alone.
    arrived = set(of_clients(heard))
    assert subject in arrived
    assert arrived <= {subject, subject.replace("stt.v1.result", "stt.v1.event.result")}


async def test_an_answer_passes_through_no_import_of_another_worker(site: Site) -> None:
    """Within one account of a site the server's answer arrived as another worker's heartbeat."""
    goals = ("stt.v1.announce.eu.w3", "stt.v1.result.postgresql.eu.t.w3", "$KV.stt_watermark.w3")
    async with overheard(site) as heard, raw(site, THIEF) as thief:
        for call in ("$JS.API.INFO", "stt.v1.announce.eu.w1"):
            for goal in goals:
                await thief.publish(call, b"{}", reply=goal)
        await thief.flush()
    names = of_clients(heard)
    # Its own heartbeats arrive, so that the rest would be heard as well.
    assert names.count("stt.v1.announce.eu.w1") == len(goals)
    assert not [name for name in names if name.endswith(".w3")]


@pytest.mark.parametrize("reply", ["$JS.ACK.STT_RESULTS.results-1.1.1.1.0.0", "_R_.x.y"])
async def test_a_reply_that_would_acknowledge_for_others_is_refused(site: Site, reply: str) -> None:
    errors: list[str] = []
    async with raw(site, THIEF, errors) as thief:
        await thief.publish("$JS.API.INFO", b"", reply=reply)
        await thief.flush()
        await asyncio.sleep(WAIT_S)
    assert any("permissions violation" in one.lower() for one in errors), errors


async def test_a_forged_stamp_is_replaced_by_the_server(site: Site) -> None:
    forged = {"Nats-Request-Info": json.dumps({"acc": "STT-ops", "user": "ann"})}
    async with overheard(site) as heard, raw(site, THIEF) as thief:
        await thief.publish("stt.v1.announce.eu.w1", b"{}", headers=forged)
        await thief.flush()
    ((subject, headers),) = heard
    assert subject == "stt.v1.announce.eu.w1"
    assert json.loads(headers["Nats-Request-Info"])["acc"] == THIEF


async def test_it_reads_neither_inboxes_nor_jobs_nor_results_of_others(site: Site) -> None:
    heard: list[str] = []

    async def hear(message: Any) -> None:
        heard.append(message.subject)

    async with raw(site, THIEF) as thief:
        for pattern in ("stt.v1.>", "_INBOX.>", "$KV.>", "$JS.>", "$SRV.>"):
            await thief.subscribe(pattern, cb=hear)
        await thief.flush()
        async with raw(site, VIEW) as viewer, raw(site, "STT-us-w2") as other:
            await viewer.request("$JS.API.INFO", b"", timeout=30)
            await other.request("stt.v1.result.postgresql.us.shop.w2", b"{}", timeout=30)
            await other.publish("stt.v1.announce.us.w2", b"{}")
            await other.flush()
            await asyncio.sleep(WAIT_S)
    assert heard == []


async def test_more_connections_than_a_worker_needs_are_refused(site: Site) -> None:
    async with raw(site, THIEF), raw(site, THIEF):
        with pytest.raises(NatsError, match=r"maximum account active connections|authorization"):
            async with raw(site, THIEF):
                pass


def test_the_flat_form_shows_that_the_redirect_is_real(tmp_path: Path) -> None:
    """Permissions as the doctor lists them, in one account: the answer arrives anywhere."""
    asyncio.run(_redirect_in_one_account(tmp_path))


async def _redirect_in_one_account(folder: Path) -> None:
    own = json.dumps({"publish": ["$JS.API.INFO"], "subscribe": ["_INBOX.>"]})
    extra = (
        "authorization { users: [ { user: all, password: all },"
        f" {{ user: w1, password: w1, permissions: {own} }} ] }}"
    )
    server = embedded_nats.start(folder / "nats", extra=extra, binary=nats_versions.chosen())
    try:
        address = f"127.0.0.1:{server.port}"
        owner = await nats.connect(f"nats://all:all@{address}")
        thief = await nats.connect(f"nats://w1:w1@{address}")
        arrived = await owner.subscribe("stt.v1.control.disable")
        await owner.flush()
        await asyncio.sleep(WAIT_S)
        await thief.publish("$JS.API.INFO", b"", reply="stt.v1.control.disable")
        await thief.flush()
        message = await arrived.next_msg(timeout=30)
        assert b"account_info_response" in message.data
        await thief.close()
        await owner.close()
    finally:
        await asyncio.to_thread(server.stop)
