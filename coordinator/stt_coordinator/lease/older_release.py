"""Ask whether a coordinator of a release without leases acts: it would go on beside this one."""

from __future__ import annotations

from stt_shared.bus.port import Bus
from stt_shared.bus.values import RequestError
from stt_shared.errors import ProtocolError, UnreachableError
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.control import Empty, StatusReply, Verb

ANSWER_S = 2.0


async def older_acts(bus: Bus) -> bool:
    """Whether a coordinator answers that names no lease by which it acts.

    Nobody answers where none runs: then nothing waits for this. Silence counts as nobody, or a
    subscription that is left over would keep this installation from starting.
    """
    subject = subjects.control(Verb.STATUS)
    try:
        data = await bus.request(subject, codec.encode(Empty()), timeout=ANSWER_S)
        return codec.decode(StatusReply, data).coordinator is None
    except RequestError:
        return True  # its store does not answer, but it does
    except (UnreachableError, ProtocolError):
        return False
