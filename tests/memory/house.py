"""The product's use cases over one set of stores, plugged together as `functions/*/app.py` do it, with a clock that tests move."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.catalogue.model import Kind, OnShortage, Product
from holdfast.fulfilment import delays, feeding, importing, revoking, serving
from holdfast.fulfilment.model import LicenceKey
from holdfast.fulfilment.ports import World as FulfilmentWorld
from holdfast.kernel.events import CUSTOMER, Actor, ActorKind, Event
from holdfast.kernel.ids import born_at
from holdfast.kernel.money import Money
from holdfast.notifications import sending, telling
from holdfast.notifications.in_app import InAppSender
from holdfast.notifications.kinds import Channel
from holdfast.notifications.model import Notice
from holdfast.notifications.ports import PostOffice
from holdfast.notifications.render import render
from holdfast.notifications.sending import Attempted
from holdfast.orders import cancelling, checkout, indexing, refunding, returning, sessions, settlement, staff, troubles, usecases
from holdfast.orders.model import Order, Status
from holdfast.orders.neighbours import FactKind, PaymentFact
from holdfast.orders.session import Session
from holdfast.payments import working
from holdfast.payments.errors import UnknownProvider
from holdfast.payments.model import EventState, News, ProviderEvent, ProviderFact
from holdfast.payments.ports import Provider
from holdfast.payments.providers.sandbox.proxy import Action
from holdfast.stock import booking, layout, releasing, shelves
from holdfast.stock.model import Head, Level, LevelKey
from holdfast.stock.recall import Recall
from holdfast.tenants.model import LatePayment, Shop
from holdfast.wiring.catalogue import CatalogueForOrders
from holdfast.wiring.keys import OwnersOfKeys
from holdfast.wiring.letters import LetterWriter, Links
from holdfast.wiring.orders import Finaliser, OrdersForFulfilment, OrdersForSweep
from holdfast.wiring.payments import PaymentsForOrders, fact_of
from holdfast.wiring.search import KeysOfOrders, VaultsForSearch
from holdfast.wiring.stock import StockForFulfilment, StockForOrders
from holdfast.wiring.telling import happened
from holdfast.wiring.tenants import SharingOfShops, ShopPolicies
from tests.memory.engine import Memory
from tests.memory.notifications import Queued, Service
from tests.memory.stores import Stores

START = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
HOLD = timedelta(minutes=15)
GRACE = timedelta(seconds=30)
STAFF = Actor(kind=ActorKind.STAFF, id="key_staff")
PROVIDER = Actor(kind=ActorKind.PROVIDER, id="sandbox")


def tellable(order: Order, event: Event) -> telling.Happened:
    """As the notifications worker reads it off the bus."""
    return happened({**json.loads(event.model_dump_json()), "shop": order.shop, "order": order.id, "number": order.number})


@dataclass
class House:
    stores: Stores
    shop: str = "demo"
    now: datetime = START
    late_payment: LatePayment = LatePayment.RETAKE
    settings: dict[str, Any] = field(default_factory=dict)
    """What else the shop has decided."""
    mailer: Any = field(default_factory=Service)
    recall: Recall = field(default_factory=Recall)
    post: Queued = field(default_factory=Queued)
    """Messages of notifications to themselves."""

    # What a shop has.

    def product(
        self, sku: str, units: int = 0, kind: Kind = Kind.PHYSICAL, on_shortage: OnShortage = OnShortage.REJECT, **policies: Any
    ) -> None:
        self.stores.stock.levels.open(self.shop, sku)
        made = Product(
            shop=self.shop,
            sku=sku,
            title=f"The {sku}",
            kind=kind,
            price=Money(amount=1999, currency="EUR"),
            on_shortage=on_shortage,
            created_at=self.now,
            updated_at=self.now,
            **policies,
        )
        self.stores.products.save(made, over=None)
        if units and kind is Kind.DIGITAL:
            self.import_keys(sku, [f"{sku}-{number:04d}" for number in range(1, units + 1)], "first")
        elif units:
            self.restock(sku, units, "first")

    def restock(self, sku: str, units: int, document: str) -> None:
        command = booking.Receive(shop=self.shop, sku=sku, quantity=units, identity=f"restock#{document}", actor="test")
        booking.receive(command, store=self.stores.stock, now=self.now)

    def import_keys(self, sku: str, keys: list[str], batch: str) -> importing.Imported:
        command = importing.ImportKeys(shop=self.shop, sku=sku, keys=tuple(keys), batch=batch, actor="test")
        return importing.import_keys(command, store=self.stores.fulfilment, stock=self._stock_for_fulfilment, now=self.now)

    def level(self, sku: str, part: str = "0") -> Level:
        level = self.stores.stock.levels.level(LevelKey(shop=self.shop, sku=sku, part=part))
        assert level is not None
        return level

    def parts(self, sku: str) -> dict[str, Level]:
        return {key.part: level for key, level in shelves.look(self.shop, sku, levels=self.stores.stock.levels)[1].items()}

    def free(self, sku: str) -> int:
        return self.availability(sku)[sku]

    def availability(self, *skus: str) -> dict[str, int]:
        return shelves.availability(self.shop, skus, levels=self.stores.stock.levels, recall=self.recall, grace=GRACE, now=self.now)

    def shards(self, sku: str, count: int) -> Head:
        return layout.resize(self.shop, sku, count, pinned=True, store=self.stores.stock, now=self.now)

    # What a shopper does.

    def session(self, *lines: tuple[str, int]) -> Session:
        command = sessions.StartCheckout(shop=self.shop, lines=lines, email="ada@example.com")
        return sessions.start(command, sessions=self.stores.sessions, world=self.session_world).session

    def place(
        self, session: Session, key: str = "first", *, accept_partial: bool = False, provider: str = "sandbox", body: str = "same"
    ) -> checkout.Placed:
        command = checkout.PlaceOrder(
            shop=self.shop,
            session=session.id,
            identity=key,
            fingerprint=body,
            provider=provider,
            accept_partial=accept_partial,
            request_id="request",
        )
        return checkout.place(
            command,
            born_at(session.id),
            orders=self.stores.orders,
            sessions=self.stores.sessions,
            stock=self.stock_for_orders,
            payments=self.payments_for_orders,
            policies=self.policies,
            now=self.now,
        )

    def abandon(self, session: Session) -> None:
        desk = {"sessions": self.stores.sessions, "orders": self.stores.orders, "stock": self.stock_for_orders}
        sessions.abandon(session, born_at(session.id), **desk, now=self.now)

    def buy(self, *lines: tuple[str, int], accept_partial: bool = False) -> Order:
        """A placed order, paid at the provider; nobody has told us yet."""
        order = self.place(self.session(*lines), accept_partial=accept_partial).order
        self.at_provider(order, Action.PAY)
        return order

    def at_provider(self, order: Order, action: Action) -> None:
        book = getattr(self.stores.provider, "_book", self.stores.provider)  # the real sandbox's, or the one in memory
        book.act(order.payment.id, action, self.now)

    def pay_another_amount(self, order: Order, amount: int) -> None:
        """The shopper pays more or less than he was asked for. In memory only."""
        memory: Memory = self.stores.provider._memory
        paid = {"amount": amount, "status": News.SUCCEEDED, "changed_at": self.now}
        memory.change(("book", order.payment.id), lambda _: True, lambda book: book.model_copy(update=paid))

    def cancel(self, order: Order, actor: Actor = CUSTOMER) -> Order:
        command = cancelling.CancelOrder(shop=self.shop, order=order.id, reason=None, actor=actor)
        return cancelling.cancel(command, **self._desk, policies=self.policies, now=self.now)

    def refund(
        self, order: Order, kind: refunding.Kind = refunding.Kind.FULL, identity: str = "first", actor: Actor = STAFF, **what: Any
    ) -> Order:
        command = refunding.RefundOrder(
            shop=self.shop, order=order.id, identity=identity, kind=kind, reason="asked for", actor=actor, **what
        )
        return refunding.refund(command, **self._desk, now=self.now)

    def finish_refunds(self, order: Order) -> Order:
        """As the payments worker does when the bus tells of a refund that is due."""
        return settlement.finish_refunds(self.shop, order.id, world=self.finaliser, now=self.now)

    def again(self, order: Order) -> Order:
        """Staff have refunds that failed tried again."""
        return refunding.again(self.act(order), orders=self.stores.orders, now=self.now)

    def void(self, order: Order) -> bool:
        """As the payments worker does when the bus tells of a cancelled order."""
        return settlement.void_unpaid(self.shop, order.id, world=self.finaliser, now=self.now)

    def extend(self, order: Order) -> Order:
        return usecases.extend_hold(
            self.shop,
            order.id,
            orders=self.stores.orders,
            stock=self.stock_for_orders,
            policies=self.policies,
            commit=self.stores.commit,
            now=self.now,
            request_id="request",
        )

    # What staff do.

    def act(self, order: Order, actor: Actor = STAFF, **what: Any) -> staff.StaffAct:
        return staff.StaffAct(shop=self.shop, order=order.id, actor=actor, **what)

    def bring_to(self, order: Order, wanted: Status, actor: Actor = STAFF, **what: Any) -> Order:
        return staff.bring_to(self.act(order, actor), wanted, **what, orders=self.stores.orders, now=self.now)

    def accept(self, order: Order) -> Order:
        return staff.accept_payment(self.act(order), world=self.finaliser, now=self.now)

    def refuse(self, order: Order) -> Order:
        return staff.refuse_payment(self.act(order), world=self.finaliser, now=self.now)

    def edit(self, order: Order, *, expected: int | None = None, **changes: Any) -> Order:
        return staff.edit(self.act(order, expected=expected), changes, orders=self.stores.orders, now=self.now)

    def note(self, order: Order, text: str, identity: str) -> Order:
        return staff.add_note(self.act(order), text, identity, orders=self.stores.orders, now=self.now)

    def resend(self, order: Order, event: str | None = None, *, email: str | None = None) -> Order:
        return staff.resend(self.act(order), event, email=email, orders=self.stores.orders, now=self.now)

    def trouble(self, order: Order, identity: str = "first", reason: str = "lost on the way") -> Order:
        """A parcel of it did not arrive as it should."""
        return troubles.tell_of_trouble(self.act(order, reason=reason), identity, orders=self.stores.orders, now=self.now)

    def send_back(self, order: Order, lines: dict[str, int], identity: str = "first", actor: Actor = CUSTOMER) -> Order:
        """Announce a return."""
        command = returning.RequestReturn(shop=self.shop, order=order.id, identity=identity, lines=lines, reason=None, actor=actor)
        return returning.request(command, orders=self.stores.orders, policies=self.policies, now=self.now)

    def receive(self, order: Order, back: str, actor: Actor = STAFF, **what: Any) -> Order:
        command = returning.ReceiveReturn(shop=self.shop, order=order.id, identity=back, actor=actor, **what)
        return returning.receive(command, **self._desk, now=self.now)

    def act_on(self, key: str, identity: str = "first", reason: str | None = "it was sold elsewhere") -> revoking.Act:
        return revoking.Act(shop=self.shop, key=key, identity=identity, actor=STAFF, reason=reason)

    def revoke(self, key: str, identity: str = "first") -> LicenceKey:
        return revoking.revoke(self.act_on(key, identity), desk=self.key_desk, now=self.now)

    def replace(self, key: str, identity: str = "first") -> LicenceKey:
        return revoking.replace(self.act_on(key, identity), desk=self.key_desk, now=self.now)

    def bring_back(self, key: str, identity: str = "first") -> LicenceKey:
        return revoking.bring_back(self.act_on(key, identity), desk=self.key_desk, now=self.now)

    def index(self, order: Order) -> None:
        """As the worker does whose rows tell whose a key is."""
        vaults = VaultsForSearch(self.stores.fulfilment, self.stores.orders)
        indexing.index(self.shop, order.id, search=self.stores.search, orders=self.stores.orders, vaults=vaults)

    def key(self, sku: str, place: int) -> LicenceKey:
        (found,) = self.stores.fulfilment.vaults.keys(self.shop, sku, [place])
        return found

    # How news of money comes.

    def browser_returns(self, order: Order) -> settlement.Settled | None:
        fact = fact_of(self.stores.provider.status(order.payment.id), "sandbox")
        return settlement.settle(fact, world=self.finaliser, now=self.now) if fact else None

    def webhook(self, order: Order, *, amount: int | None = None) -> ProviderEvent:
        """The provider's event of the payment as it is there, stored in our inbox."""
        fact: ProviderFact = self.stores.provider.status(order.payment.id)
        if amount is not None:
            fact = fact.model_copy(update={"amount": amount})
        identity = f"evt-{order.payment.id}-{fact.news}-{fact.amount}"
        event = ProviderEvent(id=identity, shop=self.shop, provider="sandbox", type=fact.news, fact=fact, raw="{}", received_at=self.now)
        return self.stores.inbox.add(event)

    def work_at(self, event: ProviderEvent) -> settlement.Settled:
        """As the payments worker does with a message that names the event."""
        found = self.stores.inbox.get(self.shop, event.provider, event.id)
        assert found is not None
        fact = fact_of(found.fact, found.provider, event=found)
        assert fact is not None
        settled = settlement.settle(fact, world=self.finaliser, now=self.now)
        if settled.outcome is settlement.Outcome.IGNORED and found.state == "received":
            working.ended(found, EventState.IGNORED, settled.reason, inbox=self.stores.inbox, now=self.now)
        return settled

    def fact(self, order: Order, kind: FactKind = FactKind.SUCCEEDED, **changes: Any) -> PaymentFact:
        told = {"amount": order.amount, "currency": order.currency, "payment": order.payment.id, **changes}
        return PaymentFact(shop=self.shop, order=order.id, provider="sandbox", kind=kind, actor=PROVIDER, **told)

    def settle(self, fact: PaymentFact) -> settlement.Settled:
        return settlement.settle(fact, world=self.finaliser, now=self.now)

    # What workers and schedules do.

    def serve(self, order: Order) -> None:
        serving.serve(self.shop, order.id, world=self.fulfilment_world, now=self.now)

    def feed(self, sku: str) -> int:
        """As the worker does it whose message comes back until there is nothing more to do."""
        given, now = 0, self.now
        while True:
            meal = feeding.feed(self.shop, sku, world=self.fulfilment_world, now=now)
            given += meal.units
            if meal.again_in is None:
                return given
            now += meal.again_in

    def tell_delays(self, most: int = delays.MOST) -> delays.Told:
        promised = timedelta(hours=self.policies.terms(self.shop).waiting.promised_hours)
        orders = OrdersForFulfilment(self.stores.orders)
        return delays.tell(self.shop, promised, store=self.stores.fulfilment, orders=orders, now=self.now, most=most)

    def forget(self, order: Order) -> None:
        serving.forget(self.shop, order.id, world=self.fulfilment_world)

    def sweep(self) -> int:
        freed = 0
        for lock in releasing.plan_sweep([self.shop], store=self.stores.stock, grace=GRACE, now=self.now):
            freed += releasing.expire_lock(
                lock, store=self.stores.stock, orders=OrdersForSweep(self.stores.orders), grace=GRACE, now=self.now
            )
        return freed

    def tell(self, order: Order, event: Any) -> list[Attempted]:
        self.post.now = self.now
        return telling.hear(tellable(order, event), office=self.office, now=self.now)

    def work_post(self, message: dict[str, Any]) -> None:
        """As the notifications worker does with a message that is no event."""
        self.post.now = self.now
        if message["kind"] == "tell":
            telling.tell(Notice.model_validate(message["notice"]), office=self.office, now=self.now)
        else:
            sending.send(message["shop"], message["notification"], office=self.office, now=self.now)

    # What is there now.

    def order(self, order: Order) -> Order:
        return usecases.read(self.shop, order.id, orders=self.stores.orders)

    def keys_of(self, order: Order) -> list[str]:
        return [key.key for key in KeysOfOrders(self.stores.fulfilment, self.stores.orders)(self.shop, order.id)]

    # Plugs.

    @property
    def _desk(self) -> dict[str, Any]:
        return {"orders": self.stores.orders, "stock": self.stock_for_orders, "commit": self.stores.commit}

    @property
    def stock_for_orders(self) -> StockForOrders:
        return StockForOrders(self.stores.stock, GRACE, self.recall)

    @property
    def session_world(self) -> sessions.World:
        return sessions.World(
            CatalogueForOrders(self.stores.products, 1000, lambda: self.now), self.stock_for_orders, self.policies, self.now
        )

    @property
    def payments_for_orders(self) -> PaymentsForOrders:
        return PaymentsForOrders(self.stores.inbox, self._provider, self._provider)

    def _provider(self, _: str, name: str) -> Provider:
        if name != "sandbox":
            raise UnknownProvider
        provider: Provider = self.stores.provider
        return provider

    @property
    def policies(self) -> ShopPolicies:
        shop = Shop(id=self.shop, name="Demo", currency="EUR", late_payment=self.late_payment, created_at=START, **self.settings)
        return ShopPolicies(lambda _: shop, HOLD)

    @property
    def finaliser(self) -> Finaliser:
        return Finaliser(self.stores.orders, self.stock_for_orders, self.payments_for_orders, self.policies, self.stores.commit)

    @property
    def fulfilment_world(self) -> FulfilmentWorld:
        orders = OrdersForFulfilment(self.stores.orders)
        return FulfilmentWorld(self.stores.fulfilment, orders, self._stock_for_fulfilment, SharingOfShops(self.policies.shop))

    @property
    def key_desk(self) -> revoking.Desk:
        owners = OwnersOfKeys(self.stores.search, self.stores.orders)
        return revoking.Desk(self.stores.fulfilment, owners, self._stock_for_fulfilment)

    @property
    def _stock_for_fulfilment(self) -> StockForFulfilment:
        return StockForFulfilment(self.stores.stock, GRACE)

    @property
    def office(self) -> PostOffice:
        store = self.stores.notifications
        writer = LetterWriter(
            orders=self.stores.orders,
            keys=KeysOfOrders(self.stores.fulfilment, self.stores.orders),
            product=self.stores.products.get,
            shop=self.policies.shop,
            preferences=store.preferences,
            links=Links(
                "http://shop.test",
                "http://api.test",
                lambda *_: "token",
                lambda *_: "checkout-token",
                lambda *_: "preferences-token",
                lambda *_: "unsubscribe-token",
            ),
            texts=False,
            clock=lambda: self.now,
        )
        senders = {Channel.EMAIL: self.mailer, Channel.IN_APP: InAppSender(store)}
        return PostOffice(store, writer, render, senders, self.post, lambda below: below // 2)
