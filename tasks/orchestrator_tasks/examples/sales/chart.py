"""Draws the report's pictures as SVG: a column a day, stacked by region, and a small line a region."""

from __future__ import annotations

from datetime import date
from html import escape
from math import ceil, log10

COLOURS = ("#2f6690", "#3a9188", "#d99a3d", "#bf5b45", "#7b6a94")
WIDTH, HEIGHT = 960, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 12, 44


def colours(regions: list[str]) -> dict[str, str]:
    """Return each region's colour, the same in all pictures."""
    return {region: COLOURS[at % len(COLOURS)] for at, region in enumerate(sorted(regions))}


def draw(days: list[str], revenue: dict[str, list[float]]) -> str:
    """Return the columns: one a day, stacked by region; each part shows its figure when the mouse is over it."""
    totals = [sum(by_day[at] for by_day in revenue.values()) for at in range(len(days))]
    step = _step(max(totals) / 4)
    top = ceil(max(totals) / step) * step
    scale = (HEIGHT - TOP - BOTTOM) / top
    ground = HEIGHT - BOTTOM
    slot = (WIDTH - LEFT - RIGHT) / len(days)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Revenue by day and region" font-family="inherit" font-size="12" fill="currentColor">'
    ]
    for tick in range(int(top / step) + 1):
        y = ground - tick * step * scale
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            f'opacity="{0.35 if tick == 0 else 0.1}"/>'
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" opacity=".6">{_thousands(tick * step)}</text>'
        )
    paint = colours(list(revenue))
    for at, day in enumerate(days):
        x, y = LEFT + at * slot + slot * 0.14, float(ground)
        faded = "" if at == len(days) - 1 else ' opacity=".78"'
        parts.append(f"<g{faded}>")
        for region in sorted(revenue):
            height = revenue[region][at] * scale
            y -= height
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{slot * 0.72:.1f}" height="{max(0, height - 0.8):.1f}" rx="1.5" '
                f'fill="{paint[region]}"><title>{escape(region)}, {day}: € {revenue[region][at]:,.0f}</title></rect>'
            )
        parts.append("</g>" + _day_label(date.fromisoformat(day), x + slot * 0.36, ground, at == 0))
    return "".join(parts) + "</svg>\n"


def _day_label(day: date, x: float, ground: int, first: bool) -> str:
    """Return the day's number below its column, and the month's name below each Monday."""
    weight = ' font-weight="600"' if day.weekday() >= 5 else ' opacity=".6"'
    label = f'<text x="{x:.1f}" y="{ground + 17}" text-anchor="middle"{weight}>{day.day}</text>'
    if first or day.weekday() == 0:
        label += f'<text x="{x - 6:.1f}" y="{ground + 35}" opacity=".6">week {day.isocalendar().week}</text>'
    return label


def sparkline(values: list[float], colour: str) -> str:
    """Return a small line of the values, its last point marked."""
    width, height, low = 120, 26, min(values)
    across = (width - 6) / max(1, len(values) - 1)
    up = (height - 8) / ((max(values) - low) or 1)
    points = [(3 + at * across, height - 4 - (value - low) * up) for at, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/></svg>'
    )


def _step(least: float) -> float:
    """Return the next round number: 1, 2 or 5 times a power of ten."""
    power = 10 ** int(log10(max(least, 1)))
    return next(float(power * factor) for factor in (1, 2, 5, 10) if power * factor >= least)


def _thousands(amount: float) -> str:
    return f"{amount / 1000:g}k" if amount else "€ 0"
