"""What end-to-end tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import _state


@pytest.fixture
def no_app_in_hand() -> Iterator[None]:
    """Have no Celery app in hand, whichever other tests made current: the stock tasks' route is then `default`."""
    before = _state._tls.current_app, _state.default_app
    _state._tls.current_app, _state.default_app = None, None
    yield
    _state._tls.current_app, _state.default_app = before
