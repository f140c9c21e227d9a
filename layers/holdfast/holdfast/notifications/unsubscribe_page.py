"""The page behind a mail's unsubscribe link. Looking at it changes nothing: programs open links, too. Its one button does."""

import base64
import hashlib
import html
from collections.abc import Mapping
from typing import NamedTuple

from holdfast.notifications.kinds import Topic


class Words(NamedTuple):
    """`ask` and `done` get what it is about."""

    ask: str
    button: str
    done: str
    topics: Mapping[Topic, str]


WORDS: Mapping[str, Words] = {
    "en": Words(
        ask="Do you want no more mail about {topic}?",
        button="Unsubscribe",
        done="You will get no more mail about {topic}. Mail about your orders still comes.",
        topics={Topic.REMINDER: "orders that are about to expire", Topic.BACK_IN_STOCK: "products that are back in stock"},
    ),
    "de": Words(
        ask="Möchten Sie keine E-Mails mehr über {topic}?",
        button="Abbestellen",
        done="Sie erhalten keine E-Mails mehr über {topic}. E-Mails zu Ihren Bestellungen kommen weiterhin.",
        topics={Topic.REMINDER: "bald ablaufende Bestellungen", Topic.BACK_IN_STOCK: "wieder verfügbare Produkte"},
    ),
}
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1.25rem}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#1f5f4a;color:#fff}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


def page(shop_name: str, topic: Topic, language: str, *, off: bool) -> str:
    """With its button, or, where the topic is switched off, without."""
    words = WORDS[language]
    button = f'<form method="post"><button>{words.button}</button></form>'
    name, told = html.escape(shop_name), html.escape(sentence(topic, language, off=off))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><style>{STYLE}</style></head>'
        f"<body><main><h1>{name}</h1><p>{told}</p>{'' if off else button}</main></body></html>"
    )


def sentence(topic: Topic, language: str, *, off: bool) -> str:
    words = WORDS[language]
    return (words.done if off else words.ask).format(topic=words.topics[topic])
