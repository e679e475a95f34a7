"""Four jobs that Celery's canvas can't express, in a plain Celery project.

    orders ──┬──→ pick
             └─┐
    prices ────┴→ invoice

`pick` needs the orders; `invoice` needs the orders and the prices. A chord must either hold `pick` back until the
prices are there, or fetch the orders twice. Here each job starts when what it needs is there.

    export ORCHESTRATOR_REDIS_URL=redis://localhost:6379/0
    celery -A shop worker                # an ordinary worker
    orchestrator scheduler               # retries, timeouts, lost workers
    python shop.py                       # submits, waits, prints
"""

from __future__ import annotations

import os

from celery import Celery

from orchestrator import Client, RetryPolicy, Workflow, install

app = Celery("shop", broker=os.environ["ORCHESTRATOR_REDIS_URL"])
install(app)  # the one line that makes its workers ours


@app.task
def orders(day: str) -> list[dict[str, object]]:
    """Fetch a day's orders."""
    return [{"id": 1, "article": "tent", "units": 2}, {"id": 2, "article": "stove", "units": 1}]


@app.task
def prices(day: str) -> dict[str, float]:
    """Fetch a day's prices."""
    return {"tent": 189.0, "stove": 44.0}


@app.task
def pick(orders: list[dict[str, object]]) -> list[str]:
    """Tell the warehouse what to fetch."""
    return [f"{order['units']} x {order['article']}" for order in orders]


@app.task
def invoice(orders: list[dict[str, int]], prices: dict[str, float]) -> dict[str, float]:
    """Write the invoices."""
    return {str(order["id"]): order["units"] * prices[str(order["article"])] for order in orders}


workflow = Workflow("shop")
got_orders = workflow.job("orders", orders.s(day="2027-03-01"), retry=RetryPolicy(max=3))
got_prices = workflow.job("prices", prices.s(day="2027-03-01"), retry=RetryPolicy(max=3))
workflow.job("pick", pick.s(got_orders.output))
workflow.job("invoice", invoice.s(got_orders.output, got_prices.output))


if __name__ == "__main__":
    run = Client(app=app).submit(workflow)
    run.wait(timeout=60, raise_on_failure=True)
    print(run.output("pick"))
    print(run.output("invoice"))
