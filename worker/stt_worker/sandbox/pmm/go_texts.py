"""What Go's Starlark makes of texts and floats, for scripts of PMM: bytes, quotes, digits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from stt_worker.sandbox.pmm.halves import HALF, HALF_FUNCTIONS, to_bytes, to_text

LONE_BYTES = 0xDC00  # a byte of half a character, as Python's decoder writes it
LONE = (0xDC80, 0xDCFF)
FIRST_POWER, LAST_POWER = -4, 5  # of ten: a float beyond is written with an exponent
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def float_text(value: float) -> str:
    """`1234567.5` as `1.2345675e+06`, `2.0` as `2.0`: the fewest digits that name the number."""
    sign, numbers, exponent = Decimal(repr(float(value))).as_tuple()
    digits = "".join(map(str, numbers)).rstrip("0") or "0"
    # The place of the point is counted before the zeros at the end are left out.
    power = len(numbers) + int(exponent) - 1 if value else 0
    if FIRST_POWER <= power <= LAST_POWER:
        if power >= 0:
            whole, rest = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
        else:
            whole, rest = "0", "0" * (-power - 1) + digits
        text = f"{whole}.{rest or '0'}"
    else:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        text = f"{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"-{text}" if sign else text


def quoted(value: str) -> str:
    """`value` in quotes; what cannot be printed is escaped."""
    if HALF in value:
        value = to_bytes(value).decode(errors="surrogateescape")
    return f'"{"".join(one if _is_plain(one) else _escaped(one) for one in value)}"'


def _is_plain(one: str) -> bool:
    return one.isprintable() and one not in _ESCAPES


def _escaped(one: str) -> str:
    number = ord(one)
    if one in _ESCAPES:
        return _ESCAPES[one]
    if LONE[0] <= number <= LONE[1]:
        return f"\\x{number - LONE_BYTES:02x}"
    if number < 0x80:  # noqa: PLR2004  # ASCII
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004  # 16 bits


def bytes_of(value: str) -> int:
    """The length of a text in bytes: Go counts them, not characters."""
    return len(value) if value.isascii() else len(to_bytes(value))


def byte_values(value: str) -> list[int]:
    """The bytes of a text as numbers."""
    return list(to_bytes(value))


def place(method: str, value: str, part: object, *bounds: int | None) -> int:
    """`value.find(part, ...)` and its like, counted in bytes; raises ValueError as `index` does."""
    if not isinstance(part, str):
        raise TypeError(f"{method}: expected a text, got {part!r:.40}")
    find: Callable[..., int] = getattr(to_bytes(value), method)
    return find(to_bytes(part), *bounds)


def sliced(value: str, first: int | None, last: int | None, step: int | None) -> str:
    """`value[first:last:step]` in bytes; half a character is kept."""
    if value.isascii():
        return value[first:last:step]
    return to_text(to_bytes(value)[first:last:step])


def refused(why: str) -> None:
    """Raise ValueError: the script ends as an error."""
    raise ValueError(why)


TEXT_FUNCTIONS: dict[str, Callable[..., object]] = {
    **HALF_FUNCTIONS,
    "_float_text": float_text,
    "_quoted": quoted,
    "_bytes_of": bytes_of,
    "_byte_values": byte_values,
    "_place": place,
    "_sliced": sliced,
    "_refused": refused,
}
