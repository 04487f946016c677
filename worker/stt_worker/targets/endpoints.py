"""Builds the endpoint of a target from its table or its URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.targets import urls
from stt_worker.targets.fields import Fault

_IN_URL = ("family", "host", "port", "socket", "database", "auth_source")
MAX_PEM_BYTES = 1024 * 1024


def endpoint_of(
    values: Mapping[str, Any], folder: Path, faults: list[Fault]
) -> tuple[Endpoint | None, str | None]:
    """The endpoint without its password, and the password if a URL contains it.

    Appends values that contradict each other to `faults`; the endpoint is unusable then.
    """
    if "url" in values:
        endpoint, password = _from_url(values, folder, faults)
    else:
        endpoint, password = _from_parts(values, folder, faults), None
    if endpoint is not None:
        path = values.get("server_public_key") or endpoint.server_public_key
        may_ask = values.get("allow_public_key_retrieval", endpoint.allow_public_key_retrieval)
        endpoint = replace(
            endpoint,
            server_public_key=str(folder / Path(path).expanduser()) if path else "",
            allow_public_key_retrieval=may_ask,
        )
        faults += [Fault(key, why) for key, why in urls.key_faults(endpoint).items()]
    return endpoint, password


def _from_url(
    values: Mapping[str, Any], folder: Path, faults: list[Fault]
) -> tuple[Endpoint | None, str | None]:
    faults += [Fault(key, f"{key} is already part of url") for key in _IN_URL if key in values]
    try:
        address = urls.parse(values["url"])
    except UsageError as error:
        hint = f" ({error.hint})" if error.hint else ""
        faults.append(Fault("url", error.message + hint))
        return None, None
    named = address.endpoint
    twice = {"user": named.user, "password": address.has_password, "tls": address.says_tls}
    twice |= {"ca": named.tls.ca, "cert": named.tls.cert, "key": named.tls.key}
    for key, there in twice.items():
        if there and key in values:
            faults.append(Fault(key, f"{key} is also in url"))
    _needs_user(values, named.family, named.user, faults)
    endpoint = replace(
        named,
        user=named.user or values.get("user", ""),
        password="",
        tls=_tls(values, named.tls, named.socket, folder, faults),
    )
    return endpoint, named.password if address.has_password else None


def _from_parts(values: Mapping[str, Any], folder: Path, faults: list[Fault]) -> Endpoint | None:
    if "family" not in values:
        if not any(fault.key == "family" for fault in faults):
            faults.append(Fault("", "family or url is missing"))
        return None
    family = Family(values["family"])
    socket = values.get("socket", "")
    # The address is given exactly once: nothing is guessed or ignored.
    faulty = {fault.key for fault in faults}
    if socket and "host" in values:
        faults.append(Fault("host", "host has no effect with socket"))
    if fault := urls.socket_fault(family, socket, has_port="port" in values):
        faults.append(Fault("port", fault))
    if not socket and "host" not in values and not faulty & {"host", "socket"}:
        faults.append(Fault("", "host or socket is missing"))
    if "user" not in faulty:
        _needs_user(values, family, "", faults)
    port = values.get("port", urls.DEFAULT_PORTS[family])
    if "auth_source" in values and family is not Family.MONGODB:
        faults.append(
            Fault("auth_source", f"auth_source is for mongodb only, the family is {family}")
        )
    if "auth_source" in values and "database" in values:
        faults.append(Fault("auth_source", "auth_source and database are the same for mongodb"))
    return Endpoint(
        family=family,
        host="" if socket else values.get("host", ""),
        port=port,
        socket=urls.socket_path(family, port, socket),
        user=values.get("user", ""),
        database=values.get("auth_source", values.get("database", "")),
        tls=_tls(values, Tls(), socket, folder, faults),
    )


def _needs_user(
    values: Mapping[str, Any], family: Family, in_url: str, faults: list[Fault]
) -> None:
    """Check that a MongoDB password has a user: without it the password would be ignored."""
    if family is Family.MONGODB and "password" in values and not (in_url or "user" in values):
        faults.append(Fault("password", "password has no effect without user"))


def _tls(
    values: Mapping[str, Any], named: Tls, socket: str, folder: Path, faults: list[Fault]
) -> Tls:
    mode = values.get("tls", named.mode)
    files = [key for key in urls.FILES if key in values]
    if socket:
        faults += [Fault(key, f"{key} has no effect with a socket") for key in files]
        if values.get("tls", "off") != "off":
            faults.append(Fault("tls", "tls has no effect with a socket"))
        return Tls(mode="off")
    paths = {
        key: str(folder / Path(path).expanduser())
        for key in urls.FILES
        if (path := values.get(key) or getattr(named, key))
    }
    if mode == "off":
        faults += [Fault(key, f"{key} has no effect with tls = off") for key in paths]
    elif "key" in paths and "cert" not in paths:
        faults.append(Fault("key", "key has no effect without cert"))
    elif "cert" in paths and "key" not in paths and _has_no_key(Path(paths["cert"])):
        faults.append(Fault("cert", "cert contains no private key, and key is missing"))
    return Tls(mode=mode, **paths)


def _has_no_key(cert: Path) -> bool:
    """Whether a readable file contains a certificate without its private key."""
    try:
        with cert.open("rb") as file:
            found = file.read(MAX_PEM_BYTES)
    except OSError:  # may exist later; else it is an error of kind config when it is needed
        return False
    return b"-----BEGIN" in found and b"PRIVATE KEY-----" not in found
