"""Validates host names: one DNS name or one address, by the same rules in all families."""

from __future__ import annotations

import ipaddress
import re

from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Endpoint, InspectionError

MAX_NAME_BYTES = 253  # of a name on the wire, without its last dot
MAX_LABEL_BYTES = 63
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def fault_of(host: str) -> str:
    """What is wrong with `host`, or an empty text; without a DNS query."""
    faults = (
        (not host, "it is empty"),
        ("," in host, "it contains several hosts, expected one"),
        (host.startswith("/"), "it is a path: use `socket` for a Unix socket"),
        (
            any(character.isspace() or not character.isprintable() for character in host),
            "it contains a space or a control character",
        ),
    )
    if fault := next((text for is_faulty, text in faults if is_faulty), ""):
        return fault
    if ":" not in host:
        return _fault_of_name(host)
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return "it is not an IPv6 address, and names have no colon (give the port separately)"
    return ""


def _fault_of_name(host: str) -> str:
    try:
        name = host.removesuffix(".")
        if not name.isascii():
            name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return "DNS cannot encode it"
    labels = name.split(".")
    if len(name) > MAX_NAME_BYTES:
        return f"it has {len(name)} bytes, the limit of DNS is {MAX_NAME_BYTES}"
    if "" in labels:
        return "a label is empty"
    if longest := max((len(one) for one in labels if len(one) > MAX_LABEL_BYTES), default=0):
        return f"a label has {longest} bytes, the limit of DNS is {MAX_LABEL_BYTES}"
    if not all(map(_LABEL.fullmatch, labels)):
        return "it contains a character that host names cannot have"
    return ""


def check(endpoint: Endpoint) -> None:
    """Raise InspectionError (config) for an endpoint whose host is not a valid name."""
    if not endpoint.socket and (fault := fault_of(endpoint.host)):
        raise InspectionError(
            Kind.CONFIG, f"the host {endpoint.host[:80]!r} cannot be used: {fault}"
        )
