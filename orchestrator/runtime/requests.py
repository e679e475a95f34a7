"""What a task sees of its attempt as `self.request`, as Celery builds it from a message.

An attempt has no message. What a message would say stands here with the value that a message of the same task has; what
a message has and an attempt lacks (a result queue, a chain, a group) is None, as in a call without it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from celery import Celery
from celery.app.task import Context
from celery.worker.request import Request

from orchestrator.model.ids import AttemptRef
from orchestrator.runtime.job import JobSpec

REPR = 1024
"""How many characters of the arguments monitors see."""

_OWN = frozenset(vars(Context)) | {"lang", "task", "argsrepr", "kwargsrepr", "compression"}
"""The names of a request that mean something to Celery. A header of such a name stands among the headers only."""


def request_of(
    node: str,
    ref: str,
    retries: int,
    spec: JobSpec,
    queue: str,
    limits: tuple[float | None, float | None] = (None, None),
    redelivered: bool = False,
    parent: str | None = None,
) -> dict[str, Any]:
    """Return the request of an attempt; `limits` are the soft and the hard one, in seconds."""
    delivery = {"exchange": "", "routing_key": queue, "priority": 0, "redelivered": redelivered}
    return {
        **{name: value for name, value in spec.headers.items() if name not in _OWN},
        "lang": "py",
        "task": spec.task,
        "id": ref,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": retries,
        "timelimit": list(limits[::-1]),
        "root_id": AttemptRef.parse(ref).run,
        "parent_id": parent,
        "argsrepr": "",
        "kwargsrepr": "",
        "origin": "orchestrator",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
        "headers": dict(spec.headers),
        "hostname": node,
        "is_eager": False,
        "reply_to": None,
        "correlation_id": ref,
        "delivery_info": delivery,
        "properties": {"correlation_id": ref, "delivery_mode": 2, "priority": 0, "delivery_info": delivery},
    }


def received(app: Celery, task: Any, request: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Request:
    """Return what the receivers of `task_received` get: a request as a worker has it for a message."""
    message = SimpleNamespace(
        headers=request,
        body=(args, kwargs, {}),
        payload=(args, kwargs, {}),
        delivery_info=request["delivery_info"],
        properties=request["properties"],
        content_type="application/json",
        content_encoding="utf-8",
    )
    hostname = request["hostname"]
    return Request(message, app=app, task=task, hostname=hostname, body=message.body, headers=request, decoded=True)
