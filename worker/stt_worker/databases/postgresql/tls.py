"""The options of libpq for TLS and for authentication methods."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from stt_shared.protocol.enums import Kind
from stt_worker.databases import tls
from stt_worker.databases.network import is_local
from stt_worker.databases.port import Endpoint, InspectionError, Tls

NO_FILE = "/dev/null/none"
# `none`: the server needs no password; it accepts everybody, a certificate or the system's user.
SCRAM = "scram-sha-256,none"  # proves the password without revealing anything
HASHED = f"md5,{SCRAM}"  # a listener can guess passwords with the answer
ANY = f"password,{HASHED}"


def tls_options(endpoint: Endpoint) -> dict[str, Any]:
    """Every option of libpq about TLS and log-in methods; raises InspectionError (config)."""
    tls.refuse_unused(endpoint)
    wanted = endpoint.tls
    if endpoint.socket or wanted.mode == tls.OFF:
        encryption = {
            "sslmode": "disable",
            "sslcertmode": "disable",
            "channel_binding": "disable",
            **dict.fromkeys(("sslrootcert", "sslcert", "sslkey"), NO_FILE),
        }
    else:
        for path in filter(None, (wanted.cert, wanted.key)):
            _present(path)
        if wanted.cert:
            # Loaded here first: libpq's errors name neither a pass phrase nor a wrong key.
            tls.identify(tls.unverified(), wanted)
        encryption = {
            # As in libpq, `require` with a CA verifies the certificate.
            "sslmode": "verify-ca" if wanted.mode == "require" and wanted.ca else wanted.mode,
            "sslrootcert": _authorities(wanted),
            "sslcert": wanted.cert or NO_FILE,
            "sslkey": wanted.key or wanted.cert or NO_FILE,
            "sslcertmode": "allow" if wanted.cert else "disable",
            "channel_binding": "prefer",
        }
    return {
        **encryption,
        "require_auth": methods(endpoint),
        "sslnegotiation": "postgres",
        "sslcompression": "0",
        "sslpassword": "",
        "sslcrl": NO_FILE,
        "sslcrldir": "",
        "sslsni": "1",
        "sslkeylogfile": "",
        "ssl_min_protocol_version": "TLSv1.2",
        "ssl_max_protocol_version": "",
        "requirepeer": "",
    }


def methods(endpoint: Endpoint) -> str:
    """The allowed authentication methods, by the trust in the connection.

    The password is sent in clear text only to a server whose certificate was verified with its
    name or with the user's own CA, or over a Unix socket.
    """
    wanted = endpoint.tls
    if endpoint.socket or tls.proves(wanted):
        return ANY
    return HASHED if wanted.mode != tls.OFF or is_local(endpoint) else SCRAM


def _authorities(wanted: Tls) -> str:
    if wanted.ca:
        return _present(wanted.ca)
    if wanted.mode not in tls.VERIFYING:
        return NO_FILE  # a root.crt in the user's home would turn `require` into `verify-ca`
    paths = ssl.get_default_verify_paths()
    for path in (paths.cafile, paths.openssl_cafile):
        if path and Path(path).is_file():
            return path
    raise InspectionError(Kind.CONFIG, "the system has no list of trusted CAs: set `ca`")


def _present(path: str) -> str:
    if not Path(path).is_file():
        raise InspectionError(Kind.CONFIG, f"TLS file {path} of the target: no such file")
    return path
