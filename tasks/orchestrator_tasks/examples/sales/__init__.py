"""The nightly sales report: 17 jobs in seven levels, on the files in `data/`. `orchestrator demo` runs it.

    catalogue ─────────────┐
    ingest-<region> (five) ┼→ validate-<region> (five) ┬→ revenue → chart ┐
    exchange-rates ────────┘                           ├→ best-sellers ───┼→ report
                                                       └→ quality ────────┘

`catalogue` and `exchange-rates` are shared by eight jobs each on two levels: a shape that a Celery chord can't have.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from orchestrator import RetryPolicy, Workflow
from orchestrator_tasks.examples.sales import tasks

REGIONS = ("north", "south", "east", "west", "online")
LAST_DAY = date(2027, 2, 28)


class NightlySales(BaseModel):
    """The parameters of the report."""

    day: Annotated[date, Field(description="The day to report on; the shipped files end on 2027-02-28.")] = LAST_DAY
    source: Annotated[str, Field(description="Folder of the sales files; empty: those shipped with the example.")] = ""
    output: Annotated[str, Field(min_length=1, description="Folder that the report is written to.")] = "demo-output"


def build_workflow(regions: tuple[str, ...] = REGIONS) -> Workflow:
    """Return the workflow for these regions (folders of the source)."""
    workflow = Workflow(
        "nightly-sales", params=NightlySales, description="Reads the shops' sales files, reports on a day."
    )
    day, source, output = workflow.params.day, workflow.params.source, workflow.params.output

    catalogue = workflow.job("catalogue", tasks.catalogue.s(source))
    rates = workflow.job(
        "exchange-rates",
        tasks.exchange_rates.s(source),
        retry=RetryPolicy(max=3, delay=1.0, retry_on=("ConnectionError",)),
        priority="high",
    )
    ingested = [workflow.job(f"ingest-{region}", tasks.ingest.s(region, source, output)) for region in regions]
    validated = [
        workflow.job(f"validate-{region}", tasks.validate.s(read.output, catalogue.output, rates.output, output))
        for region, read in zip(regions, ingested, strict=True)
    ]
    valid = [job.output for job in validated]
    figures = workflow.job("revenue", tasks.revenue.s(valid, rates.output, day))
    best = workflow.job("best-sellers", tasks.best_sellers.s(valid, catalogue.output, rates.output, day))
    quality = workflow.job("quality", tasks.quality.s([job.output for job in ingested], valid))
    chart = workflow.job("chart", tasks.chart.s(figures.output, output))
    workflow.job(
        "report",
        tasks.report.s(day, figures.output, chart.output, best.output, quality.output, output),
        timeout=60,
    )
    return workflow


nightly_sales = build_workflow()
