"""Random canvases, as Celery runs them and as the workflows that `from_canvas` makes of them: one result."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator import from_canvas
from support import plain_canvas
from support.fleet import Fleet
from support.needs import require
from support.redis_server import RedisServer

CANVASES = 40


@pytest.fixture(scope="module")
def fleet(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require("redis")
    backend = redis_server.url.removesuffix("0") + "1"
    with Fleet(tmp_path_factory.mktemp("canvases"), redis_server.url) as made:
        app = plain_canvas.app
        before = (app.conf.broker_url, app.conf.result_backend)
        app.conf.update(broker_url=made.broker_url, result_backend=backend)
        options = ("-c", "4", "--without-gossip", "--without-mingle")
        made.worker(*options, app="support.plain_canvas", env={"SHOP_BACKEND": backend}).start()
        yield made
        app.conf.update(broker_url=before[0], result_backend=before[1])


def celerys(canvas: Any) -> Any:
    return canvas.apply_async().get(timeout=20)


def ours(fleet: Fleet, canvas: Any) -> Any:
    workflow = from_canvas(canvas)
    run = fleet.client.submit(workflow).wait(timeout=20)
    names = list(workflow.jobs)
    return {name: run.output(name) for name in names}[names[-1]]


@pytest.mark.parametrize("seed", range(CANVASES))
def test_a_random_canvas_has_one_result(fleet: Fleet, seed: int) -> None:
    body = plain_canvas.pack.s(99)  # one last task, which gets all that the canvas passes on
    canvas = plain_canvas.random_canvas(random.Random(seed)) | body
    assert ours(fleet, canvas) == celerys(canvas), canvas
