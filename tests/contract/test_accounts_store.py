"""The port of payment accounts: changed over what was seen, and no other shop's."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.payments.accounts import Account, Former
from tests.memory.samples import LATER, NOW
from tests.memory.stores import Stores


def account(shop: str, provider: str = "till", **changes: Any) -> Account:
    bare = {"shop": shop, "provider": provider, "live": False, "shown": {}, "sealed": "c2VhbGVk", "ends": {}}
    return Account(**{**bare, "created_at": NOW, "updated_at": NOW, **changes})


def full(shop: str) -> Account:
    former = tuple(Former(shown={"merchant": f"m-{n}"}, sealed=f"older-{n}", until=LATER + timedelta(hours=n)) for n in range(3))
    shown = {"merchant": "Ω", "return_url": "https://shop.example/{order}", "sca": True, "limits": {"days": [1, 2]}}
    return account(shop, live=True, enabled=False, shown=shown, ends={"api_key": "f3k2", "pin": ""}, former=former, updated_at=LATER)


def following(standing: Account, **changes: Any) -> Account:
    return standing.model_copy(update={**changes, "version": standing.version + 1})


@pytest.mark.parametrize("make", [account, full])
def test_an_account_comes_back_as_it_was(stores: Stores, shop: str, make: Any) -> None:
    made = make(shop)
    assert stores.accounts.account(shop, "till") is None
    assert stores.accounts.save(made)
    assert stores.accounts.save(made)  # delivered twice
    assert stores.accounts.account(shop, "till") == made
    assert stores.accounts.account(f"{shop}-x", "till") is None
    assert stores.accounts.account(shop, "tills") is None


def test_the_first_is_first(stores: Stores, shop: str) -> None:
    assert stores.accounts.save(account(shop))
    assert not stores.accounts.save(account(shop, sealed="b3RoZXI="))
    assert stores.accounts.account(shop, "till") == account(shop)


def test_it_is_changed_over_what_was_seen(stores: Stores, shop: str) -> None:
    first = account(shop)
    ours, theirs = following(first, enabled=False), following(first, sealed="b3RoZXI=")
    assert not stores.accounts.save(ours)  # there is none
    stores.accounts.save(first)
    assert stores.accounts.save(ours)
    assert stores.accounts.save(ours)  # delivered twice
    assert not stores.accounts.save(theirs)
    assert not stores.accounts.save(following(ours).model_copy(update={"version": 4}))
    assert stores.accounts.account(shop, "till") == ours


def test_it_is_removed_as_it_was_seen(stores: Stores, shop: str) -> None:
    first = account(shop)
    second = following(first, enabled=False)
    stores.accounts.save(first)
    stores.accounts.save(second)
    assert not stores.accounts.remove(first)
    assert stores.accounts.account(shop, "till") == second
    assert stores.accounts.remove(second)
    assert stores.accounts.remove(second)  # delivered twice
    assert stores.accounts.account(shop, "till") is None
    assert stores.accounts.save(first)


def test_a_shop_has_its_own(stores: Stores, shop: str) -> None:
    ours = [account(shop, provider) for provider in ("paypal", "razorpay", "stripe")]
    for one in [*ours[::-1], account(f"{shop}-x", "stripe")]:
        stores.accounts.save(one)
    assert stores.accounts.accounts(shop) == ours
    assert [one.shop for one in stores.accounts.accounts(f"{shop}-x")] == [f"{shop}-x"]
    assert stores.accounts.accounts(f"{shop}-y") == []


def test_other_things_of_the_shop_are_not_its_accounts(stores: Stores, shop: str) -> None:
    from tests.memory import samples

    stores.tenants.add_shop(samples.tenant(shop))
    stores.tenants.add_api_key(samples.api_key(shop))
    assert stores.accounts.accounts(shop) == []
    stores.accounts.save(account(shop))
    assert stores.accounts.accounts(shop) == [account(shop)]
    assert stores.tenants.shop(shop) == samples.tenant(shop)
