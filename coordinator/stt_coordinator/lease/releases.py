"""What one coordinator does while one of another release acts on the store that they share."""

from __future__ import annotations

from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_shared.errors import ConfigError


def obstacle(claimant: Claimant, record: LeaseRecord | None) -> str:
    """Why a claimant with a newer schema has to wait for the end of the one that acts; or empty.

    Raises ConfigError if the one that acts has the newer schema: then the store has it, too.
    """
    known, found = claimant.store_schema, record.store_schema if record else 0
    if record is None or not (known and found) or known == found:
        return ""
    if found > known:
        raise ConfigError(
            f"the acting coordinator {record.name} runs a newer schema ({found}), this program"
            f" knows up to {known}",
            hint="upgrade this coordinator to the release of the acting one",
        )
    return (
        f"the acting coordinator {record.name} runs an older schema ({found}); stop it, or let it"
        " end, to upgrade"
    )
