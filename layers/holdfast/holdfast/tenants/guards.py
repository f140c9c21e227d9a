"""Guards that routes name: who must be asking."""

from collections.abc import Mapping

from chalice.app import Request as ChaliceRequest

from holdfast.kernel.events import Actor, ActorKind
from holdfast.platform.http import Guard
from holdfast.tenants.errors import ApiKeyMissing, ScopeMissing
from holdfast.tenants.model import Scope
from holdfast.tenants.ports import ApiKeys
from holdfast.tenants.usecases import authorise


def api_key(keys: ApiKeys, needed: Scope) -> Guard:
    """`X-Api-Key` of the shop in the path, with the scope that the route needs."""

    def guard(request: ChaliceRequest, path: Mapping[str, str]) -> Actor:
        text = request.headers.get("x-api-key")
        if text is None:
            raise ApiKeyMissing("Send a key of this shop in X-Api-Key.")
        return Actor(kind=ActorKind.STAFF, id=authorise(text, path["shop"], needed, keys=keys).id)

    return guard


def may(keys: ApiKeys, headers: Mapping[str, str], shop: str, scope: Scope) -> bool:
    """Whether the key that was let in may do this as well."""
    try:
        authorise(headers.get("x-api-key", ""), shop, scope, keys=keys)
    except ScopeMissing:
        return False
    return True
