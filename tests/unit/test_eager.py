"""An app in Celery's eager mode is told, once, that its workflows run on workers."""

from __future__ import annotations

import pytest
from celery import Celery

from orchestrator import install
from orchestrator.dispatch.publishers import Publishers
from orchestrator.settings import Settings

LINE = "task_always_eager is set in the app 'shop', and does not hold for workflows: their jobs run on workers"


def app(**conf: object) -> Celery:
    made = Celery("shop", set_as_current=False, broker="memory://")
    made.conf.update(conf)
    return made


def test_install_tells_of_an_app_that_is_eager(caplog: pytest.LogCaptureFixture) -> None:
    made = app(task_always_eager=True)
    install(made)
    assert not made.configured or caplog.messages == [LINE]  # install alone makes no app read its settings
    assert made.conf.task_always_eager
    made.finalize()
    install(made)
    assert caplog.messages == [LINE]


def test_install_tells_of_an_app_whose_settings_are_read_already(caplog: pytest.LogCaptureFixture) -> None:
    made = app()
    assert made.conf.task_always_eager is False
    made.conf.task_always_eager = True
    install(made)
    assert caplog.messages == [LINE]


def test_a_submit_tells_of_an_app_that_became_eager(caplog: pytest.LogCaptureFixture) -> None:
    made = app()
    install(made)
    made.conf.task_always_eager = True
    publishers = Publishers(Settings(redis_url="redis://127.0.0.1:1"), made)
    publishers.own, publishers.own  # noqa: B018 — what a submit asks for when permits are due
    publishers.close()
    assert caplog.messages == [LINE]


def test_nothing_is_said_of_other_apps(caplog: pytest.LogCaptureFixture) -> None:
    made = app()
    install(made)
    assert made.conf.task_always_eager is False
    publishers = Publishers(Settings(redis_url="redis://127.0.0.1:1"), made)
    assert publishers.own
    publishers.close()
    assert caplog.messages == []
