"""One remediation on a server in use: it heals, hurts nobody else, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.messages import Finding, Fix
from tests.support.checks.real import CheckRunner, mysql_do
from tests.support.checks.remedies.holdings import differences, holdings
from tests.support.checks.remedies.surroundings import Surroundings
from tests.support.checks.scenario import State, still_found


async def prove(runner: CheckRunner, around: Surroundings, state: State) -> None:
    """The state is found by the account of the checks, mended, and made again by `undo`."""
    server = around.server
    untouched = holdings(server)
    mysql_do(server, state.make)
    try:
        found = await findings(runner, around, state)
        fixes = [fix_of(found[name]) for name in state.finds]
        if any(not fix.statement for fix in fixes):
            assert all(fix.action for fix in fixes)
            return
        before = holdings(server)
        for fix in fixes:
            execute(server, fix)
        after = await still_found(runner, state.check, around.where)
        assert not state.finds.keys() & after, f"still found after its remediation: {after}"
        around.work()
        for fix in reversed(fixes):
            mysql_do(server, fix.undo)
        await undone(runner, around, state, fixes)
        if not any(fix.no_undo for fix in fixes):
            left = differences(before, holdings(server))
            assert left == {}, left
    finally:
        mysql_do(server, state.undo)
    # Else a later test, of whatever file, finds accounts and rights that it did not make.
    left = differences(untouched, holdings(server))
    assert left == {}, left


async def undone(
    runner: CheckRunner, around: Surroundings, state: State, fixes: Sequence[Fix]
) -> None:
    """What can be undone is found again, and all others still work."""
    again = await still_found(runner, state.check, around.where)
    pairs = zip(state.finds, fixes, strict=True)
    assert {name for name, fix in pairs if not fix.no_undo} <= again
    around.work()


async def findings(runner: CheckRunner, around: Surroundings, state: State) -> dict[str, Finding]:
    """The findings of the check by object, with the severities that the state declares."""
    outcome = await runner.run(state.check, around.where)
    found = {str(one.object): one for one in outcome.findings}
    shown = {name: str(found[name].severity) for name in state.finds if name in found}
    assert shown == dict(state.finds), outcome
    return found


def fix_of(finding: Finding) -> Fix:
    assert finding.fix is not None, finding
    return finding.fix


def execute(server: Running, fix: Fix) -> None:
    """The query and the statements as they stand."""
    mysql_do(server, queries(fix))
    mysql_do(server, fix.statement)


def queries(fix: Fix) -> Sequence[str]:
    return [fix.query] if fix.query else []
