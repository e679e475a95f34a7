"""What end-to-end tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from celery import _state

from orchestrator.settings import Settings
from orchestrator.starters.trigger import Trigger
from orchestrator.web.app import create_app
from orchestrator.web.guard import Guard
from orchestrator.web.health import Readiness
from support.hooks import SECRET, TOKEN, Known, Memory
from support.redis_server import RedisServer


@pytest.fixture
def no_current_app() -> Iterator[None]:
    """Let no Celery app be current, whatever other tests did: the stock tasks' route is then `default`."""
    before = _state._tls.current_app, _state.default_app
    _state._tls.current_app, _state.default_app = None, None
    yield
    _state._tls.current_app, _state.default_app = before


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """Three hooks; the secret of the last is not there."""
    monkeypatch.setenv("SHOP_HOOK", SECRET)
    monkeypatch.setenv("CODE_HOOK", "push it")
    monkeypatch.delenv("NO_HOOK", raising=False)
    return Memory({
        TOKEN: Known(Trigger(name="paid", webhook={"secret": "env:SHOP_HOOK"})),
        "code": Known(Trigger(name="pushed", webhook={"secret": "env:CODE_HOOK", "scheme": "github"})),
        "bare": Known(Trigger(name="bare", webhook={"secret": "env:NO_HOOK"})),
    })  # fmt: skip


@pytest.fixture
async def app(memory: Memory, redis_server: RedisServer) -> AsyncIterator[Guard]:
    """The web app over them."""
    readiness = Readiness(Settings(redis_url=redis_server.url))
    yield create_app(memory, readiness)
    await readiness.close()
