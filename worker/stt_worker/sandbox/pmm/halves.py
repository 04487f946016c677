"""Texts that are bytes, as in Go: a slice may cut a character, and its bytes are kept.

The engine's texts hold whole characters alone. A byte that is none is written as two of them, the
mark and one for the byte; what is whole again becomes the character again, so that equal texts are
always written alike. Only the way out of the sandbox makes U+FFFD of what is left, as Go does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import dropwhile
from typing import cast

HALF = (
    "\U0010fffd"  # private use, as those of the bytes: a text that had them would leave as U+FFFD
)
_BYTES = 0x10FE00  # and the byte, from 0x80 to 0xFF
_ESCAPED = 0xDC00  # how Python's decoder gives back a byte that belongs to no character
_MARKED = re.compile(f"{HALF}[{chr(_BYTES + 0x80)}-{chr(_BYTES + 0xFF)}]")
_LONE = re.compile("[\udc80-\udcff]")
_BLANK = " \t\n\v\f\r\x85\xa0"
_TRIMS = ("strip", "lstrip", "rstrip")
_OF_CHARACTERS = ("capitalize", "lower", "title", "upper", "isupper", "islower")


def to_bytes(text: str) -> bytes:
    """The bytes that Go has for `text`."""
    if HALF not in text:
        return text.encode()
    lone = _MARKED.sub(lambda one: chr(ord(one[0][1]) - _BYTES + _ESCAPED), text)
    return lone.encode(errors="surrogateescape")


def to_text(raw: bytes) -> str:
    """The text for bytes of Go: characters where they are whole."""
    text = raw.decode(errors="surrogateescape")
    return _LONE.sub(lambda one: HALF + chr(ord(one[0]) - _ESCAPED + _BYTES), text)


def joined(text: str) -> str:
    """`text` with the halves that now form a character as this character."""
    return to_text(to_bytes(text))


def readable(text: str) -> str:
    """`text` with U+FFFD for each byte of half a character."""
    return _MARKED.sub("\ufffd", text) if HALF in text else text


def order(text: str) -> str:
    """A text that sorts as the bytes of `text` do."""
    return to_bytes(text).decode("latin-1")


def byte_texts(text: str) -> list[str]:
    """The bytes of `text`, each as a text."""
    return [to_text(bytes([one])) for one in to_bytes(text)]


def byte_at(text: str, index: object) -> str:
    """`text[index]` in bytes; raises TypeError and IndexError as the engine does."""
    if type(index) is not int:
        raise TypeError(f"the index of a text is an integer, got {index!r:.40}")
    return to_text(to_bytes(text)[index : index + 1 or None]) or _missing(index)


def _missing(index: int) -> str:
    raise IndexError(f"index {index} is out of range")


def bytewise(method: str, text: str, *given: object) -> object:
    """A method of texts on bytes, for texts with halves; raises what the method raises."""
    if method in _TRIMS:
        return _trimmed(method, text, *cast("tuple[str]", given))
    if method in _OF_CHARACTERS:
        return False if method.startswith("is") else getattr(readable(text), method)()
    if given and given[0] == "" and method == "count":
        bounds = cast("tuple[int | None, ...]", (*given[1:], None, None))
        return len(_characters(to_text(to_bytes(text)[bounds[0] : bounds[1]]))) + 1
    if given and given[0] == "" and method == "replace":
        return _between_characters(text, *cast("tuple[str]", given[1:]))
    found: object = getattr(to_bytes(text), method)(*map(_given, given))
    if isinstance(found, list | tuple):
        return [to_text(one) for one in cast("list[bytes]", found)]
    return to_text(found) if isinstance(found, bytes) else found


def _given(value: object) -> object:
    if isinstance(value, list | tuple):
        return tuple(to_bytes(one) for one in cast("list[str]", value))
    return to_bytes(value) if isinstance(value, str) else value


def _characters(text: str) -> list[str]:
    """The characters of a text, each half as one."""
    return re.findall(f"{_MARKED.pattern}|.", text, re.DOTALL)


def _trimmed(method: str, text: str, cut: str = _BLANK) -> str:
    """Go looks at each half as at U+FFFD, in the text and in what is cut off."""
    unwanted = set(readable(cut))
    kept = _characters(text)
    if method != "rstrip":
        kept = list(dropwhile(lambda one: readable(one) in unwanted, kept))
    if method != "lstrip":
        kept = list(dropwhile(lambda one: readable(one) in unwanted, reversed(kept)))[::-1]
    return joined("".join(kept))


def _between_characters(text: str, new: str, limit: int = -1) -> str:
    """`text.replace("", new)`: once before each character, and at the end."""
    parts = _characters(text)
    times = len(parts) + 1 if limit < 0 else limit
    before = [new if at < times else "" for at in range(len(parts) + 1)]
    return joined("".join(a + b for a, b in zip(before, [*parts, ""], strict=True)))


HALF_FUNCTIONS: dict[str, Callable[..., object]] = {
    "_joined": joined,
    "_readable": readable,
    "_order": order,
    "_byte_texts": byte_texts,
    "_byte_at": byte_at,
    "_bytewise": bytewise,
}
