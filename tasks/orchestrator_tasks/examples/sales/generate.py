"""Makes the sales files of the example: `python -m orchestrator_tasks.examples.sales.generate FOLDER`.

The shop and its customers are invented. The same files come out each time (a test compares them with those that are
shipped), with some wrong rows in them, as real files have.
"""

from __future__ import annotations

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path

FIRST_DAY = date(2027, 2, 1)
WEEKS = 4

PRODUCTS = (
    ("TENT-2P", "Two-person tent", "Sleep", 189.00),
    ("TENT-4P", "Family tent", "Sleep", 329.00),
    ("BAG-WARM", "Winter sleeping bag", "Sleep", 149.00),
    ("BAG-LITE", "Summer sleeping bag", "Sleep", 79.00),
    ("MAT-AIR", "Inflatable mat", "Sleep", 59.00),
    ("PACK-25", "Day pack 25 l", "Carry", 69.00),
    ("PACK-45", "Trekking pack 45 l", "Carry", 139.00),
    ("PACK-65", "Expedition pack 65 l", "Carry", 199.00),
    ("DRYBAG-20", "Dry bag 20 l", "Carry", 24.00),
    ("STOVE-GAS", "Gas stove", "Cook", 44.00),
    ("POT-SET", "Pot set", "Cook", 39.00),
    ("MUG-TI", "Titanium mug", "Cook", 29.00),
    ("BOTTLE-1L", "Bottle 1 l", "Cook", 18.00),
    ("BOOT-MID", "Hiking boot", "Wear", 159.00),
    ("BOOT-LOW", "Trail shoe", "Wear", 119.00),
    ("JACKET-RAIN", "Rain jacket", "Wear", 179.00),
    ("FLEECE", "Fleece", "Wear", 85.00),
    ("SOCKS-WOOL", "Wool socks", "Wear", 16.00),
    ("LAMP-HEAD", "Head lamp", "Tools", 35.00),
    ("COMPASS", "Compass", "Tools", 27.00),
    ("MAP-REGION", "Regional map", "Tools", 12.50),
    ("POLES", "Trekking poles", "Tools", 89.00),
)
RATES = {"EUR": 1.0, "GBP": 1.1714, "SEK": 0.0892, "PLN": 0.2331, "USD": 0.9247}
"""The value of one unit of a currency, in euros."""
REGIONS = {"north": ("SEK", 30), "south": ("EUR", 42), "east": ("PLN", 26), "west": ("GBP", 34), "online": ("USD", 46)}
"""Each region's currency, and its orders on an ordinary day."""
WEEKDAY = (0.84, 0.80, 0.88, 0.95, 1.18, 1.45, 0.90)
HEADER = ("order_id", "day", "time", "sku", "quantity", "unit_price", "currency")


def generate(folder: Path) -> None:
    """Write `products.csv`, `rates.csv` and `<region>/<year>-W<week>.csv` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "products.csv", [("sku", "name", "category", "price_eur"), *PRODUCTS])
    _write(folder / "rates.csv", [("currency", "eur"), *RATES.items()])
    for region, (currency, orders) in REGIONS.items():
        rng = random.Random(f"sales of {region}")  # noqa: S311 — repeatable on purpose
        (folder / region).mkdir(exist_ok=True)
        for week in range(WEEKS):
            monday = FIRST_DAY + timedelta(weeks=week)
            year, number, _ = monday.isocalendar()
            days = [monday + timedelta(day) for day in range(7)]
            rows = [row for day in days for row in _day(rng, region, currency, orders, day, week)]
            _write(folder / region / f"{year}-W{number:02}.csv", [HEADER, *_spoiled(rng, rows)])


def _day(rng: random.Random, region: str, currency: str, orders: int, day: date, week: int) -> list[tuple[object, ...]]:
    """Return one day's orders: more at the week's end, a little more each week, more cheap articles."""
    count = round(orders * WEEKDAY[day.weekday()] * (1 + 0.05 * week) * (0.85 + 0.3 * rng.random()))
    times = sorted(int((8 + 13 * rng.random()) * 3600) for _ in range(count))
    rows: list[tuple[object, ...]] = []
    for number, second in enumerate(times):
        sku, _, _, price = PRODUCTS[int(len(PRODUCTS) * rng.random())]
        if price > 100 and rng.random() < 0.5:
            sku, _, _, price = PRODUCTS[int(len(PRODUCTS) * rng.random())]
        discount = 1 if rng.random() < 0.8 else 0.9
        order = f"{region[0].upper()}{day:%m%d}-{number + 1:03}"
        clock = f"{second // 3600:02}:{second // 60 % 60:02}"
        quantity = 1 + int(3 * rng.random() ** 3)
        rows.append((order, day, clock, sku, quantity, f"{price / RATES[currency] * discount:.2f}", currency))
    return rows


def _spoiled(rng: random.Random, rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return the rows with one or two errors in them, as a broken till, a bad export or a typing error makes."""
    rows = list(rows)
    for _ in range(1 + int(2 * rng.random())):
        at = int(len(rows) * rng.random())
        order, day, clock, sku, quantity, price, currency = rows[at]
        kinds: tuple[tuple[object, ...], ...] = (
            (order, day, clock, sku, "two", price, currency),
            (order, "2027-02-30", clock, sku, quantity, price, currency),
            (order, day, clock, sku),
            (order, day, clock, "UNKNOWN", quantity, price, currency),
            (order, day, clock, sku, -1, price, currency),
            (order, day, clock, sku, quantity, f"{float(str(price)) * 100:.2f}", currency),
            (order, day, clock, sku, quantity, price, "???"),
        )
        rows[at] = kinds[int(len(kinds) * rng.random())]
    if rng.random() < 0.5:  # a line that was sent twice
        at = int(len(rows) * rng.random())
        rows.insert(at, rows[at])
    return rows


def _write(path: Path, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
