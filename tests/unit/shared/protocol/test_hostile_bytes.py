"""No bytes make a decoder raise anything but ProtocolError, nor pass what a store cannot hold."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stt_shared import clock
from stt_shared.errors import ProtocolError
from stt_shared.protocol import codec
from stt_shared.protocol.messages import Announcement, Result, Value, Watermark
from tests.support.shared.hostile_bytes import DEPTHS, MANY, corpus, example, kinds

FUZZED = settings(max_examples=20)
DECADE = timedelta(days=3_650)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def survives(kind: type[Value], data: bytes) -> None:
    """Assert that `data` is refused, or that what it became can be stored and computed with."""
    try:
        message = codec.decode(kind, data)
    except ProtocolError as error:
        assert error.code in {"malformed", "wrong_schema", "newer_major", "too_large"}  # noqa: PT017  # of many
        return
    msgspec.msgpack.encode(message)
    msgspec.json.encode(message)
    for at in instants(msgspec.structs.asdict(message)):
        clock.to_text(at + DECADE)
        clock.to_text(at - DECADE)


def instants(fields: dict[str, Any]) -> list[datetime]:
    return [value for value in fields.values() if isinstance(value, datetime)]


@pytest.mark.parametrize("kind", kinds())
def test_the_corpus_is_refused_or_harmless(kind: type[Value]) -> None:
    assert type(codec.decode(kind, json.dumps(example(kind)).encode())) is kind
    for data in corpus(kind):
        survives(kind, data)


@pytest.mark.parametrize("kind", kinds())
@FUZZED
@given(data=st.data())
def test_random_bytes_and_values_are_refused_or_harmless(
    kind: type[Value], data: st.DataObject
) -> None:
    survives(kind, data.draw(st.binary(max_size=200)))
    whole = example(kind)
    name = data.draw(st.sampled_from(sorted(whole)))
    survives(kind, json.dumps(whole | {name: data.draw(JSON)}).encode())
    text = json.dumps(whole).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    survives(kind, text[:place] + data.draw(st.binary(max_size=3)) + text[place + 1 :])


@pytest.mark.parametrize("depth", DEPTHS)
def test_evidence_that_is_nested_too_deep_to_be_read_again_is_refused(depth: int) -> None:
    evidence = '"evidence": [{"a": ' + "[" * depth + "]" * depth + "}]"
    text = json.dumps(example(Result)).replace('"evidence": [{"a": "a"}]', evidence)
    with pytest.raises(ProtocolError, match=r"nested deeper than 64|recursion depth"):
        codec.decode(Result, text.encode())


def test_an_integer_that_no_store_holds_is_named_with_its_field() -> None:
    text = json.dumps(example(Watermark) | {"sequence": MANY}).encode()
    with pytest.raises(ProtocolError, match="sequence: an integer of more than 64 bits"):
        codec.decode(Watermark, text)


def test_an_instant_at_the_end_of_the_calendar_is_named_with_its_field() -> None:
    text = json.dumps(example(Announcement) | {"at": "9999-12-31T23:59:59-23:59"}).encode()
    with pytest.raises(ProtocolError, match="at: year 9999 is not from 1900 to 9000"):
        codec.decode(Announcement, text)
