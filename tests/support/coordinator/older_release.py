"""A worker of the release before nonces, by the messages that it sent: recorded, not made today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stt_shared import clock
from stt_shared.bus.values import Outgoing
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import AnnouncedTarget, Announcement, CheckOutcome, Job
from tests.support.coordinator.coordination import FakeWorker

VERSION = "0.0.9"
# All that its messages have: fields that came later are not empty there, they are missing.
ANNOUNCEMENT = (
    *("worker", "site", "version", "started", "at", "targets", "pack", "running", "concurrency"),
    *("outbox", "leaving", "packs", "refused_pack", "allow_unsigned", "schema"),
)
RESULT = (
    *("job_id", "run_id", "dispatch", "execution", "target", "family", "site", "worker"),
    *("sequence", "epoch", "started", "finished", "outcomes", "facts", "schema"),
)


@dataclass
class OlderWorker(FakeWorker):
    """It repeats no nonce, and its announcements do not name its outbox."""

    async def announce(self, *, leaving: bool = False) -> None:
        message = Announcement(
            worker=self.name,
            site=self.site,
            version=VERSION,
            started=clock.now(),
            at=clock.now(),
            targets=tuple(AnnouncedTarget(target=t, family=f) for t, f in self.targets),
            pack="",
            leaving=leaving,
        )
        data = only(codec.encode(message), ANNOUNCEMENT)
        await self.bus.send(subjects.announce(self.site, self.name), data)

    def message(self, job: Job, outcomes: Sequence[CheckOutcome]) -> Outgoing:
        made = super().message(job, outcomes)
        return replace(made, data=only(made.data, RESULT))


def only(data: bytes, names: Sequence[str]) -> bytes:
    found: Mapping[str, object] = json.loads(data)
    assert set(names) <= set(found)
    return json.dumps({name: found[name] for name in names}).encode()
