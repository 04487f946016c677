"""TLS contexts, built once per configuration, and words for what a certificate says."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
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
    """An SSLContext per `Tls` value; renewed certificates on disk make a new one."""

    def __init__(self) -> None:
        self._known: dict[Tls, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def known(self, tls: Tls) -> ssl.SSLContext | None:
        """The context of `tls` if it is there and its files are still the same."""
        stamp, context = self._known.get(tls, ((), None))
        return context if context is not None and stamp == _stamp(tls) else None

    def make(self, tls: Tls) -> ssl.SSLContext:
        """A new context, kept; takes 30 ms of CPU, so not in the event loop."""
        stamp = _stamp(tls)
        try:
            context = build(tls)
        except OSError as error:  # SSLError is one
            why = f"a TLS file of the target cannot be used: {reason(error)}"
            raise InspectionError(Kind.CONFIG, why) from error
        self._known[tls] = (stamp, context)
        return context

    def clear(self) -> None:
        """Forget them all."""
        self._known.clear()


def _stamp(tls: Tls) -> tuple[int, ...]:
    """When the files were last written; raises LookError (config) naming one that is missing."""
    names = [name for name in (tls.ca, tls.cert, tls.key) if name]
    try:
        return tuple(Path(name).stat().st_mtime_ns for name in names)
    except OSError as error:
        why = f"TLS file {error.filename} of the target: {reason(error)}"
        raise InspectionError(Kind.CONFIG, why) from error


def verifies(tls: Tls) -> bool:
    """Whether the server has to prove who it is; `require` with a CA asks for it, as in libpq."""
    return tls.mode in VERIFYING or (tls.mode == "require" and bool(tls.ca))


def proves(tls: Tls) -> bool:
    """Whether a verified server can be nobody else, so that it may have a secret.

    Its name is verified, or an authority of the user's own; those of the system sign for anybody.
    """
    return tls.mode == "verify-full" or (tls.mode != OFF and bool(tls.ca))


def build(tls: Tls) -> ssl.SSLContext:
    """A new context; raises OSError (SSLError among them) for a file that cannot be used."""
    if verifies(tls):
        context = ssl.create_default_context(cafile=tls.ca or None)
        # Servers make their own certificates in ways that the strict mode of 3.13 refuses.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.check_hostname = tls.mode == "verify-full"
    else:
        context = unverified()
    if tls.cert:
        identify(context, tls)
    return context


def identify(context: ssl.SSLContext, tls: Tls) -> None:
    """Have `context` show the client's certificate; raises LookError (config)."""

    def no_pass_phrase() -> str:
        # Nobody is there to be asked: without this OpenSSL waits at the terminal.
        why = f"the private key {tls.key or tls.cert} has a pass phrase, which is not supported"
        raise InspectionError(Kind.CONFIG, f"{why}; name a key without one")

    try:
        context.load_cert_chain(tls.cert, tls.key or None, no_pass_phrase)
    except OSError as error:
        why = f"the certificate {tls.cert} of the target cannot be used with its key"
        raise InspectionError(Kind.CONFIG, f"{why}: {reason(error)}") from error


def unverified() -> ssl.SSLContext:
    """A context that encrypts and trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def refuse_unused(endpoint: Endpoint) -> None:
    """Raise LookError (config) for an option of TLS that would change nothing."""
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
    """What a target asks of the server's certificate."""
    trust = f"a certificate signed by {tls.ca or 'an authority the system trusts'}"
    wants = {
        "verify-full": f"{trust}, for {host}",
        "verify-ca": trust,
        "require": trust if verifies(tls) else "an encrypted connection",
    }
    return f"tls {tls.mode} asks for {wants.get(tls.mode, 'none')}"


def failed(why: str, tls: Tls, host: str, found: bytes | None) -> InspectionError:
    """Why TLS failed: what was asked, what the server showed, and what OpenSSL says."""
    shown = f"; the server shows {describe(found)}" if found else ""
    return InspectionError(Kind.TLS, f"{asked(tls, host)}{shown}: {why}")


def words(error: ssl.SSLError) -> str:
    """OpenSSL's reason without its file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(error.reason or error).replace("_", " ").lower()


def error_behind(error: BaseException) -> ssl.SSLError | None:
    """The TLS error that made a driver raise `error`, if that is what it was."""
    return next((one for one in _causes(error) if isinstance(one, ssl.SSLError)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        original = getattr(error, "original_exception", None)  # PyMySQL's own chain
        error = original or error.__cause__ or error.__context__


def describe(der: bytes) -> str:
    """A certificate's names, issuer and dates."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = ", ".join(_names(certificate)[:MAX_NAMES]) or "no name"
        issuer = _common_name(certificate.issuer) or "an unnamed authority"
        until = certificate.not_valid_after_utc.date()
    except ValueError as error:
        return f"a certificate that cannot be read ({error})"
    return f"one for {names} by {issuer}, valid until {until}"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return [name] if (name := _common_name(certificate.subject)) else []
    return [str(name.value) for name in found.value]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
