"""Packs on a real NATS: a worker process runs a signed one on a real database, and only that."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.pack import archive, load, transfer
from stt_shared.pack.archive import Pack
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckOutcome
from tests.support.shared import packs
from tests.support.worker.site import Coordinator, coordinator, until
from tests.support.worker.worker_process import ended, process

SIGNER = packs.Signer()
CHECK = packs.check_text("pg_site").replace(
    b"return []", b"return [{'summary': 'found', 'severity': 'error', 'object': str(len(docs))}]"
)


def pack(serial: int) -> Pack:
    now = clock.now().replace(microsecond=0)
    return archive.make(
        {packs.path_of("pg_site"): CHECK},
        name="checks",
        serial=serial,
        created=now,
        expires=now + timedelta(days=1),
    )


def worker_file(database: Running, *, keys: str) -> str:
    return (
        f'[pack]\nkeys = ["{keys}"]\n[[targets]]\nid = "pg"\nfamily = "postgresql"\n'
        f'host = "127.0.0.1"\nport = {database.port}\nuser = "{database.user}"\n'
        'password = "env:PGPW"\ntls = "off"\n'
    )


async def offered(here: Coordinator, one: Pack, signer: packs.Signer | None) -> str:
    data = archive.encode(one)
    parcel = Parcel(data=data, signature=signer.signature(data) if signer else None)
    await transfer.put(here.bus, parcel)
    return parcel.digest


async def outcome(here: Coordinator, one: Pack, digest: str, number: int) -> CheckOutcome:
    checks = list(load.load(one).checks.values())
    wanted = here.job("pg", checks)
    job_id = f"{wanted.job_id}-{number}"
    await until_free(here)
    here.results.clear()
    await here.publish([msgspec.structs.replace(wanted, pack=digest, job_id=job_id)])
    await until(lambda: "pg" in here.results)
    return here.results["pg"].outcomes[0]


async def until_free(here: Coordinator) -> None:
    async with asyncio.timeout(60):
        while await here.outstanding("pg"):  # noqa: ASYNC110  # the broker has no event for it
            await asyncio.sleep(0.05)


async def test_a_worker_runs_a_signed_pack_and_refuses_the_others_also_after_a_restart(
    nats_server: Running, postgresql: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPW", postgresql.password)
    config = tmp_path / "worker.toml"
    config.write_text(worker_file(postgresql, keys=SIGNER.key.public.text), encoding="utf-8")
    async with coordinator(nats_server.url, "signed") as here:
        with process(nats_server.url, here.site, tmp_path) as child:
            new = pack(8)
            found = await outcome(here, new, await offered(here, new, SIGNER), 1)
            assert [finding.summary for finding in found.findings] == ["found"]
            await until(lambda: here.announced and here.announced[-1].packs)
            (held,) = here.announced[-1].packs
            assert (held.serial, held.key) == (8, SIGNER.key.public.name)
            bare = pack(9)
            found = await outcome(here, bare, await offered(here, bare, None), 2)
            assert found.reason == "unsigned: it has no signature"
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0
        with process(nats_server.url, here.site, tmp_path) as child:
            old = pack(7)
            found = await outcome(here, old, await offered(here, old, SIGNER), 3)
            assert (found.outcome, found.kind) == (Outcome.SKIPPED, Kind.UNTRUSTED_PACK)
            assert found.reason == "rolled_back: its serial is 7, the last accepted was 8"
            await until(
                lambda: here.announced[-1].refused_pack.startswith("untrusted pack: rolled")
            )
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0


async def test_with_allow_unsigned_a_worker_runs_what_nobody_signed_and_announces_that(
    nats_server: Running, postgresql: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPW", postgresql.password)
    monkeypatch.setenv("STT_WORKER_ALLOW_UNSIGNED", "true")
    config = tmp_path / "worker.toml"
    config.write_text(worker_file(postgresql, keys=SIGNER.key.public.text), encoding="utf-8")
    async with coordinator(nats_server.url, "unsigned") as here:
        with process(nats_server.url, here.site, tmp_path) as child:
            bare = pack(1)
            found = await outcome(here, bare, await offered(here, bare, None), 1)
            assert [finding.summary for finding in found.findings] == ["found"]
            await until(lambda: here.announced[-1].packs)
            assert here.announced[-1].allow_unsigned
            assert here.announced[-1].packs[0].key == ""
            child.send_signal(signal.SIGTERM)
            assert await ended(child) == 0
    assert "unsigned_pack_accepted" in (tmp_path / "log").read_text()
