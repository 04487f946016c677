"""A delivery becomes a result, or the named reason why it is none that can be taken in."""

from __future__ import annotations

from stt_shared.bus.port import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.identity import is_token
from stt_shared.protocol.messages import Result
from stt_shared.protocol.reading import RESULT, read_message

MAX_SEQUENCE = 2**63 - 1  # of a store's integer
MAX_NAME = 200  # characters of ids that are no tokens
_EPOCH = "an epoch of 1 to 64 of a-z, 0-9, underscore and hyphen"


def read(delivery: Delivery) -> Result:
    """The result in `delivery`.

    Raises ProtocolError: a code of the codec, `wrong_site` or `wrong_subject` where the message
    says something else than its subject, or `wrong_position`.
    """
    result = read_message(RESULT, delivery.subject, delivery.data)
    if not 1 <= result.sequence <= MAX_SEQUENCE or not is_token(result.epoch):
        said = f"position {result.sequence!r:.40} of epoch {result.epoch!r:.80}"
        raise ProtocolError("wrong_position", f"{said}, expected a position from 1 and {_EPOCH}")
    if len(result.job_id) > MAX_NAME or len(result.run_id) > MAX_NAME:
        raise ProtocolError("wrong_job", f"job {result.job_id!r:.80} has too long a name")
    return result
