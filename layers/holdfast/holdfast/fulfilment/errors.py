"""Why something cannot be handed out or imported."""

from holdfast.kernel.errors import Conflict, HoldfastError, Invalid, NotFound


class NotDigital(Invalid):
    """Keys belong to digital products only."""

    code = "not_digital"


class VaultMoved(Conflict):
    """Somebody else handed out or imported keys meanwhile; look again."""

    code = "vault_moved"


class QueueMoved(Conflict):
    """Another worker has fed the waiting orders meanwhile; look again."""

    code = "queue_moved"


class VaultShortError(HoldfastError):
    """A unit was sold that has no key: the two counts disagree. A person must look; the message is tried again."""

    code, status, title = "vault_short", 500, "Internal error"


class UnknownKey(NotFound):
    """Same words as for anything unknown."""


class KeyAlreadyRevoked(Conflict):
    """The key was revoked or withdrawn before. Facts: revoked_at."""

    code = "key_revoked"


class KeyAlreadyReplaced(Conflict):
    """Its customer got another key before. Facts: replaced_by."""

    code = "key_replaced"


class KeyNotDelivered(Conflict):
    """Nobody has the key."""

    code = "key_not_delivered"


class KeyWasDelivered(Conflict):
    """A customer has had the key."""

    code = "key_was_delivered"


class KeyNotWithdrawn(Conflict):
    """The key is for sale already."""

    code = "key_not_withdrawn"


class KeyOnItsWay(Conflict):
    """The key is being handed out: whose it is will be known in a moment."""

    code = "key_on_its_way"


class KeyOrderEnded(Conflict):
    """The order that has the key was cancelled or refunded."""

    code = "key_order_ended"


class NoKeysLeft(Conflict):
    """There is no other key of this item."""

    code = "no_keys_left"


class TooManyWithdrawn(Conflict):
    """As many keys of this item are withdrawn as can be. Facts: most."""

    code = "too_many_withdrawn"


class KeysRefused(Invalid):
    """One row or more of a file cannot be imported, so nothing was. Facts: rows, rows_refused, errors (the first 100)."""

    code = "keys_refused"
