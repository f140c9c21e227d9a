"""What a shop's PayPro account needs to be spoken to, and where PayPro is."""

import base64
import binascii
import re
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from holdfast.payments.accounts import Credentials, PageUrl, Secret

CHECKOUT = "checkout.paypro.by"
GATEWAY = "gateway.paypro.by"
"""Where transactions are asked for and given back. The platform's rule for names; not confirmed by PayPro's own documents, which only
name the checkout. A payment that succeeded is settled without it; refunds wait for it.
"""
HOSTS = frozenset({CHECKOUT, GATEWAY})
EVENTS: tuple[str, ...] = ()
"""Nothing is subscribed to: each payment says where its news go."""
_RSA = bytes.fromhex("2a864886f70d010101")
"""The object identifier of an RSA key, as it stands in every such key."""


def _bare(key: str) -> str:
    """As the back office shows it (base64 of the DER, perhaps in lines, perhaps between PEM's), without all that."""
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", key)
    try:
        found = base64.b64decode(bare, validate=True)
    except binascii.Error:
        raise ValueError("not a public key in base64") from None
    if not found.startswith(b"\x30") or _RSA not in found:
        raise ValueError("not an RSA public key")
    return bare


PublicKey = Annotated[str, StringConstraints(min_length=300, max_length=1600), AfterValidator(_bare)]


class PayProCredentials(Credentials):
    """A shop of PayPro's back office. `public_key` is what PayPro signs its webhooks for; without it they are known by the secret key
    that they bring along, which is the weaker proof.
    """

    SECRETS: ClassVar[frozenset[str]] = frozenset({"secret_key"})

    shop_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]
    secret_key: Secret
    public_key: Annotated[PublicKey | None, Field(repr=False)] = None
    test: bool
    return_url: PageUrl
    cancel_url: PageUrl
    notification_url: PageUrl

    @field_validator("notification_url")
    @classmethod
    def _nobody_listens(cls, url: str, info: ValidationInfo) -> str:
        """The secret key travels there. Play money on one's own machine may do without https."""
        at_home = info.data.get("test") is True and urlsplit(url).hostname in {"127.0.0.1", "localhost"}
        if not url.startswith("https://") and not at_home:
            raise ValueError("must be https")
        return url

    @property
    def live(self) -> bool:
        return not self.test

    @property
    def basic(self) -> str:
        """Shop and key as HTTP's basic authorization has them, both ways."""
        return base64.b64encode(f"{self.shop_id}:{self.secret_key}".encode()).decode()
