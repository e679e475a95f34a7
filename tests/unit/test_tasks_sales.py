"""The example that `orchestrator demo` runs: its files, its rules, its figures, its page."""

from __future__ import annotations

import csv
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tasks.examples.sales import REGIONS, NightlySales, build_workflow, nightly_sales, tasks
from orchestrator_tasks.examples.sales.generate import generate

DAY = "2027-02-28"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The results of all tasks, called one after the other as plain functions."""
    output = str(tmp_path_factory.mktemp("output"))
    catalogue = tasks.catalogue("")
    rates = tasks.exchange_rates.apply(args=[""], retries=1).get()
    ingested = [tasks.ingest(region, "", output) for region in REGIONS]
    validated = [tasks.validate(each, catalogue, rates, output) for each in ingested]
    figures = tasks.revenue(validated, rates, DAY)
    best = tasks.best_sellers(validated, catalogue, rates, DAY)
    quality = tasks.quality(ingested, validated)
    chart = tasks.chart(figures, output)
    report = tasks.report(DAY, figures, chart, best, quality, output)
    return {"figures": figures, "best": best, "quality": quality, "chart": chart, "report": report, "rates": rates}


def test_the_shipped_files_are_those_that_the_generator_makes(tmp_path: Path) -> None:
    generate(tmp_path)
    made = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.csv")}
    shipped = {str(path.relative_to(tasks.SHIPPED)): path.read_bytes() for path in tasks.SHIPPED.rglob("*.csv")}
    assert made == shipped
    assert len(made) == 22
    assert sum(map(len, made.values())) < 400_000


def test_every_row_is_kept_or_put_aside_with_its_place(made: dict[str, Any]) -> None:
    quality = made["quality"]
    lines = {f"{path.parent.name}/{path.name}": path.read_text().splitlines() for path in tasks.SHIPPED.glob("*/*.csv")}
    assert quality["files"] == len(lines) == 20
    assert quality["read"] == sum(len(each) - 1 for each in lines.values())
    assert quality["kept"] + len(quality["rejected"]) == quality["read"]
    assert sum(quality["reasons"].values()) == len(quality["rejected"]) > 20
    for row in quality["rejected"]:
        assert lines[row["file"]][row["line"] - 1] == row["row"]


def test_the_figures_are_those_of_the_files(made: dict[str, Any]) -> None:
    """Counted again in the plainest way: every row of the day that is not listed as put aside."""
    aside = {(row["file"], row["line"]) for row in made["quality"]["rejected"]}
    total, orders = Decimal(), 0
    for path in tasks.SHIPPED.glob("*/*.csv"):
        with path.open(newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                if row["day"] == DAY and (f"{path.parent.name}/{path.name}", line) not in aside:
                    total += Decimal(row["unit_price"]) * int(row["quantity"]) * Decimal(made["rates"][row["currency"]])
                    orders += 1
    assert made["report"]["revenue"] == pytest.approx(float(total), abs=0.05)
    assert made["report"]["orders"] == orders
    assert len(made["figures"]["days"]) == 28


def test_reports_end_with_their_day(made: dict[str, Any], tmp_path: Path) -> None:
    part = tasks.validate(
        tasks.ingest("north", "", str(tmp_path)), tasks.catalogue(""), made["rates"], output=str(tmp_path)
    )
    figures = tasks.revenue([part], made["rates"], "2027-02-10")
    assert (figures["days"][0], figures["days"][-1]) == ("2027-02-01", "2027-02-10")
    with pytest.raises(ValueError, match="no sales on 2027-03-01; the files end on 2027-02-28"):
        tasks.revenue([part], made["rates"], "2027-03-01")


class Page(HTMLParser):
    VOID = ("meta", "link", "br", "img", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: dict[str, int] = {}
        self.outside: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] = self.seen.get(tag, 0) + 1
        self.outside += [f"{name}={value}" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(made: dict[str, Any]) -> None:
    page = Page()
    text = Path(made["report"]["report"]).read_text(encoding="utf-8")
    page.feed(text)
    assert page.open == []
    assert page.outside == []
    assert "url(" not in text
    assert "script" not in page.seen
    assert page.seen["svg"] == 1 + len(REGIONS) + 1
    assert page.seen["rect"] == 28 * len(REGIONS)
    assert "Sunday, 28 February 2027" in page.text
    assert f"€ {made['report']['revenue']:,.0f}" in page.text
    assert f"The {len(made['quality']['rejected'])} rows that were put aside" in page.text


def test_what_the_files_say_is_text_never_markup(made: dict[str, Any], tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    quality = {**made["quality"], "rejected": [{"file": evil, "line": 2, "reason": evil, "row": evil}]}
    best = [{**made["best"][0], "name": evil}]
    done = tasks.report(DAY, made["figures"], made["chart"], best, quality, str(tmp_path))
    assert "<script" not in Path(done["report"]).read_text(encoding="utf-8")


def test_the_rates_fail_at_the_first_attempt_and_say_why() -> None:
    with pytest.raises(ConnectionError, match="staged"):
        tasks.exchange_rates.apply(args=[""]).get()


def test_the_workflow_has_its_shape() -> None:
    definition = nightly_sales.compile()
    assert len(definition.names) == 17
    assert len(build_workflow(("north", "south")).compile().names) == 11
    assert str(NightlySales().day) == DAY
