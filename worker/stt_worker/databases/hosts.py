"""Which texts are one host: a name that DNS can carry, or an address; the same in all families."""

from __future__ import annotations

import ipaddress
import re

from stt_shared.protocol.enums import Kind
from stt_worker.databases.port import Endpoint, InspectionError

MAX_NAME_BYTES = 253  # of a name on the wire, without its last dot
MAX_LABEL_BYTES = 63
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def fault_of(host: str) -> str:
    """What is wrong with `host`, or an empty text; looks nothing up."""
    if not host:
        return "it names no host"
    if "," in host:
        return "it names several hosts, expected one"
    if host.startswith("/"):
        return "it is a path, which belongs to socket"
    if any(character.isspace() or not character.isprintable() for character in host):
        return "it has a blank or a control character"
    if ":" in host:
        return _fault_of_ipv6(host)
    return _fault_of_name(host)


def _fault_of_ipv6(host: str) -> str:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return "it is no IPv6 address, and a name has no colon (a port stands apart from its host)"
    return ""


def _fault_of_name(host: str) -> str:
    try:
        name = host.removesuffix(".")
        if not name.isascii():
            name = name.encode("idna").decode("ascii")
    except UnicodeError:
        return "DNS cannot carry it"
    labels = name.split(".")
    if len(name) > MAX_NAME_BYTES:
        return f"it has {len(name)} bytes, the limit of DNS is {MAX_NAME_BYTES}"
    if "" in labels:
        return "one of its labels is empty"
    if longest := max((len(one) for one in labels if len(one) > MAX_LABEL_BYTES), default=0):
        return f"one of its labels has {longest} bytes, the limit of DNS is {MAX_LABEL_BYTES}"
    if not all(map(_LABEL.fullmatch, labels)):
        return "it has a character that no name of a host has"
    return ""


def check(endpoint: Endpoint) -> None:
    """Raise LookError (config) for an endpoint whose host no resolver could be asked for."""
    if not endpoint.socket and (fault := fault_of(endpoint.host)):
        raise InspectionError(
            Kind.CONFIG, f"the host {endpoint.host[:80]!r} cannot be used: {fault}"
        )
