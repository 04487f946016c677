"""Decode a message and compare its fields with the subject that it came on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from stt_shared.errors import ProtocolError
from stt_shared.identity import TOKEN_RULE, is_token
from stt_shared.protocol import codec
from stt_shared.protocol.messages import Announcement, Job, Result, Value
from stt_shared.protocol.subjects import ROOT

M = TypeVar("M", bound=Value)
PLACE = frozenset({"family", "site"})  # fields whose difference is a wrong site


@dataclass(frozen=True, slots=True)
class Address(Generic[M]):
    """Where messages of a kind are published: `root`, then the values of `fields`, with dots."""

    kind: type[M]
    root: str
    fields: tuple[str, ...]


JOB = Address(Job, f"{ROOT}.job", ("family", "site", "target"))
RESULT = Address(Result, f"{ROOT}.result", ("family", "site", "target", "worker"))
ANNOUNCEMENT = Address(Announcement, f"{ROOT}.announce", ("site", "worker"))


def read_message(address: Address[M], subject: str, data: bytes) -> M:
    """The message in `data`, whose fields are those of the `subject` that it came on.

    Permissions of NATS allow subjects, not contents: a message that was not compared with its
    subject could speak for another site. Raises ProtocolError: a code of the codec, `wrong_site`,
    or `wrong_subject`.
    """
    message = codec.decode(address.kind, data)
    name = address.kind.__name__.lower()
    tokens = subject.removeprefix(f"{address.root}.").split(".")
    if not subject.startswith(f"{address.root}.") or len(tokens) != len(address.fields):
        raise ProtocolError("wrong_subject", f"subject {subject!r:.200} is not one of a {name}")
    for field, token in zip(address.fields, tokens, strict=True):
        value = str(getattr(message, field))
        if not is_token(token):
            what = (
                f"subject {subject!r:.200} has the {field} {token!r:.80}, which is not {TOKEN_RULE}"
            )
            raise ProtocolError("wrong_subject", what)
        if value != token:
            code = "wrong_site" if field in PLACE else "wrong_subject"
            what = f"the {name} has the {field} {value!r:.80}, its subject is {subject!r:.200}"
            raise ProtocolError(code, what)
    return message
