"""What a provider says of a payment now; and money that a shopper only agreed to is collected, once, if its order can use it."""

from collections.abc import Callable

from holdfast.kernel.money import Money
from holdfast.payments.errors import PaymentStateConflict
from holdfast.payments.model import News, ProviderFact, Standing
from holdfast.payments.ports import Provider


def truth(payment: str, *, provider: Provider, standing: Callable[[ProviderFact], Standing | None]) -> ProviderFact:
    """`payment` by any of its names; `standing` answers how the order stands that the provider names. PaymentUnknown."""
    news = provider.status(payment)
    if news.news is not News.AUTHORIZED or not collectable(news, standing(news)):
        return news
    money = Money(amount=news.amount, currency=news.currency)
    try:
        return provider.capture(news.payment, money, f"{news.order}#capture")
    except PaymentStateConflict:
        return provider.status(payment)  # somebody else collected it meanwhile, or it was given up


def collectable(news: ProviderFact, standing: Standing | None) -> bool:
    """What nobody collects goes back by itself."""
    return news.news is News.AUTHORIZED and standing is not None and standing.usable and standing.meant_by(news)
