"""Keys and a certificate authority of a stand-in, made when first needed: RSA takes a moment."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)


class Issued(NamedTuple):
    """A certificate, with the key that it is for."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@cache
def key_pair(_name: str) -> RSAPrivateKey:
    """One for each name, for as long as the process lives."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """Base64 of PKCS #1 v1.5 over SHA-256."""
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def bare_public_key(key: RSAPrivateKey) -> str:
    """As a back office shows it: base64 of the DER, without lines around it."""
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@cache
def authority(name: str = "Stand-in Root") -> Issued:
    """It vouches for itself."""
    key = key_pair(name)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name, key, BEGIN, END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return Issued(key, certificate)


@cache
def issued(host: str, by: Issued, *, begin: datetime = BEGIN, end: datetime = END) -> Issued:
    """A server's certificate for the host."""
    key = key_pair(f"{host} by {by.certificate.serial_number} from {begin}")
    issuer = by.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    certificate = (
        _builder(host, str(issuer), key, begin, end, issuer_key=by.key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(by.key, SHA256())
    )
    return Issued(key, certificate)


def _builder(
    name: str, issuer: str, key: RSAPrivateKey, begin: datetime, end: datetime, issuer_key: RSAPrivateKey | None = None
) -> x509.CertificateBuilder:
    above = (issuer_key or key).public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin.astimezone(UTC).replace(tzinfo=None))
        .not_valid_after((end - timedelta(seconds=1)).astimezone(UTC).replace(tzinfo=None))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    )
