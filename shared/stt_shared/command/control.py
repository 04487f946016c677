"""Requests to the coordinator: one request, one reply, and rejections as errors with a hint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.clock import monotonic
from stt_shared.errors import (
    DisabledError,
    NobodyAnswersError,
    SttError,
    UnreachableError,
    UsageError,
)
from stt_shared.protocol.codec import decode, encode
from stt_shared.protocol.control import (
    NO_LEADER,
    NO_STORE,
    Empty,
    TargetInfo,
    TargetsReply,
    TargetsRequest,
    Verb,
)
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries.reports import (
    ReportedResult,
    ReportReply,
    ReportRequest,
    RunsReply,
    RunsRequest,
)
from stt_shared.protocol.records import RunRecord
from stt_shared.protocol.subjects import control as subject_of
from stt_shared.report.model import Report

R = TypeVar("R", bound=Value)

POLL_S = 0.5  # between two requests for a run that is followed
STATUS_S = 3.0  # for the status after a request that nobody answered; a standby answers after 1 s
MAX_SILENCE_S = 60.0  # without any answer, after which following a run fails


class RefusedError(UsageError):
    """The coordinator rejected the request; `code` is the reason."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NobodyLeadsError(UnreachableError):
    """A standby answered that it cannot lead, and why."""


class CoordinatorError(SttError):
    """The coordinator failed to answer."""

    exit_code = UnreachableError.exit_code


# By the code of a standby's answer: what to do about what keeps it from leading.
NOBODY_LEADS = {
    NO_LEADER: "free space on the disk of nats-server, read its log, and restart it if it refuses"
    " to store",
    NO_STORE: "start the database of coordinator.store, or make it reachable from the coordinator",
}

HINTS = {
    "unknown_target": "see: stt targets list",
    "unknown_check": "see: stt checks list",
    "unknown_run": "see: stt runs list",
    "unknown_finding": "see: stt findings list",
    "unknown_exception": "see: stt exceptions list",
    "unknown_label": "see: stt targets list -o json",
    "unknown_site": "see: stt status",
    "unknown_worker": "see: stt workers list",
    "in_use": "who announces it: stt targets list, and which workers are up: stt workers list",
    "not_announced": "who announces it: stt targets list",
    "no_targets": "start a worker with targets, then see: stt targets list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The control service as seen from the command line; `timeout` is in seconds."""

    bus: Bus
    url: str
    timeout: float

    async def ask(self, verb: Verb, request: Value, reply: type[R]) -> R:
        """The coordinator's answer.

        Raises UnreachableError without an answer, DisabledError while checks are disabled,
        RefusedError for a rejected request or one that this user may not make, CoordinatorError
        if the coordinator failed, and ProtocolError if the answer cannot be decoded.
        """
        try:
            data = await self.bus.request(subject_of(verb), encode(request), timeout=self.timeout)
        except RequestError as error:
            raise self._refusal(error) from error
        except NobodyAnswersError as error:
            # A subject that the account does not import looks like one that nobody listens on.
            if verb is not Verb.STATUS and await self._answers():
                raise _not_allowed(verb, self.url) from error
            raise NobodyAnswersError(
                f"no coordinator answers on NATS at {self.url}, or this user may not ask it"
                f" ({error.message})",
                hint="start one with: stt coordinator\nor diagnose it: stt doctor",
            ) from error
        except UnreachableError as error:
            # The server drops what permissions refuse: the request itself gets no answer.
            if f"publish {subject_of(verb)}" in self.bus.refused():
                raise _not_allowed(verb, self.url) from error
            if verb is not Verb.STATUS:
                await self._answers()  # raises what the status says of nobody leading
            raise UnreachableError(
                f"no coordinator answers on NATS at {self.url} ({error.message})",
                hint="start one with: stt coordinator\nor diagnose it: stt doctor",
            ) from error
        return decode(reply, data)

    async def _answers(self) -> bool:
        """Whether the coordinator answers what every user may ask.

        Raises UnreachableError if a standby answers that nobody leads.
        """
        subject = subject_of(Verb.STATUS)
        try:
            timeout = min(self.timeout, STATUS_S)
            await self.bus.request(subject, encode(Empty()), timeout=timeout)
        except RequestError as error:
            if error.code in NOBODY_LEADS:
                raise self._refusal(error) from error
        except UnreachableError:
            return False
        return True

    def _refusal(self, error: RequestError) -> SttError:
        if error.code not in NOBODY_LEADS:
            return _refusal(error)
        return NobodyLeadsError(
            f"no coordinator leads on NATS at {self.url} ({error.message})",
            hint=f"{NOBODY_LEADS[error.code]}\nor diagnose it: stt doctor",
        )

    async def every_target(self) -> list[TargetInfo]:
        """All targets that the coordinator knows, page by page; raises what `ask` raises."""
        found: list[TargetInfo] = []
        after = ""
        while True:
            reply = await self.ask(Verb.TARGETS, TargetsRequest(after=after), TargetsReply)
            found.extend(reply.targets)
            if not reply.next:
                return found
            after = reply.next


def _not_allowed(verb: Verb, url: str) -> RefusedError:
    what = f"this user may not ask the coordinator for {verb} on NATS at {url}"
    hint = (
        "log in as a user that may change something (nats.nkey, nats.creds); diagnose: stt doctor"
    )
    return RefusedError("not_allowed", what, hint=hint)


def _refusal(error: RequestError) -> SttError:
    if error.code == "disabled":
        return DisabledError(error.message)
    if error.code in HINTS or error.code.startswith(("unknown_", "bad_", "ambiguous")):
        return RefusedError(error.code, error.message, hint=HINTS.get(error.code, ""))
    return CoordinatorError(f"the coordinator failed to answer ({error.code}: {error.message})")


async def report(control: Control, run_id: str = "") -> Report:
    """The report of a run, or of the latest outcome of everything, all pages joined."""
    results: list[ReportedResult] = []
    after = ""
    while True:
        request = ReportRequest(run_id=run_id, after=after)
        page = await control.ask(Verb.REPORT, request, ReportReply)
        results.extend(page.results)
        if not page.next:
            return Report(
                run_id=page.run_id,
                started=page.started,
                finished=page.finished,
                summary=page.counts,
                results=tuple(results),
                notice=page.notice,
            )
        after = page.next


async def find_run(control: Control, run_id: str) -> RunRecord:
    """The run of that id; raises RefusedError `unknown_run`."""
    reply = await control.ask(Verb.RUNS, RunsRequest(run_id=run_id, limit=1), RunsReply)
    if not reply.runs:
        raise RefusedError("unknown_run", f"unknown run {run_id!r}", hint=HINTS["unknown_run"])
    return reply.runs[0]


async def follow(
    control: Control, run: RunRecord, progress: Callable[[RunRecord], None]
) -> RunRecord:
    """Wait until `run` has finished, passing each state to `progress`; returns the finished run.

    Retries while the coordinator does not answer; raises UnreachableError after MAX_SILENCE_S.
    """
    answered = monotonic()
    while run.state == "running":
        # The pace: each question costs the coordinator a read of its store.
        await asyncio.sleep(POLL_S)
        try:
            run = await find_run(control, run.run_id)
        except UnreachableError:
            # The run goes on while the coordinator restarts; without a limit a lost one is awaited
            # for ever.
            if monotonic() - answered > MAX_SILENCE_S:
                raise
            continue
        answered = monotonic()
        progress(run)
    return run
