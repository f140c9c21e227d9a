"""Why something cannot be handed out or imported."""

from holdfast.kernel.errors import Conflict, HoldfastError, Invalid


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
