"""Signatures that a job cannot honour: each is refused where it is written, by name."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, Task

from orchestrator import Workflow
from orchestrator.model.errors import DefinitionError

app = Celery("shop", set_as_current=False)


class OwnSending(Task):
    """It adds a header to each message."""

    abstract = True

    def apply_async(self, *args: Any, **options: Any) -> Any:
        return super().apply_async(*args, **{**options, "headers": {"tenant": "acme"}})


class OwnRequest(Task):
    """Its messages are handled in a way of its own."""

    abstract = True
    Request = "shop.requests:Request"


class OwnStrategy(Task):
    """Its messages are gathered."""

    abstract = True
    Strategy = "shop.batches:strategy"


class Plain(Task):
    """A class-based task."""

    name = "plain"

    def run(self, who: str) -> str:
        return who


def made(**options: Any) -> Any:
    def nothing() -> None:
        return None

    return app.task(nothing, name=f"t{len(app.tasks)}", shared=False, **options).s()


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (made(base=OwnSending), "its own apply_async"),
        (made(base=OwnRequest), "its own Request"),
        (made(base=OwnStrategy), "its own Strategy"),
        (made(expires=60), "its own expires.*deadline"),
        (made(soft_time_limit=20, time_limit=10), "soft time limit .20 s. is over the hard one"),
        (made(time_limit=10).set(soft_time_limit=20), "soft time limit"),
        (made().set(expires=3), "'expires'"),
        (made().set(stamped_headers=["tenant"], tenant="acme"), "no stamps"),
    ],
)  # fmt: skip
def test_what_a_job_cannot_honour_is_refused(signature: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=f"job 'j': .*{message}"):
        Workflow("w").job("j", signature)


def test_a_soft_limit_over_the_hard_one_of_the_job() -> None:
    workflow = Workflow("w")
    workflow.job("j", made(), timeout=1, soft_timeout=2)
    with pytest.raises(DefinitionError, match=r"jobs\.j\.soft_timeout: it must be shorter than timeout"):
        workflow.compile()


def test_a_task_that_is_a_class() -> None:
    job = Workflow("w").job("j", app.register_task(Plain()).s("ada"))
    assert job.name == "j"
