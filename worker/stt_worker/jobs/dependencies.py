"""What the steps of a job use, handed to them in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stt_shared.protocol.enums import Family
from stt_worker.execution.job import CheckDependencies
from stt_worker.jobs.control_state import ControlStateReader
from stt_worker.jobs.pack_registry import PackRegistry
from stt_worker.outbox.port import Outbox
from stt_worker.outbox.sender import Sender
from stt_worker.targets.model import Inventory


class RetryLaterError(Exception):
    """The job cannot run now; it has to be delivered again after `delay_s` seconds."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(delay_s)
        self.delay_s = delay_s


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDependencies:
    """The worker's name and site, and the parts that its jobs use."""

    worker: str
    site: str
    inventory: Inventory
    outbox: Outbox
    sender: Sender
    control_state: ControlStateReader
    check_dependencies: Mapping[Family, CheckDependencies]
    pack_registry: PackRegistry | None = None  # None: this worker accepts no packs
