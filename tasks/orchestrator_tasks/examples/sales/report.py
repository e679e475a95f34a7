"""Writes the report as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from datetime import date
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from orchestrator_tasks.examples.sales.chart import colours, sparkline

WEEK = 7
Row = dict[str, Any]


def render(day: str, figures: Row, chart: str, best: list[Row], quality: Row) -> str:
    """Return the page for a day."""
    page = Template((files(__package__) / "report.html").read_text(encoding="utf-8"))
    first, last = date.fromisoformat(figures["days"][0]), date.fromisoformat(day)
    return page.substitute(
        title=f"Nightly sales, {day}",
        day=f"{last:%A}, {last.day} {last:%B %Y}",
        period=f"{first.day} {first:%B} – {last.day} {last:%B %Y}",
        tiles=_tiles(figures),
        legend=_legend(list(figures["revenue"])),
        chart=chart,
        regions=_regions(figures),
        products=_products(best),
        quality=_quality(quality),
        reasons=_reasons(quality["reasons"]),
        rejected=_rejected(quality["rejected"]),
        rejected_count=_count(len(quality["rejected"])),
    )


def _tiles(figures: Row) -> str:
    by_day = [sum(day) for day in zip(*figures["revenue"].values(), strict=True)]
    orders = [sum(day) for day in zip(*figures["orders"].values(), strict=True)]
    average = by_day[-1] / orders[-1] if orders[-1] else 0
    tiles = (
        ("Revenue", _euros(by_day[-1]), _change(by_day)),
        ("Orders", _count(orders[-1]), _change([float(count) for count in orders])),
        ("Average order", f"€ {average:,.2f}", ""),
        (f"Revenue, {len(by_day)} days", _euros(sum(by_day)), f"{_euros(sum(by_day) / len(by_day))} a day"),
    )
    return "".join(
        f'<div class="tile"><span>{label}</span><strong>{value}</strong><small>{note}</small></div>'
        for label, value, note in tiles
    )


def _change(by_day: list[float]) -> str:
    """Return the change against the same weekday a week ago."""
    if len(by_day) <= WEEK or not by_day[-1 - WEEK]:
        return ""
    change = by_day[-1] / by_day[-1 - WEEK] - 1
    kind = "up" if change >= 0 else "down"
    return f'<b class="{kind}">{"▲" if change >= 0 else "▼"} {abs(change):.1%}</b> on a week ago'


def _legend(regions: list[str]) -> str:
    return "".join(
        f'<span><i style="background:{colour}"></i>{escape(region)}</span>'
        for region, colour in colours(regions).items()
    )


def _regions(figures: Row) -> str:
    paint = colours(list(figures["revenue"]))
    rows = [
        (region, by_day, figures["orders"][region], paint[region])
        for region, by_day in sorted(figures["revenue"].items(), key=lambda item: -item[1][-1])
    ]
    all_revenue = [sum(day) for day in zip(*figures["revenue"].values(), strict=True)]
    all_orders = [sum(day) for day in zip(*figures["orders"].values(), strict=True)]
    rows.append(("all", all_revenue, all_orders, "currentColor"))
    return "".join(
        f"<tr><th>{escape(region)}</th><td>{_euros(by_day[-1])}</td><td>{by_day[-1] / (all_revenue[-1] or 1):.0%}</td>"
        f"<td>{_count(orders[-1])}</td><td>{_euros(sum(by_day))}</td>"
        f'<td class="spark">{sparkline(by_day, colour)}</td></tr>'
        for region, by_day, orders, colour in rows
    )


def _products(best: list[Row]) -> str:
    most = max((row["revenue"] for row in best), default=1)
    return "".join(
        f"<tr><th>{escape(row['name'])}<small>{escape(row['category'])}</small></th><td>{_count(row['units'])}</td>"
        f"<td>{_euros(row['revenue'])}</td>"
        f'<td class="bar"><i style="width:{100 * row["revenue"] / most:.1f}%"></i></td></tr>'
        for row in best
    )


def _quality(quality: Row) -> str:
    share = quality["kept"] / quality["read"] if quality["read"] else 1
    return (
        f"<p><strong>{share:.2%}</strong> of {_count(quality['read'])} rows in {quality['files']} files passed every "
        f"check. {_count(len(quality['rejected']))} were put aside and are in no figure above.</p>"
    )


def _reasons(reasons: dict[str, int]) -> str:
    return "".join(f"<li><b>{count}</b> {escape(reason)}</li>" for reason, count in reasons.items())


def _rejected(rejected: list[Row]) -> str:
    return "".join(
        f"<tr><td>{escape(row['file'])}</td><td>{row['line']}</td><td>{escape(row['reason'])}</td>"
        f"<td><code>{escape(row['row'])}</code></td></tr>"
        for row in rejected
    )


def _euros(amount: float) -> str:
    return f"€ {amount:,.0f}"


def _count(number: int) -> str:
    return f"{number:,}"
