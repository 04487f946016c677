"""Who may take an exception back: operators what was accepted, admins another severity too."""

from __future__ import annotations

from pathlib import Path

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_shared.protocol.enums import Role, Severity
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.visitors import bearing, login_with, tokens_in, visiting

ACCEPTED = SuppressionRecord(
    id="x_accepted", reason="proxy", by="ann", created=NOW, check="c", site="s"
)
OVERRIDE = SuppressionRecord(
    id="x_severity",
    reason="lab",
    by="ann",
    created=NOW,
    check="c",
    site="s",
    severity=Severity.TRIVIAL,
)


@pytest.mark.parametrize(
    ("one", "role", "code"),
    [
        (ACCEPTED, Role.VIEWER, 403),
        (ACCEPTED, Role.OPERATOR, 200),
        (OVERRIDE, Role.OPERATOR, 403),
        (OVERRIDE, Role.ADMIN, 200),
    ],
)
async def test_another_severity_is_taken_back_by_admins_alone(
    tmp_path: Path, one: SuppressionRecord, role: Role, code: int
) -> None:
    tokens = tokens_in(tmp_path / "tokens", somebody=role)
    store = MemoryStore()
    await store.transact(lambda ledger: ledger.suppressions.put([one]))
    async with visiting(login_with(tmp_path / "tokens"), store=store) as client:
        address = f"/api/v1/exceptions/{one.id}/revoke"
        answer = await client.post(address, headers=bearing(tokens["somebody"]), json={})
        assert answer.status_code == code, answer.text
        found = await store.read(lambda ledger: ledger.suppressions.get(one.id))
        assert found is not None
        assert (found.revoked is not None) is (code == 200)
