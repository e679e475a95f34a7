"""Parameters."""

from __future__ import annotations

import pytest
from fundamentals.tasks import orders
from pydantic import BaseModel

from orchestrator import Client, Workflow
from orchestrator.model.errors import ParameterError


class Daily(BaseModel):
    day: str
    shop: str = "paris"


def test_parameters_are_checked_before_the_run_starts(client: Client) -> None:
    """A pydantic model names the parameters; references to them stand as arguments, and a wrong value is refused."""
    daily = Workflow("daily-orders", params=Daily)
    daily.job("read", orders.s(day=daily.params.day))

    run = client.submit(daily, day="2027-03-01").wait(timeout=20)

    assert run.output("read")["day"] == "2027-03-01"
    with pytest.raises(ParameterError, match="day"):
        client.submit(daily, date="2027-03-01")
