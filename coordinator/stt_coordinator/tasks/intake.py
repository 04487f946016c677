"""A delivery becomes a result, or the named reason why it is none that can be taken in."""

from __future__ import annotations

from stt_shared.bus.port import Delivery
from stt_shared.errors import ProtocolError
from stt_shared.identity import is_token
from stt_shared.protocol import codec, subjects
from stt_shared.protocol.messages import Result

MAX_SEQUENCE = 2**63 - 1  # of a store's integer
MAX_NAME = 200  # characters of ids that are no tokens
_EPOCH = "an epoch of 1 to 64 of a-z, 0-9, underscore and hyphen"


def read(delivery: Delivery) -> Result:
    """The result in `delivery`.

    Raises ProtocolError: a code of the codec, `wrong_site` or `wrong_subject` where the message
    says something else than its subject, or `wrong_position`.
    """
    result = codec.decode(Result, delivery.data)
    family, site, target, worker = _tokens(delivery.subject)
    if (result.family, result.site) != (family, site):
        here, there = f"{family} at {site}", f"{result.family} at {result.site}"
        raise ProtocolError("wrong_site", f"a result of {there!r:.150} came from {here!r:.150}")
    if (result.target, result.worker) != (target, worker):
        said = f"target {result.target!r:.80}, worker {result.worker!r:.80}"
        raise ProtocolError("wrong_subject", f"{said} came on {delivery.subject!r:.200}")
    if not 1 <= result.sequence <= MAX_SEQUENCE or not is_token(result.epoch):
        said = f"position {result.sequence!r:.40} of epoch {result.epoch!r:.80}"
        raise ProtocolError("wrong_position", f"{said}, expected a position from 1 and {_EPOCH}")
    if len(result.job_id) > MAX_NAME or len(result.run_id) > MAX_NAME:
        raise ProtocolError("wrong_job", f"job {result.job_id!r:.80} has too long a name")
    return result


def _tokens(subject: str) -> list[str]:
    prefix = f"{subjects.ROOT}.result."
    tokens = subject.removeprefix(prefix).split(".")
    if not subject.startswith(prefix) or len(tokens) != 4:  # noqa: PLR2004  # family, site, target, worker
        raise ProtocolError("wrong_subject", f"no result comes on {subject!r:.200}")
    if not all(map(is_token, tokens)):
        raise ProtocolError("wrong_subject", f"a name in {subject!r:.200} is none")
    return tokens
