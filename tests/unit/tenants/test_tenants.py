"""Shops, their settings, their keys, and what a worker remembers of them."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from holdfast.notifications.kinds import ALWAYS_SENT
from holdfast.notifications.kinds import Kind as Message
from holdfast.tenants import usecases
from holdfast.tenants.errors import ApiKeyInvalid, ScopeMissing, ShopExists, StaleSettings, UnknownShop
from holdfast.tenants.model import Band, LatePayment, MessageName, RateBy, Scope, ShippingRate, Shop, ShopSettings, TaxRule
from holdfast.tenants.repository import Directory
from holdfast.tenants.views import SettingsBody, settings_view
from holdfast.wiring.tenants import ShopPolicies
from tests.memory.engine import Memory
from tests.memory.samples import LATER, NOW, full_tenant
from tests.memory.tenants import MemoryTenants
from tests.memory.threads import just_before

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


# Settings.


PARCEL: dict[str, Any] = {"id": "parcel", "title": "Parcel", "countries": ["DE"], "by": "weight", "bands": [{"up_to": 2000, "amount": 495}]}


def settings(**changes: Any) -> ShopSettings:
    return ShopSettings(**{"name": "Demo", **changes})


def test_a_shop_that_was_made_before_there_were_settings_behaves_as_it_did() -> None:
    old = Shop.model_validate(
        {"pk": "demo", "sk": "SHOP", "id": "demo", "name": "Demo", "currency": "EUR", "origins": [], "created_at": NOW}
    )
    assert (old.shipping, old.taxes, old.prices_include_tax, old.partial, old.late_payment, old.version) == (
        (),
        (),
        False,
        "ask",
        "retake",
        1,
    )
    policies = ShopPolicies(lambda _: old, timedelta(minutes=15))
    assert (policies.hold("demo"), policies.late_payment("demo", "any"), policies.late_grace("demo")) == (
        timedelta(minutes=15),
        "retake",
        None,
    )
    assert (policies.customer_may_cancel_paid("demo"), policies.return_window("demo")) == (True, timedelta(days=14))


def test_policies_are_as_the_shop_has_decided() -> None:
    decided = {"hold_seconds": 60, "late_payment": "refund", "late_payment_by_provider": {"paypal": "owe"}, "late_grace_seconds": 90}
    shop = Shop(
        **{**decided, "id": "demo", "name": "Demo", "currency": "EUR", "created_at": NOW, "customer_cancel": "unpaid", "return_days": 30}
    )
    policies = ShopPolicies(lambda _: shop, timedelta(minutes=15))
    assert [policies.late_payment("demo", provider) for provider in ("paypal", "stripe")] == ["owe", "refund"]
    assert (policies.hold("demo"), policies.late_grace("demo")) == (timedelta(minutes=1), timedelta(seconds=90))
    assert (policies.customer_may_cancel_paid("demo"), policies.return_window("demo")) == (False, timedelta(days=30))


def test_settings_change_all_at_once_and_are_counted(tenants: MemoryTenants) -> None:
    rate = ShippingRate(id="parcel", title="Parcel", countries=("DE",), by=RateBy.WEIGHT, bands=(Band(amount=495),))
    changed = usecases.change_settings("demo", settings(name="Other", shipping=(rate,), return_days=30), tenants=tenants, expected=1)
    assert (changed.name, changed.shipping, changed.currency, changed.created_at, changed.version) == ("Other", (rate,), "EUR", NOW, 2)
    assert tenants.shop("demo") == changed
    assert usecases.change_settings("demo", settings(), tenants=tenants).shipping == ()


def test_the_same_settings_again_are_no_change(tenants: MemoryTenants) -> None:
    assert usecases.change_settings("demo", settings(), tenants=tenants).version == 1
    changed = usecases.change_settings("demo", settings(return_days=3), tenants=tenants)
    assert usecases.change_settings("demo", settings(return_days=3), tenants=tenants) == changed


def test_who_has_seen_other_settings_is_told(tenants: MemoryTenants) -> None:
    usecases.change_settings("demo", settings(return_days=3), tenants=tenants)
    with pytest.raises(StaleSettings) as refused:
        usecases.change_settings("demo", settings(return_days=4), tenants=tenants, expected=1)
    assert refused.value.facts == {"version": 2}
    with pytest.raises(UnknownShop):
        usecases.change_settings("none", settings(), tenants=tenants)


def test_of_two_who_change_at_once_the_later_one_counts_and_both_are_counted(tenants: MemoryTenants) -> None:
    just_before(tenants, "save_shop", lambda: usecases.change_settings("demo", settings(return_days=3), tenants=tenants))
    assert usecases.change_settings("demo", settings(return_days=4), tenants=tenants).version == 3


def test_without_the_condition_the_first_of_two_is_never_counted() -> None:
    careless = MemoryTenants(Memory("SHOP_AS_SEEN"))
    usecases.create_shop(DEMO, tenants=careless, now=NOW)
    just_before(careless, "save_shop", lambda: usecases.change_settings("demo", settings(return_days=3), tenants=careless))
    assert usecases.change_settings("demo", settings(return_days=4), tenants=careless, expected=1).version == 2


def test_a_shop_may_be_made_with_its_settings(tenants: MemoryTenants) -> None:
    command = {"shop": "full", "name": "Full", "currency": "EUR", "shipping": [PARCEL], "partial": "always"}
    made = usecases.create_shop(usecases.CreateShop.model_validate(command), tenants=tenants, now=NOW)
    assert (made.shipping[0].id, made.partial) == ("parcel", "always")
    with pytest.raises(ValidationError):
        usecases.CreateShop.model_validate({**command, "shiping": []})


@pytest.mark.parametrize(
    "wrong",
    [
        {"shipping": [PARCEL, PARCEL]},
        {"shipping": [{**PARCEL, "bands": []}]},
        {"shipping": [{**PARCEL, "bands": [{"up_to": 2000, "amount": 1}, {"up_to": 2000, "amount": 2}]}]},
        {"shipping": [{**PARCEL, "bands": [{"up_to": None, "amount": 1}, {"up_to": 2000, "amount": 2}]}]},
        {"shipping": [{**PARCEL, "bands": [{"up_to": 2000, "amount": -1}]}]},
        {"shipping": [{**PARCEL, "bands": [{"up_to": 2000, "amount": 1.5}]}]},
        {"shipping": [{**PARCEL, "countries": ["Germany"]}]},
        {"shipping": [{**PARCEL, "countries": []}]},
        {"shipping": [{**PARCEL, "by": "colour"}]},
        {"shipping": [{**PARCEL, "id": "Parcel #1"}]},
        {"taxes": [{"countries": ["DE"], "rates": {"standard": 10_001}}]},
        {"taxes": [{"countries": ["DE"], "rates": {"standard": "1900"}}]},
        {"taxes": [{"countries": ["DE"], "rates": {}}]},
        {"taxes": [{"countries": ["*", "D"], "rates": {"standard": 1}}]},
        {"origins": ["javascript:alert(1)"]},
        {"origins": ["https://shop.example/path"]},
        {"hold_seconds": 4},
        {"hold_seconds": True},
        {"partial": "sometimes"},
        {"late_payment": "keep"},
        {"late_payment_by_provider": {"paypal": "keep"}},
        {"late_payment_by_provider": {"Pay Pal": "owe"}},
        {"late_grace_seconds": -1},
        {"customer_cancel": "always"},
        {"return_days": -1},
        {"currency": "USD"},
        {"name": ""},
        {"name": "Bell\x07"},
        {"staff_emails": ["boss@shop..test"]},
        {"staff_emails": ["boss@shop.test", "two..dots@shop.test"]},
        {"brand": {"reply_to": ".help@shop.test"}},
        {"mails_off": ["completd"]},
        {"mails_off": ["shipped", "Delay"]},
        {"mails_off": [None]},
        {"mails_off": "shipped"},
        {"language": "fr"},
        {"brand": {"logo_url": "http://shop.example/logo.png"}},
        {"brand": {"color": "green"}},
        {"brand": {"reply_to": "ada@example.com\nBcc: all@example.com"}},
        {"brand": {"sender_name": "Shop\r\nBcc: all@example.com"}},
        {"staff_emails": ["nobody"]},
        {"staff_emails": ["boss@example.com"] * 11},
        {"waiting": {"promised_hours": 0}},
        {"waiting": {"promised_hours": 25}},
        {"waiting": {"first_from": -1}},
        {"waiting": {"most_per_round": 0}},
        {"waiting": {"first_methods": ["By air"]}},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SettingsBody.model_validate({"name": "Demo", **wrong})


def test_what_is_read_may_be_sent_back(tenants: MemoryTenants) -> None:
    """All that staff see of the settings they may change, but for what is the shop's own."""
    full = full_tenant("full")
    told = settings_view(full).model_dump(mode="json")
    sent = {name: value for name, value in told.items() if name not in {"id", "currency", "created_at", "version"}}
    assert SettingsBody.model_validate(sent).settings() == ShopSettings(**{name: getattr(full, name) for name in ShopSettings.model_fields})
    assert isinstance(full.taxes[0], TaxRule)


def test_a_shop_may_switch_off_what_is_not_always_sent_and_no_other() -> None:
    """This context does not know the other: the names stand in both."""
    may = set(Message) - ALWAYS_SENT
    assert sorted(get_args(MessageName)) == sorted(may)
    every = SettingsBody.model_validate({"name": "Demo", "mails_off": sorted(may)})
    assert set(every.settings().mails_off) == may
    with pytest.raises(ValidationError):
        usecases.CreateShop.model_validate({**DEMO.model_dump(), "mails_off": ("completd",)})


@pytest.mark.parametrize("kind", sorted(ALWAYS_SENT))
def test_keys_and_news_of_money_cannot_be_switched_off(kind: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        SettingsBody.model_validate({"name": "Demo", "mails_off": ["shipped", kind]})
    assert [error["loc"] for error in refusal.value.errors()] == [("mails_off", 1)]
    with pytest.raises(ValidationError):
        usecases.CreateShop.model_validate({**DEMO.model_dump(), "mails_off": (kind,)})


def test_a_message_that_is_no_more_spoils_no_shop(tenants: MemoryTenants) -> None:
    shop = tenants.shop("demo")
    assert shop is not None
    assert Shop.model_validate({**shop.model_dump(), "mails_off": ("birthday",)}).mails_off == ("birthday",)
