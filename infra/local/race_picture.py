"""Draws the race as one SVG for the README: a bar per buyer from asking to being answered, and the books at the end."""

from __future__ import annotations

from html import escape
from math import ceil

from .story import Buyer, Race

WIDTH, MARGIN = 880, 32
TOP, ROW, BELOW = 136, 2.0, 92
PLOT = WIDTH - 2 * MARGIN

# Light first; readers with a dark page get the second set.
STYLE = """
svg { --paper: #fbfcfa; --edge: #dde4df; --ink: #14211d; --soft: #5a6b64; --won: #0b7a66; --lost: #c9b8a4; --grid: #e9eeea }
@media (prefers-color-scheme: dark) {
  svg { --paper: #111917; --edge: #26332f; --ink: #e8f0ec; --soft: #93a59d; --won: #4fd1b0; --lost: #5d5347; --grid: #1c2724 }
}
text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink) }
.paper { fill: var(--paper); stroke: var(--edge) }
.title { font-size: 24px; font-weight: 650; letter-spacing: -0.01em }
.soft { font-size: 13px; fill: var(--soft) }
.figure { font-size: 20px; font-weight: 650; font-variant-numeric: tabular-nums }
.won { fill: var(--won) } .lost { fill: var(--lost) } .grid { stroke: var(--grid) }
"""


def draw(race: Race) -> str:
    rows = sorted(race.buyers, key=lambda buyer: (buyer.began, buyer.ended))
    height = TOP + ceil(len(rows) * ROW) + BELOW
    scale = PLOT / race.seconds
    parts = [
        opening(race, height),
        f"<style>{STYLE}</style>",
        f'<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"/>',
        *heading(race),
        *grid(race.seconds, scale, height),
        *(bar(row, number, scale) for number, row in enumerate(rows)),
        *books(race, height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def opening(race: Race, height: int) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(spoken(race))}">'


def spoken(race: Race) -> str:
    return (
        f"{len(race.buyers)} buyers asked for {race.units} units in {race.seconds:.1f} seconds: {race.orders} orders, "
        f"{race.sold_out} were told that it is sold out, {race.faults} errors."
    )


def heading(race: Race) -> list[str]:
    return [
        text(MARGIN, 48, f"{len(race.buyers)} buyers, {race.units} units, {race.orders} orders", "title"),
        text(
            MARGIN,
            72,
            f"Each line is one buyer, from asking to being answered, over HTTP against the local stack ({race.seconds:.1f} s).",
            "soft",
        ),
        f'<rect class="won" x="{MARGIN}" y="94" width="14" height="14" rx="3"/>',
        text(MARGIN + 22, 106, f"{race.orders} orders", "soft"),
        f'<rect class="lost" x="{MARGIN + 110}" y="94" width="14" height="14" rx="3"/>',
        text(MARGIN + 132, 106, f"{race.sold_out} told that it is sold out", "soft"),
    ]


def grid(seconds: float, scale: float, height: int) -> list[str]:
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30) if seconds / step <= 8 or step == 30)
    ticks = [number * step for number in range(int(seconds / step) + 1)]
    found = []
    for tick in ticks:
        x = MARGIN + tick * scale
        found.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - BELOW + 6}"/>')
        found.append(text(x, height - BELOW + 22, f"{tick:g} s", "soft", "middle" if tick else "start"))
    return found


def bar(buyer: Buyer, number: int, scale: float) -> str:
    x, width = MARGIN + buyer.began * scale, max((buyer.ended - buyer.began) * scale, 1.5)
    kind = "won" if buyer.status == 201 else "lost"
    return f'<rect class="{kind}" x="{x:.1f}" y="{TOP + number * ROW:.1f}" width="{width:.1f}" height="{ROW - 0.4:.1f}"/>'


def books(race: Race, height: int) -> list[str]:
    level, y = race.level, height - 26
    sentence = f"on hand {level['on_hand']}  =  available {level['available']}  +  held {level['locked']}"
    return [text(MARGIN, y, sentence, "figure"), text(WIDTH - MARGIN, y, f"{race.faults} server errors", "figure", "end")]


def text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y}" text-anchor="{anchor}" xml:space="preserve">{escape(words)}</text>'
