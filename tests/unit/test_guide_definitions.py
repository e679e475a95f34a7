"""The guide to definitions tells the truth: its two ways of writing one workflow agree, and its tables are complete."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from orchestrator import Workflow
from orchestrator.dsl.documents import load
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.workflow import JobDefinition, WorkflowDefinition
from orchestrator.starters.schedule import ScheduleFields
from orchestrator.starters.trigger import TriggerFields

GUIDE = (Path(__file__).parents[2] / "docs/guides/definitions.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_python_and_the_document_are_one_workflow() -> None:
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks("python"):
        # The guide's app and tasks stay out of the other tests' way.
        block = block.replace('Celery("shop")', 'Celery("shop", set_as_current=False)')
        exec(re.sub(r'(task\(name="[^"]*")\)', r"\1, shared=False)", block), names)
    document = load(blocks("yaml")[0])
    nightly = names["nightly"]
    assert [job.after for job in document.jobs] == [job.after for job in nightly.definition().jobs]
    assert [job.args for job in document.jobs][2:] == [job.args for job in nightly.definition().jobs][2:]
    assert nightly.bind({"day": "monday"}) == Workflow.from_definition(document).bind({"day": "monday"})
    assert list(names["counted"].jobs) == ["extract", "count", "again"]
    daily, again = names["daily"].definition(), load(blocks("yaml")[1])
    assert (again.schedules, again.triggers, again.produces) == (daily.schedules, daily.triggers, daily.produces)


def test_the_tables_name_every_field() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", GUIDE, re.MULTILINE)
    told = set(re.findall(r"`(\w+)`", " ".join(rows)))
    for kind in (WorkflowDefinition, JobDefinition):
        assert {field.name for field in fields(kind)} <= told
    for model in (RetryPolicy, ScheduleFields, TriggerFields):
        assert all(f"`{name}`" in GUIDE or f"`{name}:" in GUIDE for name in model.model_fields)
