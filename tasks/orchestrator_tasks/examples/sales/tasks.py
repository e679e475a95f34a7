"""The tasks of the nightly sales report: plain Celery tasks. None of them knows that a workflow runs it.

Rows travel in files and their places in results, as they would in production; each file is written whole or not at
all, so that an attempt that is repeated does no harm.
"""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from celery import Task, shared_task

SHIPPED = Path(__file__).parent / "data"
PREFIX = "orchestrator.examples.sales."
COLUMNS = ("order_id", "day", "time", "sku", "quantity", "unit_price", "currency")
PRICE_BAND = (Decimal("0.5"), Decimal("1.5"))
"""How far a price may be from that of the catalogue: from half of it to one and a half times."""

BEST = 7

Row = dict[str, Any]
Rejected = dict[str, Any]


@shared_task(name=PREFIX + "catalogue")
def catalogue(source: str) -> dict[str, Row]:
    """Return the articles of the shop by number: name, category and price in euros."""
    with (_folder(source) / "products.csv").open(newline="", encoding="utf-8") as file:
        return {row.pop("sku"): row for row in csv.DictReader(file)}


@shared_task(name=PREFIX + "exchange_rates", bind=True)
def exchange_rates(self: Task[..., Any], source: str) -> dict[str, str]:
    """Return what one unit of each currency is in euros.

    The rates come from a file, and the failure is staged: the first attempt raises ConnectionError, as a flaky service
    would, so that the report shows a retry.
    """
    if not self.request.retries:
        raise ConnectionError("the exchange-rate service did not answer (staged: the first attempt always fails)")
    with (_folder(source) / "rates.csv").open(newline="", encoding="utf-8") as file:
        return {row["currency"]: row["eur"] for row in csv.DictReader(file)}


@shared_task(name=PREFIX + "ingest")
def ingest(region: str, source: str, output: str) -> Row:
    """Read a region's files, one a week; put aside the rows that can't be read."""
    files = sorted((_folder(source) / region).glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"no sales files in {_folder(source) / region}")
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            if tuple(next(reader, ())) != COLUMNS:
                raise ValueError(f"{path}: the columns are not {', '.join(COLUMNS)}")
            for cells in reader:
                place = {"file": f"{region}/{path.name}", "line": reader.line_num}
                try:
                    rows.append(_read(cells) | place)
                except ValueError as error:
                    rejected.append(place | {"reason": str(error), "row": ",".join(cells)})
    return {
        "region": region,
        "files": len(files),
        "rows": len(rows),
        "rejected": rejected,
        "kept_in": _write(Path(output) / "work" / f"{region}-read.json", json.dumps(rows)),
    }


def _read(cells: list[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} columns instead of {len(COLUMNS)}")
    row: Row = dict(zip(COLUMNS, cells, strict=True))
    try:
        date.fromisoformat(row["day"])
    except ValueError:
        raise ValueError(f"no such day: {row['day']}") from None
    try:
        datetime.strptime(row["time"], "%H:%M")
        row["quantity"] = int(row["quantity"])
        Decimal(row["unit_price"])
    except (ValueError, InvalidOperation):
        raise ValueError("a time or a number can't be read") from None
    return row


@shared_task(name=PREFIX + "validate")
def validate(ingested: Row, catalogue: dict[str, Row], rates: dict[str, str], output: str) -> Row:
    """Check a region's rows against the catalogue and common sense; put aside those that don't fit."""
    seen: set[str] = set()
    rows: list[Row] = []
    rejected: list[Rejected] = []
    for row in json.loads(Path(ingested["kept_in"]).read_text(encoding="utf-8")):
        reason = _complaint(row, catalogue, rates, seen)
        if reason:
            text = ",".join(str(row[column]) for column in COLUMNS)
            rejected.append({"file": row["file"], "line": row["line"], "reason": reason, "row": text})
        else:
            rows.append(row)
        seen.add(row["order_id"])
    return {
        "region": ingested["region"],
        "rows": len(rows),
        "rejected": rejected,
        "kept_in": _write(Path(output) / "work" / f"{ingested['region']}-valid.json", json.dumps(rows)),
    }


def _complaint(row: Row, catalogue: dict[str, Row], rates: dict[str, str], seen: set[str]) -> str | None:
    """Return what is wrong with a row, None if nothing is."""
    if row["order_id"] in seen:
        return "the order is there twice"
    if row["sku"] not in catalogue:
        return "no such article"
    if row["currency"] not in rates:
        return "no such currency"
    if row["quantity"] < 1:
        return "a quantity below 1"
    usual = Decimal(catalogue[row["sku"]]["price_eur"])
    price = Decimal(row["unit_price"]) * Decimal(rates[row["currency"]])
    if not PRICE_BAND[0] * usual <= price <= PRICE_BAND[1] * usual:
        return "a price far from the catalogue's"
    return None


@shared_task(name=PREFIX + "revenue")
def revenue(validated: list[Row], rates: dict[str, str], day: str) -> Row:
    """Add up revenue in euros and orders, by region and day, up to `day`."""
    money: dict[str, dict[str, Decimal]] = {}
    orders: dict[str, dict[str, int]] = {}
    for part in validated:
        region = part["region"]
        money[region], orders[region] = defaultdict(Decimal), defaultdict(int)
        for row in _valid_rows(part, day):
            money[region][row["day"]] += _euros(row, rates)
            orders[region][row["day"]] += 1
    days = sorted({each for by_day in money.values() for each in by_day})
    if day not in days:
        raise ValueError(f"there are no sales on {day}; the files end on {days[-1] if days else 'no day'}")
    return {
        "days": days,
        "revenue": {name: [_rounded(by_day[each]) for each in days] for name, by_day in money.items()},
        "orders": {name: [by_day[each] for each in days] for name, by_day in orders.items()},
    }


@shared_task(name=PREFIX + "best_sellers")
def best_sellers(validated: list[Row], catalogue: dict[str, Row], rates: dict[str, str], day: str) -> list[Row]:
    """Return the `BEST` articles with the greatest revenue, with their units and revenue."""
    units: dict[str, int] = defaultdict(int)
    money: dict[str, Decimal] = defaultdict(Decimal)
    for part in validated:
        for row in _valid_rows(part, day):
            units[row["sku"]] += row["quantity"]
            money[row["sku"]] += _euros(row, rates)
    best = sorted(money, key=lambda sku: (-money[sku], sku))[:BEST]
    return [
        {"name": catalogue[sku]["name"], "category": catalogue[sku]["category"], "units": units[sku],
         "revenue": _rounded(money[sku])}
        for sku in best
    ]  # fmt: skip


@shared_task(name=PREFIX + "quality")
def quality(ingested: list[Row], validated: list[Row]) -> Row:
    """Count what was read, kept and put aside, and list what was put aside with its place and reason."""
    rejected = [row for part in (*ingested, *validated) for row in part["rejected"]]
    reasons: dict[str, int] = defaultdict(int)
    for row in rejected:
        reasons[row["reason"].partition(":")[0]] += 1
    return {
        "files": sum(part["files"] for part in ingested),
        "read": sum(part["rows"] + len(part["rejected"]) for part in ingested),
        "kept": sum(part["rows"] for part in validated),
        "reasons": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "rejected": sorted(rejected, key=lambda row: (row["file"], row["line"])),
    }


@shared_task(name=PREFIX + "chart")
def chart(figures: Row, output: str) -> str:
    """Draw revenue by day and region; return the path of the SVG file."""
    from orchestrator_tasks.examples.sales.chart import draw

    return _write(Path(output) / "work" / "revenue.svg", draw(figures["days"], figures["revenue"]))


@shared_task(name=PREFIX + "report")
def report(day: str, figures: Row, chart: str, best: list[Row], quality: Row, output: str) -> Row:
    """Write the page; return its path and the headline of the night."""
    from orchestrator_tasks.examples.sales.report import render

    page = render(day, figures, Path(chart).read_text(encoding="utf-8"), best, quality)
    at = figures["days"].index(day)
    return {
        "report": _write(Path(output) / "report.html", page),
        "revenue": _rounded(sum((Decimal(str(by_day[at])) for by_day in figures["revenue"].values()), Decimal())),
        "orders": sum(by_day[at] for by_day in figures["orders"].values()),
        "rejected": len(quality["rejected"]),
    }


def _folder(source: str) -> Path:
    """Return the folder of the sales files: by default that of this example."""
    return Path(source) if source else SHIPPED


def _valid_rows(part: Row, day: str) -> list[Row]:
    rows = json.loads(Path(part["kept_in"]).read_text(encoding="utf-8"))
    return [row for row in rows if row["day"] <= day]


def _euros(row: Row, rates: dict[str, str]) -> Decimal:
    return Decimal(row["unit_price"]) * Decimal(row["quantity"]) * Decimal(rates[row["currency"]])


def _rounded(amount: Decimal) -> float:
    return float(round(amount, 2))


def _write(path: Path, text: str) -> str:
    """Write a file whole or not at all, and return its absolute path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    return str(path.resolve())
