"""Draws the states of an order and the steps between them: docs/pictures/order-states.svg.

Where things stand is placed by hand; what there is comes from the table. A test finds a state without a place, a step without a line and
a line without a step.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from holdfast.orders import machine, rules
from holdfast.orders.model import Status

Point = tuple[int, int]
WIDTH, HEIGHT = 1212, 878
NODE, CORNER = 38, 12
AWAITED, AT_WORK, HANDED_OVER = "money may come", "at work", "handed over"
THERE, IN_HAND, ON_THEIR_WAY, CLOSED = "there, or partly", "in hand", "on their way", "closed"

# Light first; readers with a dark page get the second set.
STYLE = """
svg { --paper: #fbfcfa; --edge: #dde4df; --ink: #14211d; --soft: #5a6b64; --line: #4b5c55; --back: #a4551e;
  --await: #fdf1d3; --await-edge: #d9b65c; --work: #dcecf6; --work-edge: #7fb0cf; --over: #d9f0e2; --over-edge: #6fb892;
  --end: #e9e6e1; --end-edge: #b5aea2; --frame: #f3f6f3 }
@media (prefers-color-scheme: dark) {
  svg { --paper: #111917; --edge: #26332f; --ink: #e8f0ec; --soft: #93a59d; --line: #a9bab2; --back: #f0a36a;
    --await: #3b3015; --await-edge: #8d7433; --work: #14303f; --work-edge: #3f7695; --over: #143526; --over-edge: #3c8660;
    --end: #2b2a27; --end-edge: #6d685e; --frame: #16211e }
}
text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink) }
.paper { fill: var(--paper); stroke: var(--edge) }
.heading { font-size: 21px; font-weight: 650; letter-spacing: -0.01em }
.frame { fill: var(--frame); stroke: var(--edge) } .inner { fill: none; stroke: var(--soft); stroke-dasharray: 2 4 }
.title { font-size: 12px; font-weight: 650; fill: var(--soft); letter-spacing: 0.06em; text-transform: uppercase }
.node { stroke-width: 1.25 } .name { font-size: 14px; font-weight: 600; text-anchor: middle }
.await { fill: var(--await); stroke: var(--await-edge) } .work { fill: var(--work); stroke: var(--work-edge) }
.over { fill: var(--over); stroke: var(--over-edge) } .end { fill: var(--end); stroke: var(--end-edge) }
.line { fill: none; stroke: var(--line); stroke-width: 1.4 } .back { stroke: var(--back); stroke-dasharray: 6 4 }
.tip { fill: var(--line) } .tip.back { fill: var(--back) }
.step { font: 12.5px ui-monospace, SFMono-Regular, Menlo, monospace; paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
.framed { stroke: var(--frame) } .soft { font-size: 13px; fill: var(--soft) }
"""


class Frame(NamedTuple):
    """States that some steps treat alike. `inner`: a frame within another."""

    states: frozenset[Status]
    left: int
    top: int
    right: int
    bottom: int
    inner: bool = False


class Label(NamedTuple):
    x: int
    y: int
    anchor: str = "start"
    stacked: bool = False


class Line(NamedTuple):
    """`source` and `target` are states, or frames: from each state in it that takes the step, to one of those in it."""

    steps: tuple[str, ...]
    source: Status | str
    target: Status | str
    points: tuple[Point, ...]
    label: Label | None = None


PLACES: dict[Status, Point] = {
    Status.PENDING_PAYMENT: (150, 179),
    Status.PAYMENT_FAILED: (430, 138),
    Status.EXPIRED: (430, 224),
    Status.PAYMENT_REVIEW: (750, 179),
    Status.PAID: (150, 452),
    Status.PROCESSING: (410, 380),
    Status.PARTIALLY_FULFILLED: (410, 452),
    Status.AWAITING_STOCK: (410, 552),
    Status.PICKING: (740, 380),
    Status.PACKED: (740, 452),
    Status.SHIPPED: (200, 726),
    Status.DELIVERED: (362, 726),
    Status.COMPLETED: (572, 726),
    Status.PARTIALLY_REFUNDED: (800, 726),
    Status.CANCELLED: (1068, 345),
    Status.REFUNDED: (1068, 552),
}
FRAMES = {
    AWAITED: Frame(rules.LATE, 32, 64, 912, 264),
    AT_WORK: Frame(machine.AT_WORK, 32, 318, 912, 596),
    HANDED_OVER: Frame(machine.HANDED_OVER, 32, 652, 912, 778),
    THERE: Frame(frozenset({Status.PROCESSING, Status.PARTIALLY_FULFILLED}), 308, 346, 512, 486, inner=True),
    IN_HAND: Frame(frozenset({Status.PICKING, Status.PACKED}), 664, 346, 816, 486, inner=True),
    ON_THEIR_WAY: Frame(rules.ON_THEIR_WAY, 138, 692, 430, 760, inner=True),
    CLOSED: Frame(rules.CLOSED, 508, 692, 898, 760, inner=True),
}
LINES = (
    Line(("pay",), AWAITED, Status.PAID, ((150, 264), (150, 433)), Label(160, 296)),
    Line(("fail",), Status.PENDING_PAYMENT, Status.PAYMENT_FAILED, ((226, 171), (358, 142)), Label(278, 147)),
    Line(("expire",), Status.PENDING_PAYMENT, Status.EXPIRED, ((226, 188), (386, 220)), Label(278, 220)),
    Line(("review",), Status.PENDING_PAYMENT, Status.PAYMENT_REVIEW, ((228, 179), (676, 179)), Label(430, 174, "middle")),
    Line(("review",), Status.PAYMENT_FAILED, Status.PAYMENT_REVIEW, ((502, 142), (676, 172)), Label(590, 147, "middle")),
    Line(("review",), Status.EXPIRED, Status.PAYMENT_REVIEW, ((474, 220), (676, 186)), Label(590, 220, "middle")),
    Line(("cancel",), Status.PENDING_PAYMENT, Status.CANCELLED, ((150, 160), (150, 106), (1068, 106), (1068, 326)), Label(926, 122)),
    Line(("cancel_review",), Status.PAYMENT_REVIEW, Status.CANCELLED, ((823, 179), (1036, 179), (1036, 326)), Label(926, 173)),
    Line(("give_back", "return_money"), AWAITED, Status.REFUNDED, ((912, 82), (1182, 82), (1182, 552), (1115, 552)), Label(926, 75)),
    Line(("serve",), Status.PAID, THERE, ((181, 452), (308, 452)), Label(244, 446, "middle")),
    Line(("serve",), Status.PAID, Status.AWAITING_STOCK, ((150, 471), (150, 552), (340, 552)), Label(244, 546, "middle")),
    Line(("feed",), Status.AWAITING_STOCK, THERE, ((410, 533), (410, 486)), Label(420, 514)),
    Line(("feed",), Status.PARTIALLY_FULFILLED, Status.PROCESSING, ((410, 433), (410, 399)), Label(420, 421)),
    Line(("pick",), THERE, Status.PICKING, ((512, 380), (697, 380)), Label(588, 374, "middle")),
    Line(("put_back",), IN_HAND, THERE, ((664, 428), (512, 428)), Label(588, 422, "middle")),
    Line(("ship",), IN_HAND, Status.PARTIALLY_FULFILLED, ((664, 460), (500, 460)), Label(588, 476, "middle")),
    Line(("pack",), Status.PICKING, Status.PACKED, ((740, 399), (740, 433)), Label(750, 421)),
    Line(("ship",), AT_WORK, Status.SHIPPED, ((200, 596), (200, 707)), Label(210, 630)),
    Line(("serve", "feed"), AT_WORK, HANDED_OVER, ((703, 596), (703, 652)), Label(713, 630)),
    Line(("deliver",), Status.SHIPPED, Status.DELIVERED, ((243, 726), (311, 726)), Label(277, 720, "middle")),
    Line(("complete",), ON_THEIR_WAY, CLOSED, ((430, 726), (508, 726)), Label(469, 720, "middle")),
    Line(("refund_part",), Status.COMPLETED, Status.PARTIALLY_REFUNDED, ((623, 726), (715, 726)), Label(668, 720, "middle")),
    Line(("cancel_paid",), AT_WORK, Status.CANCELLED, ((912, 345), (1017, 345)), Label(962, 339, "middle")),
    Line(
        ("give_back", "refund", "return_money"),
        Status.CANCELLED,
        Status.REFUNDED,
        ((1068, 364), (1068, 533)),
        Label(1078, 436, stacked=True),
    ),
    Line(("refund", "return_money"), AT_WORK, Status.REFUNDED, ((912, 552), (1021, 552)), Label(964, 530, "middle", stacked=True)),
    Line(
        ("refund", "return_money"),
        HANDED_OVER,
        Status.REFUNDED,
        ((912, 726), (1068, 726), (1068, 571)),
        Label(964, 704, "middle", stacked=True),
    ),
)
IN_WORDS = {
    "refund_part": "refund_part leaves an order in the state that follows from the lines that are left.",
    "charge_back": "charge_back, a bank took the money, leads where return_money leads.",
}
"""Steps that may lead nearly anywhere: told below the picture, and drawn only where they are all that happens."""
NOTES = (
    "An arrow from a frame starts at each state in it that takes the step; one to a frame ends where the order's lines lead.",
    "Dashed: the named ways back. Keys are handed over as soon as they are there: serve and feed may close an order.",
    *IN_WORDS.values(),
)


def draw() -> str:
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(spoken())}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="14"/>',
        _text(32, 42, "What may become of an order", "heading"),
        *(part for title, frame in FRAMES.items() for part in _frame(title, frame)),
        *(part for line in LINES for part in _line(line)),
        *(part for status, place in PLACES.items() for part in _node(status, place)),
        *(_text(32, 804 + 19 * number, note, "soft") for number, note in enumerate(NOTES)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def spoken() -> str:
    return f"The {len(PLACES)} states of an order and the {len(machine.STEPS)} steps between them, as the table of steps has them."


def members(place: Status | str) -> frozenset[Status]:
    return frozenset({place}) if isinstance(place, Status) else FRAMES[place].states


def width(status: Status) -> int:
    return round(len(status) * 7.9) + 34


def _frame(title: str, frame: Frame) -> Iterator[str]:
    style = "inner" if frame.inner else "frame"
    size = f'width="{frame.right - frame.left}" height="{frame.bottom - frame.top}"'
    yield f'<rect class="{style}" x="{frame.left}" y="{frame.top}" {size} rx="12"/>'
    if not frame.inner:
        yield _text(frame.left + 16, frame.top + 24, title, "title")


def _node(status: Status, place: Point) -> Iterator[str]:
    x, y = place
    wide = width(status)
    at = f'x="{x - wide / 2:g}" y="{y - NODE / 2:g}" width="{wide}" height="{NODE}" rx="{NODE // 2}"'
    yield f'<rect class="node {_kind(status)}" {at}/>'
    yield _text(x, y + 5, status.replace("_", " "), "name")


def _kind(status: Status) -> str:
    kinds = {AWAITED: "await", AT_WORK: "work", HANDED_OVER: "over"}
    return next((kind for title, kind in kinds.items() if status in FRAMES[title].states), "end")


def _line(line: Line) -> Iterator[str]:
    back = " back" if machine.TABLE[line.steps[0]].back else ""
    yield f'<path class="line{back}" d="{_path(line.points)}"/>'
    yield f'<path class="tip{back}" d="{_tip(*line.points[-2:])}"/>'
    if line.label:
        names = line.steps if line.label.stacked else [", ".join(line.steps)]
        style = "step framed" if _inside(line.label) else "step"
        for row, name in enumerate(names):
            yield _text(line.label.x, line.label.y + 15 * row, name, style, line.label.anchor)


def _inside(label: Label) -> bool:
    """Of a frame: its ground is the label's."""
    return any(frame.left < label.x < frame.right and frame.top < label.y < frame.bottom for frame in FRAMES.values())


def _path(points: Sequence[Point]) -> str:
    """Straight, with round corners."""
    parts = [f"M{points[0][0]} {points[0][1]}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (ax, ay), (bx, by) = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{ax:g} {ay:g}Q{corner[0]} {corner[1]} {bx:g} {by:g}")
    return "".join([*parts, f"L{points[-1][0]} {points[-1][1]}"])


def _towards(start: Point, end: Point, by: float = CORNER) -> tuple[float, float]:
    """The point so far from `start` on the way to `end`."""
    length = max(((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5, 1)
    return round(start[0] + (end[0] - start[0]) * by / length, 1), round(start[1] + (end[1] - start[1]) * by / length, 1)


def _tip(before: Point, end: Point) -> str:
    x, y = _towards(end, before, 9)
    sideways = (end[1] - y) * 0.45, (x - end[0]) * 0.45
    return f"M{end[0]} {end[1]}L{x + sideways[0]:.1f} {y + sideways[1]:.1f}L{x - sideways[0]:.1f} {y - sideways[1]:.1f}Z"


def _text(x: int, y: int, words: str, style: str, anchor: str = "start") -> str:
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text class="{style}" x="{x}" y="{y}"{where}>{escape(words)}</text>'
