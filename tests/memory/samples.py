"""One of everything that is kept, bare (all optionals None) and full."""

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.catalogue.model import Kind, OnShortage, Product
from holdfast.fulfilment.model import Allotment, Batch, Debt, Delivery, Places, total
from holdfast.fulfilment.ports import Vaults
from holdfast.fulfilment.rules import pick, position
from holdfast.kernel.events import CUSTOMER, Actor, ActorKind
from holdfast.kernel.ids import derived_id
from holdfast.kernel.money import Money
from holdfast.kernel.writes import Write
from holdfast.notifications import rules as post
from holdfast.notifications.kinds import Channel
from holdfast.notifications.kinds import Kind as Told
from holdfast.notifications.model import Notice, Notification, Recipient
from holdfast.orders.model import HoldRef, Order, OrderLine, PaymentRef, Status
from holdfast.orders.session import Address, Obstacle, Session, SessionLine, ShippingOption, Totals
from holdfast.payments.model import EventState, News, ProviderEvent, ProviderFact
from holdfast.stock.model import Booking, Lock, LockLine, Movement, Part, Reason
from holdfast.tenants.model import ApiKey, Band, CustomerCancel, LatePayment, Partial, RateBy, Scope, ShippingRate, Shop, TaxRule

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
LATER = NOW + timedelta(minutes=15)
EUR = Money(amount=1999, currency="EUR")
FREE = Money(amount=0, currency="EUR")
TOTALS = Totals(subtotal=EUR, shipping=FREE, tax=FREE, total=EUR)
ADDRESS = Address(name="Zoë <b>Ω</b>", line1="1 Main St", line2="Flat 2", city="Köln", region="NRW", postal_code="50667", country="DE")


def lock(shop: str, number: int = 1, **changes: Any) -> Lock:
    lines = (
        LockLine(sku="A", quantity=2, parts=(Part(part="0", quantity=2),)),
        LockLine(sku="B", quantity=1, partial=True, promises=3, parts=(Part(part="2", quantity=0), Part(part="promise", quantity=1))),
    )
    bare: dict[str, Any] = {
        "id": derived_id("lck", NOW, str(number)),
        "shop": shop,
        "order": derived_id("ord", NOW, str(number)),
        "lines": lines,
        "expires_at": LATER,
        "claimed_at": NOW,
        "claim": f"clm_{number}",
        "fingerprint": "asked",
    }
    return Lock(**{**bare, **changes})


def movement(shop: str, **changes: Any) -> Movement:
    lines = (Booking(sku="A", part="0", quantity=5, balance=5),)
    bare: dict[str, Any] = {"id": "mov_1", "shop": shop, "reason": Reason.RESTOCK, "at": NOW, "actor": "test", "lines": lines}
    return Movement(**{**bare, **changes})


def session(shop: str, number: int = 1, **changes: Any) -> Session:
    line = SessionLine(sku="A", title="The A", quantity=1, unit_price=EUR, digital=True, backorder=False)
    bare = {"id": derived_id("cks", NOW, str(number)), "shop": shop, "lines": (line,), "totals": TOTALS, "created_at": NOW}
    return Session(**{**bare, "expires_at": LATER, **changes})


def full_session(shop: str) -> Session:
    line = SessionLine(
        sku="A",
        title="The A",
        quantity=2,
        unit_price=EUR,
        tax=760,
        digital=False,
        backorder=True,
        preorder=True,
        backorder_cap=5,
        max_per_customer=3,
        weight_grams=120,
        tax_class="books",
        shards=4,
    )
    return session(
        shop,
        lines=(line,),
        totals=TOTALS.model_copy(update={"tax_included": True}),
        currency="EUR",
        email="ada@example.com",
        phone="+491701234567",
        address=ADDRESS,
        notes="Ring twice. Zoë",
        shipping_choice="express",
        shipping_method="parcel",
        shipping_options=(ShippingOption(id="parcel", title="Parcel", amount=EUR),),
        obstacle=Obstacle.NOT_SHIPPED_THERE,
        priced_at=NOW,
    )


def order(shop: str, number: int = 1, **changes: Any) -> Order:
    line = OrderLine(sku="A", title="The A", quantity=1, unit_price=EUR, digital=True, backorder=False, allocated=1)
    bare: dict[str, Any] = {
        "id": derived_id("ord", NOW, str(number)),
        "number": "ABCDE-FGHJK",
        "shop": shop,
        "session": "cks_1",
        "status": Status.PENDING_PAYMENT,
        "lines": (line,),
        "totals": TOTALS,
        "payment": PaymentRef(provider="sandbox", id="pay_1"),
        "placed_until": LATER,
        "accept_partial": False,
        "fingerprint": "asked",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Order(**{**bare, **changes})


def full_order(shop: str) -> Order:
    made = order(
        shop,
        email="ada@example.com",
        address=ADDRESS,
        hold=HoldRef(lock="lck_1", expires_at=LATER),
        payment=PaymentRef(provider="sandbox", id="pay_1", client={"pay_url": "http://pay.test/1", "deep": {"list": [1, "two", True]}}),
        paid_at=NOW,
    )
    told = made.happened("order.placed.v1", at=NOW, actor=CUSTOMER, request_id="request", data={"lines": [{"sku": "A", "quantity": 1}]})
    return told.happened("order.paid.v1", at=LATER, actor=Actor(kind=ActorKind.PROVIDER, id="sandbox"), reason="late", data={})


def provider_event(shop: str, **changes: Any) -> ProviderEvent:
    fact = ProviderFact(shop=shop, order="ord_1", payment="pay_1", news=News.SUCCEEDED, amount=1999, currency="EUR")
    bare = {
        "id": "evt_1",
        "shop": shop,
        "provider": "sandbox",
        "type": "payment.succeeded",
        "fact": fact,
        "raw": '{"ümlaut": 1}',
        "received_at": NOW,
    }
    return ProviderEvent(**{**bare, **changes})


def ignored_event(shop: str) -> ProviderEvent:
    return provider_event(shop, state=EventState.IGNORED, reason="known already")


def debt(shop: str, number: int = 1, **changes: Any) -> Debt:
    bare = {"shop": shop, "sku": "A", "order": f"ord_{number}", "owed": 3, "paid_at": NOW + timedelta(milliseconds=number), **changes}
    return Debt(**{"position": position(bare["paid_at"], bare["order"]), **bare})


def delivery(shop: str, first: int, last: int, wave: int = 3, **changes: Any) -> Delivery:
    bare = {"shop": shop, "order": "ord_1", "sku": "A", "wave": wave, "first": first, "last": last, "at": NOW}
    return Delivery(**{**bare, **changes})


def notification(shop: str, event: str = "evt_1", **changes: Any) -> Notification:
    notice = Notice(shop=shop, event=event, kind=Told.COMPLETED, at=NOW, subject="ord_1", order="ord_1")
    made = post.row(notice, Recipient(channel=Channel.EMAIL, to="ada@example.com", customer="digest", language="de"), NOW)
    return made.model_copy(update=changes)


def product(shop: str, sku: str = "A", **changes: Any) -> Product:
    bare = {"shop": shop, "sku": sku, "title": "The A", "kind": Kind.PHYSICAL, "price": EUR, "created_at": NOW, "updated_at": NOW}
    return Product(**{**bare, **changes})


def full_product(shop: str) -> Product:
    return product(
        shop,
        prices=(Money(amount=2199, currency="USD"),),
        tax_class="books",
        weight_grams=120,
        description="Ω & more",
        on_shortage=OnShortage.BACKORDER,
        low_stock_threshold=3,
        max_per_order=7,
        archived=True,
        version=9,
    )


def tenant(shop: str, **changes: Any) -> Shop:
    return Shop(**{"id": shop, "name": "Demo", "currency": "EUR", "created_at": NOW, **changes})


def full_tenant(shop: str) -> Shop:
    rate = ShippingRate(
        id="parcel", title="Parcel", countries=("DE", "AT"), by=RateBy.WEIGHT, bands=(Band(up_to=2000, amount=495), Band(amount=990))
    )
    return tenant(
        shop,
        origins=("https://a.example", "https://b.example"),
        hold_seconds=60,
        shipping=(rate,),
        taxes=(TaxRule(countries=("*",), rates={"standard": 1900, "books": 700}, shipping=True),),
        prices_include_tax=True,
        partial=Partial.ALWAYS,
        late_payment=LatePayment.REFUND,
        late_payment_by_provider={"sandbox": LatePayment.OWE},
        late_grace_seconds=3600,
        customer_cancel=CustomerCancel.UNPAID,
        return_days=30,
        version=3,
    )


def api_key(shop: str, **changes: Any) -> ApiKey:
    bare = {"id": "key_1", "shop": shop, "label": "", "scopes": (Scope.ADMIN,), "hash": "0" * 64, "created_at": NOW}
    return ApiKey(**{**bare, **changes})


def batch(shop: str, number: int = 1) -> Batch:
    allotted = Allotment(order="ord_1", units=2, owed=3, position="p", places=(Places(first=4, last=5),), later=True)
    return Batch(shop=shop, sku="A", number=number, at=NOW, allotments=(allotted, Allotment(order="ord_2", units=1, owed=1, position="q")))


def hand_out_writes(vaults: Vaults, made: Delivery) -> list[Write]:
    """As fulfilment hands keys to an order."""
    seen = vaults.vault(made.shop, made.sku)
    return [*vaults.pick_writes(seen, pick(seen, (), total(made.places))), vaults.delivery_write(made)]
