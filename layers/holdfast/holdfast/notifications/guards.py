"""A customer holds tokens, which stand in the links of his mails: one opens what he has chosen, the other only unsubscribes."""

from collections.abc import Mapping

from chalice.app import Request as ChaliceRequest

from holdfast.kernel.events import CUSTOMER, Actor
from holdfast.notifications.refusals import PreferencesTokenMissing, UnknownCustomer
from holdfast.platform.http import Guard
from holdfast.platform.tokens import Tokens

PREFERENCES = "preferences"
UNSUBSCRIBE = "unsubscribe"
"""Mail services read it, from a header, and whoever a mail is passed on to: it opens nothing, and switches things off."""


def customer(tokens: Tokens, purpose: str) -> Guard:
    """`?token=`, on changes as well: mail services unsubscribe by one POST to the link, without a header. A wrong one, or one of the other
    purpose, is told like an unknown customer.
    """

    def guard(request: ChaliceRequest, path: Mapping[str, str]) -> Actor:
        token = request.query_params.get("token") if request.query_params else None
        if token is None:
            raise PreferencesTokenMissing("Use the link from the mail: it ends in ?token=.")
        if not tokens.opens(token, purpose, path["shop"], path["customer"]):
            raise UnknownCustomer
        return CUSTOMER

    return guard
