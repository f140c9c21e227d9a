"""Two administrators, one account: no change goes under, and each set of secrets that was ever answered for is there or is former."""

from collections.abc import Callable
from datetime import timedelta

from holdfast.payments import enrolling
from holdfast.payments.accounts import Account, opened
from holdfast.payments.enrolling import Connect
from tests.memory.accounts import MarkingSealer, TillCredentials, till
from tests.memory.house import House
from tests.memory.samples import NOW
from tests.memory.threads import meet, together

Careless = Callable[..., House]
SEALER = MarkingSealer()
RACERS = 3
"""As many as an account remembers former secrets of."""


def connect(house: House, number: int, over: int | None = None) -> Account:
    command = Connect(house.shop, "till", till(number), timedelta(hours=1), over)
    return enrolling.connect(command, accounts=house.stores.accounts, sealer=SEALER, now=NOW)


def good(house: House) -> set[str]:
    """What verifies now."""
    account = enrolling.read(house.shop, "till", accounts=house.stores.accounts)
    return {keys.signing_secret for keys in opened(account, TillCredentials, sealer=SEALER, now=NOW).all}


def all_rotate(house: House) -> set[str]:
    connect(house, 0)
    meet(house.stores.accounts, "account", RACERS)  # all have seen the same
    together([lambda number=number: connect(house, number) for number in range(1, RACERS + 1)])  # type: ignore[misc]
    return good(house)


def one_wins(house: House) -> int:
    connect(house, 0)
    meet(house.stores.accounts, "account", RACERS)
    answers = together([lambda number=number: connect(house, number, over=1) for number in range(1, RACERS + 1)])  # type: ignore[misc]
    return sum(isinstance(answer, Account) for answer in answers)


def test_whoever_rotates_at_the_same_time_all_secrets_verify(house: House) -> None:
    assert all_rotate(house) == {till(number).signing_secret for number in range(RACERS + 1)}


def test_without_the_guard_a_rotation_goes_under(careless: Careless) -> None:
    assert len(all_rotate(careless("SAME_ACCOUNT"))) < RACERS + 1


def test_over_one_version_one_of_them_changes_it(house: House) -> None:
    assert one_wins(house) == 1


def test_without_the_guard_all_of_them_do(careless: Careless) -> None:
    assert one_wins(careless("SAME_ACCOUNT")) == RACERS


def test_who_connects_first_is_connected_once(house: House) -> None:
    meet(house.stores.accounts, "account", 2)
    together([lambda: connect(house, 1), lambda: connect(house, 1)])
    account = enrolling.read(house.shop, "till", accounts=house.stores.accounts)
    assert (account.version, account.former) == (1, ())
