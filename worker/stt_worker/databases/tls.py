"""TLS contexts, built once per configuration, and readable reasons of TLS errors."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from stt_shared.protocol.enums import Kind
from stt_worker.databases.network import reason
from stt_worker.databases.port import Endpoint, InspectionError, Tls

OFF = "off"
VERIFYING = frozenset({"verify-ca", "verify-full"})
MAX_NAMES = 5  # of a certificate, in a reason


class Contexts:
    """An SSLContext per `Tls` value; a changed file on disk causes a new context."""

    def __init__(self) -> None:
        self._known: dict[Tls, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def known(self, tls: Tls) -> ssl.SSLContext | None:
        """The cached context of `tls`, unless its files changed; None if there is none."""
        stamp, context = self._known.get(tls, ((), None))
        return context if context is not None and stamp == _stamp(tls) else None

    def make(self, tls: Tls) -> ssl.SSLContext:
        """Build and cache a context; takes 30 ms of CPU, so call it in a thread.

        Raises InspectionError (config).
        """
        # Before the build: a file that changes meanwhile must cause another context.
        stamp = _stamp(tls)
        try:
            context = build(tls)
        except OSError as error:  # SSLError is one
            why = f"a TLS file of the target cannot be used: {reason(error)}"
            raise InspectionError(Kind.CONFIG, why) from error
        self._known[tls] = (stamp, context)
        return context

    def clear(self) -> None:
        """Drop all cached contexts."""
        self._known.clear()


def _stamp(tls: Tls) -> tuple[int, ...]:
    """When the files were last written; raises InspectionError (config) for a missing file."""
    names = [name for name in (tls.ca, tls.cert, tls.key) if name]
    try:
        return tuple(Path(name).stat().st_mtime_ns for name in names)
    except OSError as error:
        why = f"TLS file {error.filename} of the target: {reason(error)}"
        raise InspectionError(Kind.CONFIG, why) from error


def verifies(tls: Tls) -> bool:
    """Whether the server's certificate is verified; `require` with a CA verifies, as in libpq."""
    return tls.mode in VERIFYING or (tls.mode == "require" and bool(tls.ca))


def proves(tls: Tls) -> bool:
    """Whether verification proves which server it is, so that it may receive the password.

    True if the name is verified or the CA is the user's own; system CAs sign for any server.
    """
    return tls.mode == "verify-full" or (tls.mode != OFF and bool(tls.ca))


def build(tls: Tls) -> ssl.SSLContext:
    """A new context; raises OSError (also SSLError) for an unusable file."""
    if verifies(tls):
        context = ssl.create_default_context(cafile=tls.ca or None)
        # The strict mode of Python 3.13 rejects certificates that database servers generate.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = tls.mode == "verify-full"
    else:
        context = unverified()
    if tls.cert:
        identify(context, tls)
    return context


def identify(context: ssl.SSLContext, tls: Tls) -> None:
    """Add the client's certificate to `context`; raises InspectionError (config)."""

    def no_pass_phrase() -> str:
        """Raise InspectionError (config)."""
        # Without this callback OpenSSL would wait for input at the terminal.
        why = f"the private key {tls.key or tls.cert} has a pass phrase, which is not supported"
        raise InspectionError(Kind.CONFIG, f"{why}; name a key without one")

    try:
        context.load_cert_chain(tls.cert, tls.key or None, no_pass_phrase)
    except OSError as error:
        why = f"the certificate {tls.cert} of the target cannot be used with its key"
        raise InspectionError(Kind.CONFIG, f"{why}: {reason(error)}") from error


def unverified() -> ssl.SSLContext:
    """A context that encrypts and accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def refuse_unused(endpoint: Endpoint) -> None:
    """Raise InspectionError (config) for a TLS option without an effect."""
    tls = endpoint.tls
    named = [name for name in ("ca", "cert", "key") if getattr(tls, name)]
    if named and (endpoint.socket or tls.mode == OFF):
        why = "a Unix socket is not encrypted" if endpoint.socket else f"tls is {OFF}"
        raise InspectionError(
            Kind.CONFIG, f"{' and '.join(named)} of the target has no effect: {why}"
        )
    if tls.key and not tls.cert:
        raise InspectionError(Kind.CONFIG, "key of the target has no effect without cert")


def asked(tls: Tls, host: str) -> str:
    """What the target's settings require of the server's certificate."""
    trust = f"a certificate signed by {tls.ca or 'an authority the system trusts'}"
    wants = {
        "verify-full": f"{trust}, for {host}",
        "verify-ca": trust,
        "require": trust if verifies(tls) else "an encrypted connection",
    }
    return f"tls {tls.mode} requires {wants.get(tls.mode, 'none')}"


def failed(why: str, tls: Tls, host: str, found: bytes | None) -> InspectionError:
    """The error of a failed TLS handshake: requirement, certificate and OpenSSL's reason."""
    shown = f"; the server sent {describe(found)}" if found else ""
    return InspectionError(Kind.TLS, f"{asked(tls, host)}{shown}: {why}")


def words(error: ssl.SSLError) -> str:
    """OpenSSL's reason without its file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(error.reason or error).replace("_", " ").lower()


def error_behind(error: BaseException) -> ssl.SSLError | None:
    """The TLS error that caused `error`, if any."""
    cause: BaseException | None = error
    seen: set[int] = set()  # a chain of exceptions may have a cycle
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, ssl.SSLError):
            return cause
        seen.add(id(cause))
        original = getattr(cause, "original_exception", None)  # PyMySQL's own chain
        cause = original or cause.__cause__ or cause.__context__
    return None


def describe(der: bytes) -> str:
    """A certificate's names, issuer and end of validity."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            found = [str(name.value) for name in extension.value]
        except x509.ExtensionNotFound:
            found = list(filter(None, [_common_name(certificate.subject)]))
        names = ", ".join(found[:MAX_NAMES]) or "no name"
        issuer = _common_name(certificate.issuer) or "an unnamed authority"
        until = certificate.not_valid_after_utc.date()
    except ValueError as error:
        return f"a certificate that cannot be read ({error})"
    return f"a certificate for {names} from {issuer}, valid until {until}"


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
