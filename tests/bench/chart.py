"""A bar chart as SVG: each figure against its goal, on a logarithmic axis."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

PLOT, ROW, TOP = 300, 22, 44
LETTER = 6.8  # px, of an average letter; the font is the reader's
FONT = 'font-family="system-ui, sans-serif" font-size="12"'


class Bar(NamedTuple):
    """One row. `share` is how often the goal was reached: 2.0 is twice as good."""

    label: str
    low: float
    share: float
    high: float
    text: str


def svg(title: str, bars: Sequence[Bar]) -> str:
    """The picture. The line in the middle is the goal; right of it is better."""
    most = max((abs(math.log10(x)) for bar in bars for x in (bar.low, bar.high)), default=1)
    reach = max(0.3, min(2.0, most))
    label = 16 + round(LETTER * max((len(bar.label) for bar in bars), default=0))
    value = 16 + round(LETTER * max((len(bar.text) for bar in bars), default=0))
    width, height = label + PLOT + value, TOP + ROW * len(bars) + 12

    def x(share: float) -> float:
        return label + PLOT / 2 * (1 + max(-1.0, min(1.0, math.log10(share) / reach)))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="18" {FONT} font-weight="bold">{escape(title)}</text>',
        *_scale(x, reach, height),
    ]
    for number, bar in enumerate(bars):
        y = TOP + ROW * number
        colour = "#2a7f62" if bar.share >= 1 else "#b5473c"
        left, right = sorted((x(1), x(bar.share)))
        parts += [
            f'<text x="{label - 8}" y="{y + 14}" text-anchor="end" {FONT}>',
            f"{escape(bar.label)}</text>",
            f'<rect x="{left:.1f}" y="{y + 3}" width="{max(1.0, right - left):.1f}" height="14"',
            f'fill="{colour}"/>',
            f'<line x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{y + 10}" y2="{y + 10}"',
            'stroke="#222" stroke-width="1.5"/>',
            f'<text x="{label + PLOT + 8}" y="{y + 14}" {FONT}>{escape(bar.text)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _scale(x: Callable[[float], float], reach: float, height: int) -> list[str]:
    parts = []
    for share in (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100):
        if abs(math.log10(share)) > reach:
            continue
        colour = "#222" if share == 1 else "#ddd"
        text = "goal" if share == 1 else f"{share:g}x"
        parts.append(
            f'<line x1="{x(share):.1f}" x2="{x(share):.1f}" y1="{TOP - 4}" y2="{height - 8}" '
            f'stroke="{colour}"/>'
            f'<text x="{x(share):.1f}" y="{TOP - 8}" text-anchor="middle" {FONT}>{text}</text>'
        )
    return parts
