"""Outputs as JSON bytes, in Celery's dialect."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orchestrator.model.errors import OutputError
from orchestrator.plan.values import decode, encode

LIMIT = 1000


@pytest.mark.parametrize(
    "value",
    [
        None, 0, "", "ünïcode", [1, {"a": None}], 1.5, True,
        datetime(2027, 3, 1, 2, 3, 4, tzinfo=UTC), date(2027, 3, 1), Decimal("1.50"),
        UUID(int=7), b"bytes", b"\xff\x00",
    ],
)  # fmt: skip
def test_a_value_comes_back(value: Any) -> None:
    assert decode(encode(value, LIMIT)) == value


def test_tuples_come_back_as_lists() -> None:
    assert decode(encode((1, (2,)), LIMIT)) == [1, [2]]


def test_none_is_no_output() -> None:
    assert encode(None, LIMIT) == b""


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf"), {(1, 2): 3}, circle(), "\udc80"])
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(OutputError, match="not JSON"):
        encode(value, LIMIT)


def test_what_is_too_large_is_refused_with_both_sizes() -> None:
    assert len(encode("x" * (LIMIT - 2), LIMIT)) == LIMIT
    with pytest.raises(OutputError, match="1,001 bytes as JSON, and 1,000 are allowed"):
        encode("x" * (LIMIT - 1), LIMIT)
