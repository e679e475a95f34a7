"""Sources whose library is not installed say which extra has it."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from orchestrator.model.errors import SettingsError
from orchestrator.scheduler.sources import files, kafka, sql
from orchestrator.scheduler.sources.inbox import said, secrets_in


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, cast(Any, None))


def test_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "confluent_kafka")
    with pytest.raises(SettingsError, match=r"confluent-kafka.*\[kafka\]"):
        kafka.Topic(["localhost:9092"], "orders", "us")


def test_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "sqlalchemy")
    with (
        pytest.raises(SettingsError, match=r"SQLAlchemy.*\[sql\]"),
        sql._rows("sqlite://", "SELECT 1", cast(Any, None)),
    ):
        pass


def test_files(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "fsspec")
    with pytest.raises(SettingsError, match=r"fsspec.*\[files\]"):
        files._remote("s3://bucket/in/*.csv")


def test_what_others_say_is_told_without_secrets() -> None:
    url = "amqp://me:ti%20ger@host/"
    error = OSError(f"cannot reach {url}\nwith 'ti ger'" + "." * 500)
    told = said(error, *secrets_in(url))
    assert told.startswith("cannot reach *** with '***'")
    assert len(told) == 300
