"""Lines about what a user of NATS may use, by asking: what works, and what must not."""

from __future__ import annotations

import socket

from stt_cli.doctor.diagnostic_line import DiagnosticLine, fail, ok
from stt_cli.doctor.rights import ACCESS, Part
from stt_shared.bus import probe
from stt_shared.bus.port import Bus
from stt_shared.bus.probe import Answer
from stt_shared.command.tables import SecretUse
from stt_shared.identity import token_of
from stt_shared.protocol import accounts
from stt_shared.protocol.accounts import Crossing
from stt_shared.protocol.control import Verb
from stt_shared.report import readable
from stt_shared.settings import Settings

BORDER = "NATS border"
_TODO = {
    Part.WORKER: "compare site, name and families with the account: stt nats config --site SITE"
    " --worker NAME --families ...; a consumer exists once a coordinator knows the worker",
    Part.OPERATOR: "start or update the coordinator, or ask as an operator:"
    " stt nats config --people",
    Part.VIEWER: "start or update the coordinator, or compare with: stt nats config --people",
    Part.SUBSCRIBER: "compare with: stt nats config --people --subscriber NAME; consumers exist"
    " once a coordinator keeps them (coordinator.subscribers)",
}
_ONE_DOMAIN = "give each holder an account of its own: stt nats config, docs/nats.md"


def crossings(
    part: Part, settings: Settings, uses: tuple[SecretUse, ...], subscribers: tuple[str, ...]
) -> tuple[Crossing, ...]:
    """What an account of `part` imports; empty for a coordinator, which owns the streams."""
    if part is Part.WORKER:
        own = settings.worker
        name = own.name or token_of(socket.gethostname(), "worker")
        return accounts.of_worker(own.site, name, sorted({use.family for use in uses}))
    if part is Part.SUBSCRIBER:
        return accounts.of_subscribers(subscribers)
    if part is Part.COORDINATOR:
        return ()
    return accounts.of_people(tuple(Verb) if part is Part.OPERATOR else accounts.READING)


async def works(bus: Bus, part: Part, imports: tuple[Crossing, ...]) -> DiagnosticLine:
    """Whether everything answers that `part` needs."""
    probes = probe.own(imports)
    answers = await probe.ask(bus, probes)
    lacking = [
        f"{one.subject} ({'503' if answer is Answer.ABSENT else 'refused or silent'})"
        for one, answer in zip(probes, answers, strict=True)
        if probe.missing(one, answer)
    ]
    if lacking:
        seen = f"{len(lacking)} of {len(probes)}: {readable.first_names(lacking)}"
        return fail(ACCESS, f"as {part}, without answer are {seen}", _TODO[part])
    return ok(ACCESS, f"as {part}, all of {readable.number(len(probes), 'subject')} answer")


async def border(bus: Bus, part: Part, imports: tuple[Crossing, ...]) -> DiagnosticLine:
    """Whether nothing answers that `part` must not use."""
    probes = probe.foreign(imports)
    answers = await probe.ask(bus, probes)
    reached = [
        one.subject
        for one, answer in zip(probes, answers, strict=True)
        if answer is Answer.ANSWERED
    ]
    if reached:
        seen = f"{len(reached)} of {len(probes)} answer: {readable.first_names(reached)}"
        return fail(BORDER, f"as {part}, subjects of others: {seen}", _ONE_DOMAIN)
    return ok(BORDER, f"as {part}, none of {len(probes)} subjects of others answers")
