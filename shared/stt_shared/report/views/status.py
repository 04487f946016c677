"""The status of the installation: enabled or disabled, counts, workers, faults."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from stt_shared.protocol.control import PackStatus, StatusReply
from stt_shared.protocol.coordinators import CoordinatorInfo, Standby, StoreHealth
from stt_shared.protocol.enums import Kind, Severity
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import Counts, RunRecord
from stt_shared.report import readable
from stt_shared.report.theme import clean, mark

MAX_NAMED = 3  # targets named after the count of unchecked ones


def switch_sentence(state: ControlState, now: datetime) -> str:
    """Whether checks are enabled, since when, by whom and why."""
    word = "on" if state.enabled else "disabled"
    if state.since is None:
        return f"Checks are {word}." if state.enabled else "Checks are disabled (never enabled)."
    reason = f': "{state.reason}"' if state.reason else ""
    who = f" (by {state.by}{reason})" if state.by else ""
    return f"Checks are {word} since {readable.moment(state.since, now)}{who}."


def run_sentence(run: RunRecord | None, now: datetime) -> str:
    """The result of the last run."""
    if run is None:
        return "No run yet."
    if run.state == "running":
        return f"Run {run.run_id} is under way: {run.done} of {run.jobs} databases done."
    if run.state == "skipped" or run.finished is None:
        reason = f": {run.reason}" if run.reason else ""
        return f"Run {run.run_id} was skipped{reason}."
    took = f", {readable.span(run.finished - run.started)}" if run.started else ""
    return f"Last run {run.run_id} finished {readable.moment(run.finished, now)}{took}."


def status_lines(reply: StatusReply, now: datetime) -> list[Text]:
    """The lines of `stt status`."""
    first = [switch_sentence(reply.state, now), run_sentence(reply.summary.last_run, now)]
    if reply.next_slots and reply.state.enabled:
        first.append(f"Next at {readable.moment(min(reply.next_slots.values()), now)}.")
    style = "" if reply.state.enabled else "warn"
    lines = [Text(clean(" ".join(first)), style=style), Text()]
    lines.extend(_count_lines(reply, now))
    lines.extend([Text(), Text(f"  {_fleet(reply)}")])
    if reply.coordinator is not None:
        lines.append(Text(f"  {clean(coordinator_sentence(reply.coordinator, now))}"))
    if reply.store is not None and reply.store.kind == "postgresql":
        lines.append(Text(f"  {clean(store_sentence(reply.store))}"))
    if reply.pack is not None:
        lines.append(Text(f"  {clean(pack_sentence(reply.pack, now))}"))
    if reply.notice:
        lines.append(Text(f"  warning: {clean(reply.notice)}", "warn"))
    lines.extend(Text(f"  warning: {clean(what)}", "warn") for what in reply.degraded)
    return lines


def coordinator_sentence(one: CoordinatorInfo, now: datetime) -> str:
    """Which coordinator is the leader, which others are active, and which stand by."""
    since = readable.moment(one.since, now)
    leader = f"leader {one.name} on {one.host} since {since} (epoch {one.epoch})"
    active = ", ".join(_named(other) for other in one.standbys if other.active)
    behind = ", ".join(_named(other) for other in one.standbys if not other.active)
    also = f", also active: {active}" if active else ""
    return f"{leader}{also}, standby: {behind or 'none'}"


def _named(one: Standby) -> str:
    return f"{one.name} on {one.host}" + (f" ({one.obstacle})" if one.obstacle else "")


def store_sentence(store: StoreHealth) -> str:
    """Where a store on a server is, and its size."""
    if store.size_bytes is None:
        return f"store: {store.path} ({store.fault})"
    return f"store: PostgreSQL {store.server}, {store.path}, {readable.size(store.size_bytes)}"


def pack_sentence(pack: PackStatus, now: datetime) -> str:
    """The source of the checks, and the key that signed them."""
    signed = f"signed by {pack.key}" if pack.key else "UNSIGNED"
    until = f", expires {readable.day(pack.expires, now)}" if pack.expires else ""
    return (
        f"checks: pack {pack.name} {pack.serial}, {readable.number(pack.checks, 'check')}, {signed}"
        f"{until}, from {pack.source}, fetched {readable.moment(pack.fetched, now)}"
    )


def _count_lines(reply: StatusReply, now: datetime) -> list[Text]:
    counts, before = reply.summary.counts, reply.yesterday
    lines: list[Text] = []
    for severity in Severity:
        amount = _amount(counts, severity)
        text = f"  {mark(severity)} {severity:<11} {amount:>5}"
        line = Text().append(text, str(severity) if amount else "")
        if before is not None:
            change = amount - _amount(before, severity)
            line.append(f"   {f'{change:+d}' if change else ' 0'} since yesterday", style="hint")
        lines.append(line)
    accepted = Text(f"    accepted    {counts.accepted:>5}")
    if reply.next_end is not None:
        accepted.append(f"   next ends {readable.date_day(reply.next_end, now)}", style="hint")
    passed = Text(f"    passed      {counts.passed:>5}")
    style = "warn" if counts.not_checked else ""
    unchecked = Text(f"    not checked {counts.not_checked:>5}", style=style)
    if reply.unchecked:
        named = [f"{one.target} ({readable.kind(one.kind)})" for one in reply.unchecked[:MAX_NAMED]]
        more = ["..."] if len(reply.unchecked) > MAX_NAMED else []
        unchecked.append(f"   {clean(', '.join(named + more))}")
    lines += [accepted, passed, unchecked, *_gone_line(reply)]
    if counts.parts_not_checked:
        left_out = Text(f"    left out    {counts.parts_not_checked:>5}   ", style="warn")
        parts = reply.parts_not_checked[:MAX_NAMED]
        left_out.append(clean(readable.target_parts(parts, counts.parts_not_checked)))
        lines.append(left_out)
    return lines


def _gone_line(reply: StatusReply) -> list[Text]:
    """The databases that no worker announces any more; no line without any."""
    counts = reply.summary.counts
    if not counts.gone:
        return []
    names = [one.target for one in reply.unchecked if one.kind is Kind.GONE]
    named = readable.first_names(names, MAX_NAMED, total=counts.gone)
    findings = readable.number(counts.gone_findings, "finding")
    hint = f", with {findings} (stt findings list --state gone)" if counts.gone_findings else ""
    line = Text(f"    gone        {counts.gone:>5}   ", style="warn")
    return [line.append(clean(named + hint))]


def _amount(counts: Counts, severity: Severity) -> int:
    return {
        Severity.CRITICAL: counts.critical,
        Severity.MAJOR: counts.major,
        Severity.TRIVIAL: counts.trivial,
    }[severity]


def _fleet(reply: StatusReply) -> str:
    up = [worker for worker in reply.workers if worker.state == "up"]
    down = len(reply.workers) - len(up)
    sites = {worker.site for worker in reply.workers}
    largest_first = sorted(reply.families.items(), key=lambda item: (-item[1], item[0]))
    families = ", ".join(f"{name} {amount}" for name, amount in largest_first)
    targets = readable.number(reply.summary.counts.targets, "database")
    parts = [
        readable.number(len(sites), "site"),
        f"{readable.number(len(up), 'worker')} up" + (f" and {down} down" if down else ""),
        targets + (f" ({families})" if families else ""),
    ]
    return ", ".join(parts)
