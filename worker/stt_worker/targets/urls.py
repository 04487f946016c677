"""Parses database URLs; errors never show the password."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from stt_shared.errors import UsageError
from stt_shared.protocol.enums import Family
from stt_worker.databases.hosts import fault_of
from stt_worker.databases.port import Endpoint, Tls
from stt_worker.targets.tls_words import mode_of

SCHEMES = {
    "mysql": Family.MYSQL,
    "mariadb": Family.MYSQL,
    "postgresql": Family.POSTGRESQL,
    "postgres": Family.POSTGRESQL,
    "mongodb": Family.MONGODB,
}
DEFAULT_PORTS = {Family.MYSQL: 3306, Family.POSTGRESQL: 5432, Family.MONGODB: 27017}
MAX_URL_CHARACTERS = 4_096
MAX_PORT = 65_535
ENCODE_HINT = "percent-encode user and password: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23"

# Parameter names in lower case, without hyphens and underscores, and the setting of each.
_COMMON = {"tls": "tls", "ca": "ca", "cert": "cert", "key": "key", "socket": "socket"}
_PARAMETERS: dict[Family, dict[str, str]] = {
    Family.POSTGRESQL: {
        **_COMMON,
        "sslmode": "tls",
        "sslrootcert": "ca",
        "sslcert": "cert",
        "sslkey": "key",
        "host": "socket",
    },
    Family.MYSQL: {
        **_COMMON,
        "sslmode": "tls",
        "sslca": "ca",
        "sslcert": "cert",
        "sslkey": "key",
        "unixsocket": "socket",
        "serverpublickey": "server_public_key",
        "serverpublickeypath": "server_public_key",
        "allowpublickeyretrieval": "allow_public_key_retrieval",
        "getserverpublickey": "allow_public_key_retrieval",
    },
    Family.MONGODB: {
        **_COMMON,
        "ssl": "tls",
        "authsource": "database",
        "tlscafile": "ca",
        "tlscertificatekeyfile": "cert+key",
        "tlsallowinvalidcertificates": "require",
        "tlsinsecure": "require",
        "tlsallowinvalidhostnames": "verify-ca",
        "directconnection": "direct",
    },
}
_WRITTEN = {
    Family.POSTGRESQL: "tls, sslmode, sslrootcert, sslcert, sslkey, host",
    Family.MYSQL: (
        "tls, ssl-mode, ssl-ca, ssl-cert, ssl-key, socket, server-public-key,"
        " allow-public-key-retrieval"
    ),
    Family.MONGODB: "tls, authSource, tlsCAFile, tlsCertificateKeyFile, directConnection",
}
FILES = ("ca", "cert", "key")
_NUMBERED = "/.s.PGSQL."  # the name of PostgreSQL's socket is this and the port
_SAFE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The content of a URL; `says_tls` is false if the TLS mode is the default."""

    endpoint: Endpoint
    has_password: bool
    says_tls: bool


def parse(url: str) -> Address:
    """The endpoint of a database URL; the default of TLS is verify-full (off for a Unix socket).

    Raises UsageError, which shows only the scheme of the URL.
    """
    parts, family = _split(url)
    user, password, has_password = _login(parts, family)
    host, port, has_port = _host_and_port(parts, family)
    given = _parameters(parts, family)
    path = unquote(parts.path[1:])
    if "/" in path:
        raise _wrong(family, "the path contains more than a database name", hint=ENCODE_HINT)
    socket = given.get("socket", "") or (host if host.startswith("/") else "")
    if socket and (not socket.startswith("/") or "," in socket):
        raise _wrong(family, "its socket is not an absolute path, or contains a comma")
    if "socket" in given and host not in ("", "localhost"):
        raise _wrong(family, "its host has no effect with a socket")
    if fault := socket_fault(family, socket, has_port=has_port) or _unused(given, socket):
        raise _wrong(family, fault)
    mode = given.get("tls", "verify-full")
    if mode == "verify-full":
        mode = next((weaker for weaker in ("require", "verify-ca") if weaker in given), mode)
    files = {key: given.get(key, "") for key in FILES}
    if not socket and (fault := fault_of(host)):
        raise _wrong(family, fault, hint="give one URL for each server: HOST, [IPv6] or a socket")
    return Address(
        endpoint=Endpoint(
            family=family,
            host=host if not socket else "",
            port=port,
            socket=socket_path(family, port, socket),
            user=user,
            password=password,
            database=given.get("database") or path,
            tls=Tls(mode="off") if socket else Tls(mode=mode, **files),
            server_public_key=given.get("server_public_key", ""),
            allow_public_key_retrieval="allow_public_key_retrieval" in given,
        ),
        has_password=has_password,
        says_tls=bool(given.keys() & {"tls", "require", "verify-ca"}),
    )


def is_local(endpoint: Endpoint) -> bool:
    """Whether the connection stays on this machine."""
    if endpoint.socket or endpoint.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(endpoint.host).is_loopback
    except ValueError:
        return False


def without_tls_if_local(address: Address) -> Endpoint:
    """The endpoint for a scan: on this machine TLS is off unless the URL sets it."""
    endpoint = address.endpoint
    tls = endpoint.tls
    if address.says_tls or tls.ca or tls.cert or not is_local(endpoint):
        return endpoint
    return replace(endpoint, tls=replace(endpoint.tls, mode="off"))


def key_faults(endpoint: Endpoint) -> dict[str, str]:
    """The settings of the server's RSA key that have no effect, each with the reason."""
    settings = {
        "server_public_key": endpoint.server_public_key,
        "allow_public_key_retrieval": endpoint.allow_public_key_retrieval,
    }
    if endpoint.family is not Family.MYSQL:
        why = f"is a setting of mysql, the family is {endpoint.family}"
    elif endpoint.socket:
        why = "has no effect with a socket"
    elif endpoint.tls.mode != "off":
        why = f"has no effect with tls = {endpoint.tls.mode}"
    else:
        return {}
    return {name: f"{name} {why}" for name, value in settings.items() if value}


def _split(url: str) -> tuple[SplitResult, Family]:
    scheme, found, _ = url.partition("://")
    if not found or scheme.lower() not in SCHEMES:
        shown = (
            f"scheme {scheme!r}" if found and _SAFE_NAME.fullmatch(scheme) else "no known scheme"
        )
        hint = "known are " + ", ".join(f"{name}://" for name in SCHEMES)
        if scheme.lower() == "mongodb+srv":
            shown = "scheme 'mongodb+srv', which is for a cluster"
            hint = "give one mongodb:// URL for each member"
        raise UsageError(f"bad URL: {shown}", hint=hint)
    family = SCHEMES[scheme.lower()]
    if len(url) > MAX_URL_CHARACTERS:
        raise _wrong(family, f"it has {len(url)} characters, the limit is {MAX_URL_CHARACTERS}")
    if not url.isprintable() or " " in url:
        raise _wrong(family, "it contains a space or a control character", hint=ENCODE_HINT)
    try:
        parts = urlsplit(url)
    except ValueError:  # without the error's text: it may contain a password
        raise _wrong(family, "its host is malformed", hint=ENCODE_HINT) from None
    # An unencoded / ? or # in a password would make its rest a path or a parameter.
    if "#" in url or "@" in parts.path + parts.query:
        raise _wrong(family, "it has an unencoded @ or # after its host", hint=ENCODE_HINT)
    return parts, family


def _wrong(family: Family, what: str, *, hint: str = "") -> UsageError:
    return UsageError(f"bad URL {family}://...: {what}", hint=hint)


def _login(parts: SplitResult, family: Family) -> tuple[str, str, bool]:
    login, found, _ = parts.netloc.rpartition("@")
    if not found:
        return "", "", False
    if "@" in login or re.search(r"%(?![0-9A-Fa-f]{2})", login):
        raise _wrong(family, "its user or password has an unencoded @ or %", hint=ENCODE_HINT)
    user, has_password, password = login.partition(":")
    if ":" in password:
        raise _wrong(family, "its password has an unencoded :", hint=ENCODE_HINT)
    if has_password and not user and family is Family.MONGODB:
        raise _wrong(family, "it has a password and no user")
    return unquote(user), unquote(password), bool(has_password)


def _host_and_port(parts: SplitResult, family: Family) -> tuple[str, int, bool]:
    place = parts.netloc.rpartition("@")[2]
    if "," in place:
        raise _wrong(family, "it contains several hosts", hint="give one URL for each server")
    match = re.fullmatch(r"(\[(?P<six>[^\]]*)\]|(?P<name>[^:\[\]]*))(:(?P<port>[^:]*))?", place)
    if match is None:
        raise _wrong(family, "its host is malformed", hint="write an IPv6 address in [ ]")
    host = unquote(match["six"] if match["six"] is not None else match["name"])
    port = match["port"] or str(DEFAULT_PORTS[family])
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
        raise _wrong(family, f"its port is not a number from 1 to {MAX_PORT}", hint=ENCODE_HINT)
    return host, int(port), match["port"] is not None


def _parameters(parts: SplitResult, family: Family) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        sets = _PARAMETERS[family].get(re.sub("[-_]", "", name.lower()))
        shown = repr(name) if _SAFE_NAME.fullmatch(name) else "a parameter"
        if sets is None:
            raise _wrong(family, f"unknown parameter {shown}", hint=f"known are {_WRITTEN[family]}")
        for one in sets.split("+"):
            if one in given:
                raise _wrong(family, f"{shown} repeats a setting")
            given[one] = _value(family, one, shown, value)
    return {name: value for name, value in given.items() if value}


def _value(family: Family, sets: str, shown: str, value: str) -> str:
    if sets == "tls":
        try:
            return mode_of(value)
        except ValueError as error:
            raise _wrong(family, f"{shown} is {error}") from None
    if sets in ("require", "verify-ca", "direct", "allow_public_key_retrieval"):
        if value.lower() not in ("true", "false"):
            raise _wrong(family, f"{shown} is neither true nor false")
        if sets == "direct" and value.lower() == "false":
            raise _wrong(family, f"{shown} is false, but only the named server is inspected")
        return "true" if value.lower() == "true" else ""
    if not value:
        raise _wrong(family, f"{shown} is empty")
    return value


def _unused(given: dict[str, str], socket: str) -> str:
    """The fault of TLS parameters that have no effect, or an empty text."""
    weaker = [name for name in ("require", "verify-ca") if name in given]
    files = [name for name in FILES if name in given]
    mode = given.get("tls", "")
    if socket and (weaker or files or mode not in ("", "off")):
        return "TLS has no effect with a socket"
    if mode == "off" and (weaker or files):
        return f"{(files or ['an unverified certificate'])[0]} has no effect with tls=off"
    if weaker and mode not in ("", "verify-full"):
        return f"tls={mode} and a weaker check of the certificate contradict each other"
    if "key" in files and "cert" not in files:
        return "key has no effect without cert"
    return ""


def socket_fault(family: Family, path: str, *, has_port: bool) -> str:
    """The fault of a port without an effect beside a Unix socket, or an empty text."""
    names_it = family is not Family.POSTGRESQL or _NUMBERED in path
    return "port has no effect with a socket" if path and has_port and names_it else ""


def socket_path(family: Family, port: int, path: str) -> str:
    """The path of a Unix socket; for PostgreSQL `path` may be its folder, as in libpq."""
    if path and family is Family.POSTGRESQL and _NUMBERED not in path:
        return f"{path.rstrip('/')}/.s.PGSQL.{port}"
    return path
