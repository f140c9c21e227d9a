"""Why somebody is not let in."""

from holdfast.kernel.errors import Conflict, Forbidden, NotFound, Refusal, Unauthenticated


class ApiKeyMissing(Unauthenticated):
    """This route needs a key of the shop in X-Api-Key."""

    code = "api_key_missing"


class ApiKeyInvalid(Unauthenticated):
    """Unknown, or of another shop: both in the same words."""

    code = "api_key_invalid"


class ScopeMissing(Forbidden):
    """The key is good but may not do this. Facts: needed."""

    code = "scope_missing"


class ShopExists(Conflict):
    """The id is taken by a shop with other settings. Facts: shop."""

    code = "shop_exists"


class StaleSettings(Refusal):
    """If-Match names another version of the settings than the one that stands. Facts: version."""

    code, status, title = "precondition_failed", 412, "Precondition failed"


class UnknownShop(NotFound):
    """Same words as for anything unknown."""
