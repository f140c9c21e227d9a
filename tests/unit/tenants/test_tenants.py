"""Shops, their keys, and what a worker remembers of them."""

import pytest

from holdfast.tenants import usecases
from holdfast.tenants.errors import ApiKeyInvalid, ScopeMissing, ShopExists, UnknownShop
from holdfast.tenants.model import LatePayment, Scope
from holdfast.tenants.repository import Directory
from tests.memory.engine import Memory
from tests.memory.samples import LATER, NOW
from tests.memory.tenants import MemoryTenants

DEMO = usecases.CreateShop(shop="demo", name="Demo", currency="EUR")


@pytest.fixture
def tenants() -> MemoryTenants:
    tenants = MemoryTenants(Memory())
    usecases.create_shop(DEMO, tenants=tenants, now=NOW)
    return tenants


def key(tenants: MemoryTenants, *scopes: Scope) -> str:
    return usecases.create_api_key(usecases.CreateApiKey(shop="demo", scopes=scopes), tenants=tenants, now=NOW).api_key


def test_the_same_shop_again_is_the_same_shop(tenants: MemoryTenants) -> None:
    assert usecases.create_shop(DEMO, tenants=tenants, now=LATER).created_at == NOW
    with pytest.raises(ShopExists):
        usecases.create_shop(DEMO.model_copy(update={"late_payment": LatePayment.REFUND}), tenants=tenants, now=LATER)


def test_a_key_is_kept_as_its_hash_only(tenants: MemoryTenants) -> None:
    text = key(tenants, Scope.ADMIN)
    assert text not in repr(tenants._memory.rows)
    assert usecases.authorise(text, "demo", Scope.ADMIN, keys=tenants).shop == "demo"
    with pytest.raises(UnknownShop):
        usecases.create_api_key(usecases.CreateApiKey(shop="none", scopes=(Scope.ADMIN,)), tenants=tenants, now=NOW)


@pytest.mark.parametrize("text", ["", "hf_", "hf_" + "x" * 43, "é\x00", "\ud800"])
def test_a_wrong_key_opens_nothing(tenants: MemoryTenants, text: str) -> None:
    with pytest.raises(ApiKeyInvalid):
        usecases.authorise(text, "demo", Scope.VIEWER, keys=tenants)


def test_a_key_of_one_shop_is_unknown_in_another(tenants: MemoryTenants) -> None:
    usecases.create_shop(DEMO.model_copy(update={"shop": "other"}), tenants=tenants, now=NOW)
    with pytest.raises(UnknownShop):
        usecases.authorise(key(tenants, Scope.ADMIN), "other", Scope.VIEWER, keys=tenants)


@pytest.mark.parametrize("held", Scope)
@pytest.mark.parametrize("needed", Scope)
def test_scopes_include_those_below(tenants: MemoryTenants, held: Scope, needed: Scope) -> None:
    rank = [Scope.VIEWER, Scope.OPERATOR, Scope.ADMIN]
    text = key(tenants, held)
    if rank.index(held) >= rank.index(needed):
        assert usecases.authorise(text, "demo", needed, keys=tenants).may(needed)
    else:
        with pytest.raises(ScopeMissing):
            usecases.authorise(text, "demo", needed, keys=tenants)


def test_a_directory_remembers_for_a_minute_and_the_unknown_not_at_all(tenants: MemoryTenants) -> None:
    seconds = [0.0]
    directory = Directory(tenants, clock=lambda: seconds[0])
    with pytest.raises(UnknownShop):
        directory.shop("late")
    usecases.create_shop(DEMO.model_copy(update={"shop": "late"}), tenants=tenants, now=NOW)
    assert directory.shop("late").id == "late"
    text_hash = usecases.hash_of(key(tenants, Scope.ADMIN))
    assert directory.api_key("demo", "0" * 64) is None
    assert directory.api_key("demo", text_hash) is not None
    tenants._memory.rows.clear()  # everything is revoked
    seconds[0] = 59.0
    assert directory.shop("late").id == "late"
    assert directory.api_key("demo", text_hash) is not None
    seconds[0] = 61.0
    assert directory.api_key("demo", text_hash) is None
    with pytest.raises(UnknownShop):
        directory.shop("late")
