"""Throw-away certificates: a CA, a server's, one with the wrong name, a client's."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stt_shared import clock

LIFE = timedelta(days=400)
LOOPBACK = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
ELSEWHERE = (x509.DNSName("elsewhere.example"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of PEM files; each name with `both` holds certificate and key in one file."""

    ca: Path
    cert: Path
    key: Path
    both: Path
    wrong_cert: Path
    wrong_key: Path
    wrong_both: Path
    other_ca: Path
    client_cert: Path
    client_key: Path
    client_both: Path


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make(folder: Path) -> Certificates:
    """Make all of them in `folder`, readable by servers that run as other users."""
    authority, other = _authority("test CA"), _authority("other CA")
    for name, one in (("ca", authority), ("other_ca", other)):
        _write(folder / f"{name}.pem", _pem(one.certificate))
    _issue(folder, "server", authority, "localhost", LOOPBACK)
    _issue(folder, "wrong", authority, "elsewhere.example", ELSEWHERE)
    _issue(folder, "client", authority, "stt-client", ())
    names = {"cert": "server", "wrong_cert": "wrong", "client_cert": "client"}
    keys = {"key": "server", "wrong_key": "wrong", "client_key": "client"}
    both = {"both": "server", "wrong_both": "wrong", "client_both": "client"}
    return Certificates(
        ca=folder / "ca.pem",
        other_ca=folder / "other_ca.pem",
        **{k: folder / f"{v}.crt" for k, v in names.items()},
        **{k: folder / f"{v}.key" for k, v in keys.items()},
        **{k: folder / f"{v}.pem" for k, v in both.items()},
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LIFE)
        .not_valid_after(now + LIFE)
    )


def _authority(name: str) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(name, _name(name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _Authority(certificate, key)


def _issue(
    folder: Path, file: str, authority: _Authority, common: str, names: tuple[x509.GeneralName, ...]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(common, authority.certificate.subject, key).add_extension(
        x509.ExtendedKeyUsage(usages), critical=False
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = _pem(builder.sign(authority.key, hashes.SHA256()))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(folder / f"{file}.crt", certificate)
    _write(folder / f"{file}.key", private)
    _write(folder / f"{file}.pem", certificate + private)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o644)
