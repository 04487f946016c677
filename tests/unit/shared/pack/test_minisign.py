"""Signatures are those of minisign: what it ever wrote is read, and what we write it reads."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_shared.pack import minisign, signing
from stt_shared.pack.minisign import MinisignError, Signature
from tests.support.shared import minisign_vectors as vectors

KEY = minisign.parse_public_key(vectors.PUBLIC_KEY)
SIGNATURES = (vectors.PLAIN_SIGNATURE, vectors.PREHASHED_SIGNATURE, vectors.DEFAULT_COMMENT)
bytes_of = st.binary


@pytest.mark.parametrize("text", SIGNATURES)
def test_what_minisign_signed_verifies_and_is_written_again_as_it_was(text: str) -> None:
    signature = minisign.parse_signature(text)
    assert signing.verifies(vectors.MESSAGE, signature, KEY)
    assert minisign.format_signature(signature) == text


@pytest.mark.parametrize("text", SIGNATURES)
def test_a_changed_byte_comment_or_key_verifies_no_more(text: str) -> None:
    signature = minisign.parse_signature(text)
    assert not signing.verifies(vectors.MESSAGE + b"\n", signature, KEY)
    assert not signing.verifies(vectors.MESSAGE, replace(signature, comment="other"), KEY)
    assert not signing.verifies(vectors.MESSAGE, replace(signature, key_id=bytes(8)), KEY)
    assert not signing.verifies(vectors.MESSAGE, signature, signing.make_key().public)
    other = replace(signing.make_key().public, id=KEY.id)
    assert not signing.verifies(vectors.MESSAGE, signature, other)
    assert not signing.verifies(vectors.MESSAGE, signature, replace(KEY, key=b"\xff" * 32))


def test_the_kind_of_a_signature_cannot_be_exchanged() -> None:
    for text in SIGNATURES:
        signature = minisign.parse_signature(text)
        turned = replace(signature, prehashed=not signature.prehashed)
        assert not signing.verifies(vectors.MESSAGE, turned, KEY)


def test_minisigns_own_secret_key_signs_byte_for_byte_what_minisign_signed() -> None:
    key = minisign.parse_secret_key(vectors.SECRET_KEY)
    assert key.public == KEY
    for text in SIGNATURES:
        known = minisign.parse_signature(text)
        ours = signing.sign(vectors.MESSAGE, key, known.comment, prehashed=known.prehashed)
        assert minisign.format_signature(ours) == text


def test_a_key_is_named_and_written_as_minisign_does() -> None:
    assert KEY.name == "AD016935C774489C"
    assert minisign.format_public_key(KEY) == vectors.PUBLIC_KEY
    assert minisign.parse_public_key(KEY.text) == KEY
    assert minisign.parse_public_key(KEY.text + "\n") == KEY


def test_a_new_key_is_read_back_and_its_secret_shows_nowhere() -> None:
    key = signing.make_key()
    text = minisign.format_secret_key(key)
    assert minisign.parse_secret_key(text) == key
    assert repr(key) == f"SecretKey({key.public.name})"
    assert signing.make_key() != key


def damaged(text: str, place: int, value: bytes) -> str:
    head, line = text.splitlines()[:2]
    raw = bytearray(base64.b64decode(line))
    raw[place : place + len(value)] = value
    return f"{head}\n{base64.b64encode(raw).decode()}\n"


@pytest.mark.parametrize(
    ("place", "value", "why"),
    [
        (0, b"XX", "algorithms"),
        (2, b"Sc", "has a password"),
        (4, b"XX", "algorithms"),
        (70, b"\0", "damaged"),
    ],
)
def test_a_secret_key_that_cannot_be_used_says_why(place: int, value: bytes, why: str) -> None:
    text = minisign.format_secret_key(minisign.parse_secret_key(vectors.SECRET_KEY))
    with pytest.raises(MinisignError, match=why):
        minisign.parse_secret_key(damaged(text, place, value))


def lines_of(*changes: tuple[int, str]) -> str:
    lines = vectors.PREHASHED_SIGNATURE.splitlines()
    for place, line in changes:
        lines[place : place + 1] = [line]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "four lines"),
        (lines_of((0, "comment")), "four lines"),
        (lines_of((1, "?")), "the signature is not base64"),
        (lines_of((1, "RUSc")), "has 3 bytes, expected 74"),
        (lines_of((1, base64.b64encode(b"XX" + bytes(72)).decode())), "algorithm"),
        (lines_of((2, "comment: x")), "third line"),
        (lines_of((3, "RUSc")), "global signature has 3 bytes, expected 64"),
        (vectors.PREHASHED_SIGNATURE + "more\n", "more than four lines"),
        ("x" * 20_000, "20000 characters, the limit is 16384"),
    ],
)
def test_a_text_that_is_no_signature_says_why(text: str, why: str) -> None:
    with pytest.raises(MinisignError, match=why):
        minisign.parse_signature(text)


@pytest.mark.parametrize("text", ["", "x", "RWS\nRWS", "untrusted comment: k\n"])
def test_a_text_that_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(MinisignError):
        minisign.parse_public_key(text)
    with pytest.raises(MinisignError, match="expected b'Ed'"):
        minisign.parse_public_key(base64.b64encode(b"XX" + bytes(40)).decode())


@pytest.mark.parametrize("comment", ["two\nlines", "a\rb", "x" * 9_000, "\0"])
def test_a_comment_of_more_than_one_line_cannot_be_signed(comment: str) -> None:
    with pytest.raises(MinisignError, match="comment"):
        signing.sign(b"", signing.make_key(), comment)


signatures = st.builds(
    Signature,
    prehashed=st.booleans(),
    key_id=bytes_of(min_size=8, max_size=8),
    signature=bytes_of(min_size=64, max_size=64),
    comment=st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200),
    global_signature=bytes_of(min_size=64, max_size=64),
)


@given(signature=signatures)
def test_every_signature_is_read_back_as_it_was_written(signature: Signature) -> None:
    assert minisign.parse_signature(minisign.format_signature(signature)) == signature


@given(text=st.text(max_size=400))
def test_no_text_raises_anything_but_its_own_error(text: str) -> None:
    for parse in (minisign.parse_signature, minisign.parse_public_key, minisign.parse_secret_key):
        with pytest.raises(MinisignError):
            parse(text)


@given(data=bytes_of(max_size=300), comment=st.text("abc é\t", max_size=20), hashed=st.booleans())
def test_what_is_signed_verifies_and_with_any_bit_turned_does_not(
    data: bytes, comment: str, *, hashed: bool
) -> None:
    key = signing.make_key()
    signature = signing.sign(data, key, comment, prehashed=hashed)
    again = minisign.parse_signature(minisign.format_signature(signature))
    assert signing.verifies(data, again, key.public)
    assert not signing.verifies(data + b"\0", again, key.public)
    assert not signing.verifies(data, replace(again, comment=comment + " "), key.public)
