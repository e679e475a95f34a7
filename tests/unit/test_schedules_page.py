"""What docs/reference/schedules.md shows is what happens."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest

from orchestrator.timing.cron import Cron

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "schedules.md").read_text()


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table that begins with a head, backticks off."""
    lines = PAGE.split(head)[1].splitlines()[2:]
    table = lines[: next(index for index, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.parametrize(("expression", "words"), rows("| expression | in words |"))
def test_descriptions(expression, words):
    assert Cron(expression).describe() == f"{words} (UTC)"


@pytest.mark.parametrize(("expression", "zone", "after", "wanted"), rows("| expression | zone | after | next |"))
def test_vectors(expression, zone, after, wanted):
    expected = re.split(r",\s*", wanted)
    times = islice(Cron(expression, tz=zone).times(datetime.fromisoformat(after)), len(expected))
    assert [time.isoformat() for time in times] == expected


def test_what_it_imports_is_public():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space = {}
    exec(block, space)
    assert space["close"].document()["of"] == space["business"].short()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("* * * * * *", "every second"),
        ("0 * * * *", "every hour"),
        ("15 * * * *", "at minute 15 of every hour"),
        ("* 2 * * *", "every minute of hour 02"),
        ("23 */8 * * *", "at 00:23, 08:23 and 16:23 every day"),
        ("5 */2 * * *", "at minute 5 of every 2nd hour from 00:00"),
        ("* * * * * 30", "at second 30, every minute"),
        ("30 8 * * * 5,10", "at 08:30:05 and 08:30:10 every day"),
        ("0 0 * * 1#1,1#3", "at 00:00 on the first Monday of the month and the third Monday of the month"),
        ("0 0 L * 1", "at 00:00 on the last day of the month or on Monday"),
        ("@daily", "at 00:00 every day"),
        ("0 0 * 2 *", "at 00:00 in February"),
        ("0 0 1 * */2", "at 00:00 on day 1 of the month if it is Tuesday, Thursday, Saturday or Sunday"),
        ("0 0 1 * 1,3,5L", "at 00:00 on day 1 of the month or on Monday, Wednesday or the last Friday of the month"),
        ("0 0 1-31 * 1", "at 00:00 every day"),
        ("0 0 LW 1,12 *", "at 00:00 on the last working day (Monday to Friday) of the month in January and December"),
    ],
)
def test_more_descriptions(expression, words):
    assert Cron(expression).describe() == f"{words} (UTC)"


def test_a_hashed_field_is_told_as_the_number_that_it_stands_for():
    cron = Cron("H H * * *", hash_id="nightly", tz="Europe/Paris")
    (minute,), (hour,) = cron.fields.minutes, cron.fields.hours
    assert cron.describe() == f"at {hour:02}:{minute:02} every day (Europe/Paris)"
