"""The README's Python is true: it is run here, on a real store, with tasks of the names that it imports."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from orchestrator import Client
from orchestrator.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def work(*args: object) -> None:
    """Stand for a task of the reader's own."""


def test_the_examples_of_the_readme(monkeypatch: pytest.MonkeyPatch, redis_url: str, ns: str) -> None:
    app = Celery("shop", set_as_current=False)
    tasks = types.ModuleType("shop.tasks")
    for name in ("extract", "clean", "load", "report"):
        setattr(tasks, name, app.task(name=f"shop.{name}", shared=False)(work))
    monkeypatch.setitem(sys.modules, "shop", types.ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.tasks", tasks)
    client = Client(Settings(redis_url=redis_url, broker_url=None, namespace=ns))
    definition, starts, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {"__name__": "readme"}
    text = definition.replace("import Client, Workflow", "import Workflow").replace("run.wait()", "")
    names["Client"] = lambda: client
    exec(text, names)
    assert names["run"].info.total == 4
    exec(starts, names)
    assert [info.id for info in client.schedules.list()] == ["nightly/nights"]
    assert [info.id for info in client.triggers.list()] == ["nightly/refund"]
    client.close()
