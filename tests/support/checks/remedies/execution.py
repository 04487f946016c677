"""One remediation on a server in use: it heals, hurts nobody else, and can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from stt_shared.protocol.messages import Finding, Fix
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import CheckRunner
from tests.support.checks.scenario import State, still_found

Held = TypeVar("Held")


class InUse(Protocol[Held]):
    """A server with an application, and with the account that `stt grants` makes."""

    def do(self, statements: Iterable[str]) -> None:
        """Execute statements as the administrator."""
        ...

    def sees(self, check: str) -> Endpoint:
        """How the account that evaluates the check logs in."""
        ...

    def work(self) -> None:
        """What the application does; raises if it cannot."""
        ...

    def holdings(self) -> Held:
        """All that the server knows of accounts, rights and settings."""
        ...

    def assert_restored(self, before: Held) -> None:
        """Raise AssertionError with what is lost or new since `before`."""
        ...


async def prove(runner: CheckRunner, around: InUse[Held], state: State) -> None:
    """The state is found by the account of the checks, mended, and made again by `undo`."""
    untouched = around.holdings()
    around.do(state.make)
    try:
        await _mended_and_undone(runner, around, state)
    finally:
        around.do(state.undo)
    # Else a later test, of whatever file, finds accounts and rights that it did not make.
    around.assert_restored(untouched)


async def _mended_and_undone(runner: CheckRunner, around: InUse[Held], state: State) -> None:
    found = await findings(runner, around, state)
    fixes = [fix_of(found[name]) for name in state.finds]
    by_hand = [fix for fix in fixes if not fix.statement]
    assert all(fix.action for fix in by_hand)
    if by_hand and not state.by_hand:
        return  # a person's work, which nothing executes
    before = around.holdings()
    for fix in fixes:
        around.do([*([fix.query] if fix.query else []), *fix.statement])
    around.do(state.by_hand)
    after = await still_found(runner, state.check, around.sees(state.check))
    assert not state.finds.keys() & after, f"still found after its remediation: {after}"
    around.work()
    for fix in reversed(fixes):
        around.do(fix.undo)
    await undone(runner, around, state, fixes)
    if not any(fix.no_undo for fix in fixes):
        around.assert_restored(before)


async def undone(
    runner: CheckRunner, around: InUse[Held], state: State, fixes: Sequence[Fix]
) -> None:
    """What can be undone is found again, and all others still work."""
    again = await still_found(runner, state.check, around.sees(state.check))
    pairs = zip(state.finds, fixes, strict=True)
    assert {name for name, fix in pairs if not fix.no_undo} <= again
    around.work()


async def findings(runner: CheckRunner, around: InUse[Held], state: State) -> dict[str, Finding]:
    """The findings of the check by object, with the severities that the state declares."""
    outcome = await runner.run(state.check, around.sees(state.check))
    found = {str(one.object): one for one in outcome.findings}
    shown = {name: str(found[name].severity) for name in state.finds if name in found}
    assert shown == dict(state.finds), outcome
    return found


def fix_of(finding: Finding) -> Fix:
    assert finding.fix is not None, finding
    return finding.fix
