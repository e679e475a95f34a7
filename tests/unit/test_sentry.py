from __future__ import annotations

import pytest
import sentry_sdk

from orchestrator.telemetry.sentry import init_sentry


def test_sentry_is_off_unless_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTRY_DSN", raising=False)
    assert init_sentry() is False


def test_sentry_reports_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTRY_DSN", "http://key@127.0.0.1:9/1")
    try:
        assert init_sentry() is True
        client = sentry_sdk.get_client()
        assert client.options["dsn"] == "http://key@127.0.0.1:9/1"
        assert client.options["include_local_variables"] is False
        assert "celery" in client.integrations
    finally:
        sentry_sdk.init()
