"""The guide to sources tells the truth: its document is one, and its table names every source that is watched."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.dsl.documents import load
from orchestrator.scheduler.sources.polls import MOST_WAITING, place_of
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads.source_memory import MOST_SEEN

GUIDE = (Path(__file__).parents[2] / "docs/guides/events.md").read_text(encoding="utf-8")


def test_the_document_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    triggers = load(block).triggers.values()
    places = [place_of(trigger) for trigger in triggers if isinstance(trigger, Trigger)]
    assert places == [
        "files /data/in/*.csv", "http https://api.internal/build", "sql env:SHOP_DB", "redis_stream orders",
        "rabbitmq shipped", "kafka returns",
    ]  # fmt: skip


def test_the_table_names_every_source() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert rows == ["files", "http", "sql", "redis_stream", "rabbitmq", "kafka"]


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"While {MOST_WAITING:,} occasions" in GUIDE
    assert f"{MOST_SEEN:,}" in GUIDE
