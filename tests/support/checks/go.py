"""PMM beside us: a script in starlark-go, with PMM's functions and rules written a second time.

Nothing of the product is used here: what both sides share would be compared with itself.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import starlark_go

PANELS = {
    **dict.fromkeys(("emergency", "alert", "critical", "error"), "critical"),
    "warning": "major",
    **dict.fromkeys(("notice", "info", "debug"), "trivial"),
}
BLOCKS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24"),
    *("198.18.0.0/15", "169.254.0.0/16", "224.0.0.0/24", "127.0.0.0/8"),
    *("fc00::/7", "fe80::/10", "::1/128"),
)
MAPPED = b"\0" * 10 + b"\xff\xff"  # IPv4 in IPv6
# The functions of `context` are values of it, which Python cannot give.
CALL = (
    "def _run():\n"
    "    return check_context(_docs, {\n"
    '        "parse_version": parse_version,\n'
    '        "format_version_num": format_version_num,\n'
    '        "ip_is_private": _ip_is_private,\n'
    "    })\n"
)


class PmmError(Exception):
    """How a function of PMM, or PMM itself, refuses a value."""


@dataclass(frozen=True, kw_only=True, order=True)
class GoFinding:
    """A finding whole: all that PMM keeps of it."""

    severity: str
    summary: str
    description: str = ""
    read_more_url: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class GoEnd:
    """How PMM ends a check: passed, failed or error."""

    outcome: str
    findings: tuple[GoFinding, ...] = ()
    reason: str = field(default="", compare=False)


def run(script: str, docs: object) -> GoEnd:
    """The end of `script` in PMM with these rows."""
    try:
        return findings_of(value(script, docs))
    except (starlark_go.StarlarkError, PmmError) as error:
        return GoEnd(outcome="error", reason=str(error).splitlines()[0])


def value(script: str, docs: object) -> Any:
    """What the script returns; raises StarlarkError, and PmmError for what PMM cannot take."""
    engine = starlark_go.Starlark(
        globals={
            "parse_version": parse_version,
            "format_version_num": format_version_num,
            "_ip_is_private": ip_is_private,
            "_docs": docs,
        },
        print=lambda _: None,
    )
    engine.exec(script)
    engine.exec(CALL)
    try:
        return _taken(engine.eval("_run()"))
    except TypeError as error:
        # Its binding cannot make an error whose text has half a character in it.
        raise PmmError("an error with half a character") from error


def _taken(found: Any) -> Any:
    """`found` as PMM takes it from its script: lists, dicts with texts as keys, 64 bits."""
    if isinstance(found, list | tuple):
        return [_taken(one) for one in cast("Sequence[Any]", found)]
    if isinstance(found, dict):
        if not all(isinstance(key, str) for key in found):
            raise PmmError("unhandled dict key type")
        return {key: _taken(one) for key, one in found.items()}
    if type(found) is int and not -(2**63) <= found < 2**64:
        raise PmmError("integer value is too big")
    return found


def findings_of(found: object) -> GoEnd:
    """The end of a check for what its script returned; raises PmmError."""
    if not isinstance(found, list | tuple):
        raise PmmError(f"returned {type(found).__name__}")
    findings = tuple(sorted(_finding(one) for one in cast("Sequence[object]", found)))
    return GoEnd(outcome="failed" if findings else "passed", findings=findings)


def _finding(given: object) -> GoFinding:
    if not isinstance(given, dict):
        raise PmmError("a result is no dict")
    fields = cast("dict[str, Any]", given)
    texts = {key: _text(fields, key) for key in ("summary", "description", "read_more_url")}
    panel = PANELS.get(_text(fields, "severity").lower().strip())
    if panel is None:
        raise PmmError("unknown severity")
    labels = fields.get("labels", {})
    if not isinstance(labels, dict):
        raise PmmError("labels are no dict")
    every = cast("dict[str, Any]", labels)
    found = tuple(sorted((key, _text(every, key)) for key in every))
    if not texts["summary"]:
        raise PmmError("summary is empty")
    if texts["read_more_url"] and not is_request_uri(texts["read_more_url"]):
        raise PmmError("read_more_url is invalid")
    return GoFinding(severity=panel, labels=found, **texts)


def _text(fields: Mapping[str, Any], key: str) -> str:
    found = fields.get(key, "")
    if not isinstance(found, str):
        raise PmmError(f"{key} has a wrong type")
    return found


def is_request_uri(text: str) -> bool:
    """Whether Go's url.ParseRequestURI takes `text`; of hosts only the characters are looked at."""
    if any(ord(one) < 0x20 or ord(one) == 0x7F for one in text):
        return False
    scheme, colon, rest = text.partition(":")
    plain = scheme.isascii() and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()
    if not (colon and plain and scheme[0].isalpha()):
        scheme, rest = "", text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        return bool(scheme)
    if scheme and rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        port = host.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
        if any(one in " \\^`{|}" for one in host) or (port and not port.isdigit()):
            return False
        if ("[" in host) != ("]" in host):
            return False
        rest = path
    return all(re.match("[0-9A-Fa-f]{2}", part) for part in rest.split("%")[1:])


def parse_version(*given: Any) -> dict[str, Any]:
    """PMM's: three numbers and the rest of the line."""
    (text,) = given
    if not isinstance(text, str):
        raise PmmError("expected string argument")
    parts = text.split(".", 2)
    digits = re.match("[0-9]*", parts[-1])
    patch = digits[0] if digits else ""
    rest = parts[-1][len(patch) :]
    build = re.match("-([0-9]+)", rest)
    numbers = (*parts[:2], patch, build[1] if build else "0")
    if len(parts) != 3 or not all(map(_is_number, numbers)) or "\n" in text:
        raise PmmError(f"failed to parse {text!r}")
    major, minor, last = (int(one) for one in (*parts[:2], patch))
    return {
        "major": major,
        "minor": minor,
        "patch": last,
        "rest": rest,
        "num": major * 10000 + minor * 100 + last,
        "numrest": int(build[1]) if build else 0,
    }


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 2**63


def format_version_num(*given: Any) -> str:
    """PMM's: of an integer of 64 bits."""
    (number,) = given
    if type(number) is not int or not -(2**63) <= number < 2**63:
        raise PmmError("expected int64 argument")
    rest = f"-{number % 1000}" if number > 10_000_000 else ""
    short = number // 1000 if rest else number
    digits = f"{abs(short):05d}"
    sign = -1 if short < 0 else 1  # Go cuts towards zero
    parts = (sign * int(one) for one in (digits[:-4], digits[-4:-2], digits[-2:]))
    return ".".join(map(str, parts)) + rest


def ip_is_private(*given: Any) -> bool | None:
    """PMM's: an address, or a network that lies in a private block; else None."""
    (text,) = given
    if not isinstance(text, str):
        raise PmmError("expected string argument")
    found = _bits(text)
    if found is None:
        return None
    return any(found.startswith(cast("str", _bits(block))) for block in BLOCKS)


def _bits(text: str) -> str | None:
    """The bits that an address or network fixes, behind the prefix of its version."""
    address, slash, length = text.partition("/")
    raw = _packed(address)
    if raw is None or (slash and not (length.isascii() and length.isdigit())):
        return None
    size = len(raw) * 8
    kept = int(length) if slash else size
    if kept > size:
        return None
    bits = "".join(f"{one:08b}" for one in raw)[:kept]
    prefix = "".join(f"{one:08b}" for one in MAPPED)
    if size == 128 and bits.startswith(prefix):
        return "4" + bits[len(prefix) :]
    return ("4" if size == 32 else "6") + bits


def _packed(address: str) -> bytes | None:
    if "." in address and ":" not in address:
        parts = address.split(".")
        good = len(parts) == 4 and all(
            one.isascii() and one.isdigit() and str(int(one)) == one and int(one) < 256
            for one in parts
        )
        return bytes(int(one) for one in parts) if good else None
    try:
        return socket.inet_pton(socket.AF_INET6, address)
    except (OSError, ValueError):
        return None
