"""The guide to imports tells the truth: its crontab becomes its document."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.dsl.documents import load
from orchestrator.importers.crontab import read_crontab

GUIDE = (Path(__file__).parents[2] / "docs/guides/import.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return found


def test_the_crontab_becomes_the_document():
    imported = read_crontab(block("crontab").encode(), "crontab", tz="UTC")
    assert imported.to_yaml() == block("yaml")
    assert load(block("yaml")).name == "pg_dump"
    assert [remark.what for remark in imported.left] == ["MAILTO=ada@example.org"]
