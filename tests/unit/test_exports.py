"""The public names: sorted, lazy, and each where the table says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import orchestrator


def test_the_public_names_are_sorted_and_have_homes() -> None:
    assert orchestrator.__all__ == sorted(orchestrator.__all__)
    assert set(orchestrator._HOMES) == set(orchestrator.__all__)
    assert set(orchestrator.__all__) <= set(dir(orchestrator))


@pytest.mark.parametrize("name", orchestrator.__all__)
def test_each_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(orchestrator, name).__doc__


def test_all_that_a_schedule_takes_in_python_is_public() -> None:
    from orchestrator.timing.base import Rule

    assert "Hours" in str(orchestrator.Schedule.model_fields["hours"].annotation)
    assert {kind.__name__ for kind in Rule.__subclasses__()} <= set(orchestrator.__all__)
    hours = orchestrator.Hours(windows=[{"start": "08:00", "end": "18:00"}])
    monthly = orchestrator.NthDay(orchestrator.Calendar(weekdays="mon-fri"), -1, "17:00")
    assert orchestrator.Schedule(monthly, hours=hours).document()["nth_day"] == -1


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'orchestrator' has no attribute 'Dag'"):
        _ = orchestrator.Dag


def test_importing_the_package_and_writing_a_workflow_stay_light() -> None:
    script = (
        "import json, sys, orchestrator; first = sorted(sys.modules); orchestrator.Workflow; "
        "print(json.dumps([first, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    first, then = map(set, json.loads(done.stdout))
    assert not first & {"pydantic", "celery", "redis", "kombu"}
    assert not then & {"celery", "redis", "kombu", "yaml", "jsonschema", "click", "rich"}
