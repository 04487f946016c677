"""A worker runs what it was installed with or what a pinned key signed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stt_shared import clock
from stt_shared.bus.memory import MemoryBus
from stt_shared.bus.values import Outgoing
from stt_shared.errors import UnreachableError
from stt_shared.identity import digest
from stt_shared.pack import archive, transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.transfer import Parcel
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Kind, Outcome
from stt_shared.protocol.messages import CheckRef, PackHead
from stt_worker.jobs.checking import PACK_DELAY_S, SERIAL_DELAY_S
from tests.support.shared import packs
from tests.support.worker.packs_harness import (
    OWN_REF,
    SIGNER,
    STRANGER,
    PacksHarness,
    pack,
    refs_of,
)


@pytest.fixture
async def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PacksHarness:
    monkeypatch.setattr(clock, "now", lambda: packs.NOW)
    made = PacksHarness(folder=tmp_path)
    await made.start()
    return made


async def test_a_signed_pack_runs_with_its_own_release_data_and_is_announced(
    harness: PacksHarness,
) -> None:
    name = await harness.offer(pack())
    found = await harness.run(refs_of(pack()), name)
    assert found["pg_one"].outcome is Outcome.PASSED
    assert harness.sandbox.runs[0][1]["releases"] == {"as_of": "2026-10-10"}
    (held,) = harness.pack_registry.held
    assert (held.digest, held.name, held.serial) == (name, "checks", 3)
    assert held.key == SIGNER.key.public.name
    assert harness.changes == 1
    await harness.run(refs_of(pack()), name)
    assert harness.changes == 1


async def test_what_is_refused_in_the_scripts_of_a_pack_is_logged_when_it_is_taken(
    harness: PacksHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    name = await harness.offer(pack())
    for _ in range(2):
        found = await harness.run(refs_of(pack()), name)
        assert found["pg_one"].outcome is Outcome.PASSED  # of this sandbox, which is Python
    assert harness.defined == [["pg_one"]]
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("cannot use reserved keyword `while`") == 1


async def test_checks_of_the_installation_run_beside_those_of_a_pack(harness: PacksHarness) -> None:
    name = await harness.offer(pack())
    found = await harness.run([*refs_of(pack()), OWN_REF], name)
    assert {one.outcome for one in found.values()} == {Outcome.PASSED}


async def test_a_job_without_a_pack_runs_the_installations_checks_alone(
    harness: PacksHarness,
) -> None:
    await harness.offer(pack())
    found = await harness.run([*refs_of(pack()), OWN_REF], "")
    assert found["own"].outcome is Outcome.PASSED
    assert found["pg_one"].kind is Kind.UNKNOWN_CHECK


async def stranger(harness: PacksHarness) -> str:
    return await harness.offer(pack(), STRANGER)


async def unsigned(harness: PacksHarness) -> str:
    return await harness.offer(pack(), None)


async def other_name(harness: PacksHarness) -> str:
    return await harness.offer(pack(name="other"))


async def older(harness: PacksHarness) -> str:
    newer = pack(serial=4)
    assert (await harness.run(refs_of(newer), await harness.offer(newer)))["pg_one"].kind is None
    return await harness.offer(pack(serial=3))


async def overwritten(harness: PacksHarness) -> str:
    name = await harness.offer(pack())
    part = archive.encode(pack()).replace(b"One is wrong", b"All is right")
    message = Outgoing(subject=subjects.pack_part(name, 0), data=part)
    await harness.broker.connect().publish([message])
    return name


async def signature_exchanged(harness: PacksHarness) -> str:
    data = archive.encode(pack())
    parcel = Parcel(data=data, signature=SIGNER.signature(data + b"\0"))
    await transfer.put(harness.broker.connect(), parcel)
    return parcel.digest


async def no_head(harness: PacksHarness) -> str:
    name = digest(b"x")
    message = Outgoing(subject=subjects.pack(name), data=b"no head")
    await harness.broker.connect().publish([message])
    return name


async def endless(harness: PacksHarness) -> str:
    name = digest(b"x")
    head = PackHead(digest=name, size=1, parts=1_000_000)
    message = Outgoing(subject=subjects.pack(name), data=codec.encode(head))
    await harness.broker.connect().publish([message])
    return name


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        (stranger, "unknown_key"),
        (unsigned, "unsigned"),
        (other_name, "wrong_name"),
        (older, "rolled_back"),
        (overwritten, "tampered"),
        (signature_exchanged, "tampered"),
        (no_head, "malformed"),
        (endless, "malformed"),
    ],
)
async def test_a_pack_that_is_refused_is_named_in_the_outcome_of_its_checks_and_of_no_other(
    harness: PacksHarness, offer: Callable[[PacksHarness], Any], reason: str
) -> None:
    name = await offer(harness)
    found = await harness.run([*refs_of(pack()), OWN_REF], name)
    barred = found["pg_one"]
    assert (barred.outcome, barred.kind) == (Outcome.SKIPPED, Kind.UNTRUSTED_PACK)
    assert barred.reason.startswith(f"{reason}: ")
    assert found["own"].outcome is Outcome.PASSED
    assert harness.pack_registry.refusal.startswith(f"untrusted pack: {reason}: ")
    assert name not in {held.digest for held in harness.pack_registry.held}


async def test_an_accepted_pack_runs_until_it_expires_and_not_once_more(
    harness: PacksHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await harness.offer(pack())

    def at(now: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: now)

    at(packs.EXPIRES - timedelta(seconds=1))
    assert (await harness.run(refs_of(pack()), name))["pg_one"].outcome is Outcome.PASSED
    at(packs.EXPIRES)
    found = await harness.run(refs_of(pack()), name)
    assert found["pg_one"].reason.startswith("expired: checks 3 expired at 2027-11-01")
    assert harness.pack_registry.held == ()


async def test_no_restart_lets_an_older_pack_in(harness: PacksHarness) -> None:
    newer, old = pack(serial=9), pack(serial=8)
    await harness.run(refs_of(newer), await harness.offer(newer))
    harness.restart()
    found = await harness.run(refs_of(old), await harness.offer(old))
    assert found["pg_one"].reason == "rolled_back: its serial is 8, the last accepted was 9"
    assert (await harness.run(refs_of(newer), await harness.offer(newer)))["pg_one"].kind is None


async def test_a_pack_held_before_a_newer_one_came_is_rolled_back_too(
    harness: PacksHarness,
) -> None:
    old, newer = pack(serial=8), pack(serial=9)
    name = await harness.offer(old)
    assert (await harness.run(refs_of(old), name))["pg_one"].outcome is Outcome.PASSED
    await harness.run(refs_of(newer), await harness.offer(newer))
    assert (await harness.run(refs_of(old), name))["pg_one"].kind is Kind.UNTRUSTED_PACK


async def test_an_unsigned_pack_runs_where_it_is_allowed_and_says_so(harness: PacksHarness) -> None:
    harness.allow_unsigned = True
    harness.restart()
    name = await harness.offer(pack(), None)
    assert (await harness.run(refs_of(pack()), name))["pg_one"].outcome is Outcome.PASSED
    assert [held.key for held in harness.pack_registry.held] == [""]
    assert harness.pack_registry.allow_unsigned
    assert Serials(harness.folder).last("checks") == 0


async def test_a_pack_with_one_bad_check_runs_the_others(harness: PacksHarness) -> None:
    mixed = pack(bad=packs.BAD_CHECK.encode())
    refs = [*refs_of(mixed), CheckRef(check="bad", digest="0" * 64)]
    found = await harness.run(refs, await harness.offer(mixed))
    assert found["pg_one"].outcome is Outcome.PASSED
    assert found["bad"].kind is Kind.UNKNOWN_CHECK


async def test_a_pack_that_is_not_there_is_an_error_and_tried_again_with_the_next_job(
    harness: PacksHarness,
) -> None:
    name = digest(archive.encode(pack()))
    found = await harness.run(refs_of(pack()), name)
    assert (found["pg_one"].outcome, found["pg_one"].kind) == (Outcome.ERROR, Kind.UNKNOWN_CHECK)
    assert found["pg_one"].reason == f"the pack {name[:12]} of the job is not on NATS"
    await harness.offer(pack())
    assert (await harness.run(refs_of(pack()), name))["pg_one"].outcome is Outcome.PASSED


async def test_a_refused_pack_is_fetched_once_for_many_jobs_and_again_after_a_while(
    harness: PacksHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await stranger(harness)
    fetched = list[str]()
    real = transfer.get

    async def get(bus: MemoryBus, wanted: str) -> Parcel | None:
        fetched.append(wanted)
        return await real(bus, wanted)

    monkeypatch.setattr(transfer, "get", get)
    for _ in range(3):
        await harness.run(refs_of(pack()), name)
    assert fetched == [name]
    monkeypatch.setattr("stt_worker.jobs.pack_registry.REFUSED_FOR_S", 0.0)
    await harness.run(refs_of(pack()), name)
    assert fetched == [name, name]


async def test_a_job_waits_while_its_pack_cannot_be_had_or_its_serial_cannot_be_kept(
    harness: PacksHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await harness.offer(pack())

    async def unreachable(*_: object) -> None:
        raise UnreachableError("down")

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "get", unreachable)
        await harness.run(refs_of(pack()), name)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Serials, "accept", full)
        await harness.run(refs_of(pack()), name)
    assert harness.inbox.retried == [PACK_DELAY_S, SERIAL_DELAY_S]
    assert await harness.outbox.pending() == []
    assert (await harness.run(refs_of(pack()), name))["pg_one"].outcome is Outcome.PASSED
