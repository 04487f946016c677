"""What one coordinator does while one of another release acts: it waits, or it ends."""

from __future__ import annotations

from stt_coordinator.lease.port import Claimant
from stt_coordinator.lease.record import LeaseRecord
from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.errors import ConfigError, ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import NO_LEADER, NO_STORE, Empty, StatusReply, Verb

ANSWER_S = 2.0


def obstacle(claimant: Claimant, record: LeaseRecord | None) -> str:
    """Why a claimant with a newer schema has to wait for the end of the leader; or empty.

    Raises ConfigError if the leader has the newer schema: then the store has it, too.
    """
    known, found = claimant.store_schema, record.store_schema if record else 0
    if record is None or not (known and found) or known == found:
        return ""
    if found > known:
        raise ConfigError(
            f"the leader {record.name} runs a newer schema ({found}), this program knows up to"
            f" {known}",
            hint="upgrade this coordinator to the release of the leader",
        )
    return (
        f"the leader {record.name} runs an older schema ({found}); stop it, or let it end, to"
        " upgrade"
    )


async def older_acts(bus: Bus) -> bool:
    """Whether a coordinator of a release without leases acts: it would go on beside this one.

    Nobody answers where none runs: then nothing waits for this. Silence counts as nobody, or a
    subscription that is left over would keep this installation from starting.
    """
    subject = subjects.control(Verb.STATUS)
    try:
        data = await bus.request(subject, codec.encode(Empty()), timeout=ANSWER_S)
        return codec.decode(StatusReply, data).coordinator is None
    except RequestError as error:
        # Its store does not answer, but it does; another standby says that nobody leads.
        return error.code not in {NO_LEADER, NO_STORE}
    except (UnreachableError, ProtocolError):
        return False
