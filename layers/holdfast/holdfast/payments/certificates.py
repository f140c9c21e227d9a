"""RSA signatures and X.509 certificates, for providers that sign with a private key of theirs.

`cryptography` takes a fifteenth of a second to import: only what has such a signature to judge pays for it.
"""

import warnings
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.verification import Store

SMALLEST_KEY = 2048
"""Bits. A shorter one is not a signature."""


class NotTrusted(Exception):
    """No chain that we accept leads from this certificate to a root, now, for this domain. That proves nothing against it."""


def signed(key: bytes, signature: bytes, message: bytes) -> bool:
    """PKCS #1 v1.5 over SHA-256. `key`: the public one, as DER. False as well for what is not an RSA key."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(key)
        if not isinstance(public, RSAPublicKey) or public.key_size < SMALLEST_KEY:
            return False
        public.verify(signature, message, PKCS1v15(), SHA256())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def trusted_key(chain: bytes, *, domain: str, roots: bytes, now: datetime) -> bytes:
    """The public key (DER) of the first certificate in `chain` (PEM; others in it are intermediates), for a name under `domain`.

    Judged at `now`, as a browser judges a server's: validity, chain, use, name. NotTrusted.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import DNSName, DuplicateExtension, load_pem_x509_certificates
    from cryptography.x509.verification import PolicyBuilder, VerificationError

    try:
        leaf, *others = load_pem_x509_certificates(chain)
        verifier = PolicyBuilder().store(_store(roots)).time(now).build_server_verifier(DNSName(_name(leaf, domain)))
        verifier.verify(leaf, others)
        key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, VerificationError, DuplicateExtension, UnsupportedAlgorithm) as error:
        raise NotTrusted(str(error)) from None
    return key


def _name(certificate: "Certificate", domain: str) -> str:
    """A name of the certificate under the domain. NotTrusted when it has none."""
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
    except ExtensionNotFound:
        names = []
    for name in names:
        if name.endswith(f".{domain}") and "*" not in name:
            return name
    raise NotTrusted(f"it has no name under {domain}")


@lru_cache(maxsize=2)
def _store(roots: bytes) -> "Store":
    """Read once: there are more than a hundred."""
    from cryptography.x509 import load_pem_x509_certificates
    from cryptography.x509.verification import Store

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old root has a serial number that newer rules forbid
        return Store(load_pem_x509_certificates(roots))
