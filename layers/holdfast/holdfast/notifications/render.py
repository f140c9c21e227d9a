"""Letters become mails: Jinja2 with escaping in the HTML part, plain text beside it."""

from functools import cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

from holdfast.notifications.model import Letter, Mail

SUBJECTS = {
    "completed": "Your order {number} is complete",
    "partial_delivery": "Part of your order {number} is here",
    "awaiting_stock": "Your order {number} is paid and waits for stock",
    "additional_keys": "What you waited for is here: order {number}",
    "late_payment": "Your payment for order {number} came late",
    "cancelled": "Your order {number} is cancelled",
    "payment_failed": "Your payment for order {number} did not go through",
    "partial_refund": "A part of your money for order {number} is on its way back",
    "refunded": "Your money for order {number} is on its way back",
    "second_payment": "A second payment for order {number} is on its way back",
}


def render(letter: Letter) -> Mail:
    html = _environment().get_template(f"{letter.template}.html").render(letter=letter)
    text = _environment().get_template(f"{letter.template}.txt").render(letter=letter)
    return Mail(to=letter.to, subject=SUBJECTS[letter.template].format(number=letter.number), html=html, text=text)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,  # a misspelt name fails the test that renders it, not silently the mail
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    return (resources.files("holdfast.notifications") / "templates" / name).read_text("utf-8")
