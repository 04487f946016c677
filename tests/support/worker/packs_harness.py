"""A runner whose registry of packs believes one signer, in memory but for the serials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from stt_shared.bus.memory import MemoryBroker
from stt_shared.bus.values import Outgoing
from stt_shared.checkfile.model import Check
from stt_shared.pack import archive, load, transfer
from stt_shared.pack.accepted_serials import Serials
from stt_shared.pack.archive import Pack
from stt_shared.pack.transfer import Parcel
from stt_shared.pack.trust import Policy
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome, CheckRef, ControlState, Result
from stt_worker.databases.inspection import DirectInspector
from stt_worker.databases.memory import MemoryDatabase
from stt_worker.jobs.control_state import ControlStateReader
from stt_worker.jobs.dependencies import JobDependencies
from stt_worker.jobs.pack_registry import PackRegistry
from stt_worker.jobs.runner import Runner
from stt_worker.outbox.memory import MemoryOutbox
from stt_worker.outbox.sender import Sender
from stt_worker.targets.model import Inventory
from tests.support.shared import packs
from tests.support.worker.fakes import (
    RecordingInbox,
    admit_at_once,
    check,
    delivery,
    dependencies,
    job,
    question,
    server,
    target,
)

SIGNER, STRANGER = packs.Signer(), packs.Signer()


OWN = [check("own")]


SCRIPTED = packs.check_text("pg_one").replace(
    b"POSTGRESQL_SHOW", b"POSTGRESQL_SELECT\n        query: '1'"
)


def pack(serial: int = 3, name: str = "checks", **files: bytes) -> Pack:
    found = {packs.path_of("pg_one"): SCRIPTED, "releases.yaml": b'as_of: "2026-10-10"\n'}
    return packs.make(
        found | {packs.path_of(key): files[key] for key in files}, serial=serial, name=name
    )


def refs_of(one: Pack) -> tuple[CheckRef, ...]:
    return tuple(
        CheckRef(check=found.name, digest=found.digest) for found in load.load(one).checks.values()
    )


@dataclass
class PacksHarness:
    """A runner whose registry trusts SIGNER, all in memory but the serials."""

    folder: Path
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    inbox: RecordingInbox = field(default_factory=RecordingInbox)
    changes: int = 0
    jobs: int = 0
    defined: list[list[str]] = field(default_factory=list[list[str]])  # scripts that were defined
    allow_unsigned: bool = False

    async def start(self) -> None:
        bus = self.broker.connect()
        await bus.ensure(subjects.STREAMS, [])
        state = subjects.kv(subjects.BUCKET_CONTROL, subjects.KEY_STATE)
        await bus.publish([Outgoing(subject=state, data=codec.encode(ControlState(enabled=True)))])
        self.restart()

    def restart(self) -> None:
        bus, self.outbox = self.broker.connect(), MemoryOutbox()
        self.database = MemoryDatabase({"db": server({question("1"): [{"n": 1}]})})
        check_dependencies = dependencies(OWN, inspector=DirectInspector(self.database))
        policy = Policy(
            keys=(SIGNER.key.public,), name="checks", allow_unsigned=self.allow_unsigned
        )
        self.pack_registry = PackRegistry(
            bus,
            check_dependencies.catalogue,
            policy,
            Serials(self.folder),
            script_faults=self._script_faults,
        )
        self.pack_registry.changed = self._changed
        sender = Sender(bus=bus, outbox=self.outbox, worker="w1", expected=lambda: 0)
        sender.publish = self._confirmed  # type: ignore[method-assign]  # nothing is sent
        self.sandbox: Any = check_dependencies.sandbox
        self.runner = Runner(
            JobDependencies(
                worker="w1",
                site="default",
                inventory=Inventory([target()]),
                outbox=self.outbox,
                sender=sender,
                control_state=ControlStateReader(bus),
                check_dependencies={Family.POSTGRESQL: check_dependencies},
                pack_registry=self.pack_registry,
            )
        )

    def _changed(self) -> None:
        self.changes += 1

    async def _script_faults(self, checks: Sequence[Check]) -> list[str]:
        self.defined.append([one.name for one in checks])
        return ["pg_one: script line 2: cannot use reserved keyword `while`"]

    async def _confirmed(self, row: Any) -> None:
        del row

    async def offer(self, one: Pack, signer: packs.Signer | None = SIGNER) -> str:
        data = archive.encode(one)
        parcel = Parcel(data=data, signature=signer.signature(data) if signer else None)
        await transfer.put(self.broker.connect(), parcel)
        return parcel.digest

    async def run(self, refs: Sequence[CheckRef], pack_digest: str) -> dict[str, CheckOutcome]:
        self.jobs += 1
        wanted = job(OWN, pack=pack_digest, job_id=f"run.{self.jobs}")
        wanted = msgspec.structs.replace(wanted, checks=tuple(refs))
        await self.runner.serve(delivery(wanted), self.inbox, Family.POSTGRESQL, admit_at_once)
        rows = await self.outbox.pending(limit=1_000)
        if not rows:
            return {}
        result = codec.decode(Result, rows[-1].data)
        return {one.check: one for one in result.outcomes}


OWN_REF = CheckRef(check="own", digest=OWN[0].digest)
