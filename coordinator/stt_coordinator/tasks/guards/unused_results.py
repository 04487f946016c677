"""Bounds the results of a worker that change nothing, and takes them off the stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from stt_coordinator.domain.intake.budget import Budget
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.bus.values import Delivery
from stt_shared.errors import UnreachableError
from stt_shared.identity import is_token
from stt_shared.protocol import subjects
from stt_shared.protocol.specs import ConsumerSpec
from stt_shared.telemetry.logs import logger

MIB = 1 << 20
HOUR_S = 3_600.0
# What a message costs besides its bytes: its row, and its place on the stream.
MESSAGE_COST = 4_096
MAX_NAMED = 5  # senders in the status
MAX_SENDERS = 10_000  # whose budgets are remembered: subjects are invented for nothing
DELETE_S = 0.5  # between two deletions on the stream
RETRY_S = 5.0  # before the next one if not all could be deleted: many senders may wait for that
DEFAULT_MIB = 64
_LOG = logger("ingest")

Sender = tuple[str, str]  # site, worker


@dataclass(slots=True)
class _Account:
    budget: Budget
    at: float  # of the last deletion, later if it has to be tried again
    handled: int = 0  # position of the last message on the stream that was handled
    deleted: int = 0  # and of the last one that was deleted
    is_exceeded: bool = False


@dataclass(slots=True)
class UnusedResults:
    """Counts by sender the bytes of results that were refused, repeated or no news.

    A result that answers a job costs nothing: jobs are planned here, so there are only so many.
    `is_shared`: other coordinators take from the same consumer.
    """

    mib_per_hour: int = DEFAULT_MIB
    is_shared: bool = False
    _accounts: dict[Sender, _Account] = field(default_factory=dict[Sender, _Account])

    @property
    def remembered(self) -> int:
        """The number of senders whose budgets are known."""
        return len(self._accounts)

    @property
    def exceeded(self) -> frozenset[Sender]:
        """Who has no budget left: nothing is kept of what they send and what changes nothing."""
        now = clock.monotonic()
        found = {
            sender
            for sender, one in self._accounts.items()
            if one.is_exceeded and one.budget.available(now) < one.budget.size / 2
        }
        return frozenset(found)

    @property
    def degraded(self) -> tuple[str, ...]:
        """A sentence for each of the first senders without budget, and one for all others."""
        limit = f"limits.unused_results_mib_per_hour is {self.mib_per_hour}"
        senders = sorted(self.exceeded)
        named = [f"worker {worker} of site {site} sends" for site, worker in senders[:MAX_NAMED]]
        if (others := len(senders) - MAX_NAMED) > 0:
            named.append(f"{others} more workers send")
        return tuple(
            f"{one} too many results that change nothing, {limit}: they are dropped and deleted on"
            " NATS"
            for one in named
        )

    def charge(self, deliveries: Iterable[Delivery]) -> None:
        """Count deliveries that changed nothing."""
        now = clock.monotonic()
        for sender, (cost, last) in _costs(deliveries).items():
            if sender not in self._accounts and len(self._accounts) >= MAX_SENDERS:
                # Forgotten it has a new budget: so those that used theirs up are kept.
                spared = (key for key, one in self._accounts.items() if not one.is_exceeded)
                del self._accounts[next(spared, next(iter(self._accounts)))]
            one = self._accounts.setdefault(
                sender, _Account(Budget.full(self.mib_per_hour * MIB, HOUR_S, now), now)
            )
            # Before it pays: the log gets one line for the whole time without budget, not one a
            # batch.
            is_known = sender in self.exceeded
            one.budget.spend(cost, now)
            one.is_exceeded = is_known or one.budget.available(now) <= 0
            one.handled = max(one.handled, last)
            if one.is_exceeded and not is_known:
                site, worker = sender
                _LOG.error("results_budget_exceeded", site=site, worker=worker)

    def due(self) -> dict[Sender, int]:
        """Whose messages are to be deleted now, and the last one of each that was handled."""
        now = clock.monotonic()
        found = {
            sender: one.handled
            for sender, one in self._accounts.items()
            if one.is_exceeded and one.handled > one.deleted and now - one.at >= DELETE_S
        }
        for sender in found:
            self._accounts[sender].at = now + RETRY_S
        return found

    async def delete_due(self, bus: Bus, consumer: ConsumerSpec) -> None:
        """Delete what is due; what `consumer` keeps from that, or NATS, is due again."""
        # Of what comes in between another coordinator may hold deliveries that it has not recorded.
        # Alone, one result that waits for its worker would keep the whole flood on the stream.
        keeps = consumer if self.is_shared else None
        for sender, last in self.due().items():
            one = self._accounts[sender]
            one.deleted = await delete_handled(bus, keeps, sender, last)
            if one.deleted >= last:
                one.at = clock.monotonic()


def _costs(deliveries: Iterable[Delivery]) -> Mapping[Sender, tuple[int, int]]:
    """By sender the cost of its messages, and the position of the last one on the stream."""
    costs: dict[Sender, tuple[int, int]] = {}
    for one in deliveries:
        sender = sender_of(one.subject)
        cost, last = costs.get(sender, (0, 0))
        costs[sender] = cost + len(one.data) + MESSAGE_COST, max(last, one.sequence)
    return costs


def sender_of(subject: str) -> Sender:
    """Site and worker of the subject of a result; empty texts where it has none."""
    tokens = subject.removeprefix(f"{subjects.ROOT}.result.").split(".")
    if len(tokens) != len(("family", "site", "target", "worker")):
        return "", ""
    return tokens[1], tokens[3]


async def delete_handled(bus: Bus, consumer: ConsumerSpec | None, sender: Sender, last: int) -> int:
    """Delete the sender's messages up to the position `last` of the stream of results.

    They were handled: without this one worker could fill the stream for all sites. Returns up to
    which position it is done: where `consumer` has not acknowledged everything, or 0 without NATS.
    """
    site, worker = sender
    if not (is_token(site) and is_token(worker)):
        return last
    subject = f"{subjects.ROOT}.result.*.{site}.*.{worker}"
    try:
        stream = subjects.STREAM_RESULTS
        return await bus.delete(stream, subject, last + 1, consumer=consumer) - 1
    except UnreachableError as error:
        _LOG.warning("results_not_deleted", reason=error.message, site=site, worker=worker)
        return 0
