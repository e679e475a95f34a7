"""A task in a job is the task that it was: hooks, signals, requests, retries and odd values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from orchestrator import RetryPolicy, Workflow
from orchestrator.model.states import JobState
from support import peculiar, shop
from support.fleet import Fleet
from support.needs import require
from support.waiting import wait_until

POOLS = ("prefork", "threads")
ONCE_MORE = RetryPolicy(max=1, delay=0.1, backoff="fixed", jitter=False)


@pytest.fixture(scope="module", params=POOLS)
def pool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peculiar") / "heard"


@pytest.fixture(scope="module")
def fleet(pool: str, log: Path, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require("redis")
    with Fleet(tmp_path_factory.mktemp(pool), redis_url) as made:
        env = {"PECULIAR_LOG": str(log)}
        made.worker("-P", pool, "-c", "2", "-I", "support.peculiar", env=env).start()
        yield made


@pytest.fixture
def heard(log: Path) -> Iterator[Any]:
    """Give what the hooks and signals of a task heard in this test."""
    log.unlink(missing_ok=True)
    yield lambda: [line.partition(" ")[2] for line in peculiar.read(log) if line.startswith("loud.end ")]
    assert not [line for line in peculiar.read(log) if "orchestrator." in line]
    log.unlink(missing_ok=True)


# -- hooks and signals -----


def test_a_success_is_told(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s())
    assert heard() == ["task_received", "before_start", "on_success", "task_success", "after_return SUCCESS"]


def test_a_failure_is_told(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s("raise"))
    assert heard()[2:] == ["on_failure ValueError", "task_failure ValueError", "after_return FAILURE"]


def test_a_try_that_will_be_tried_again_is_told_as_a_retry(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s("raise"), retry=ONCE_MORE)
    first = ["task_received", "before_start", "on_retry ValueError", "task_retry"]
    last = ["on_failure ValueError", "task_failure ValueError", "after_return FAILURE"]
    assert heard() == [*first, "task_received", "before_start", *last]


def test_an_output_that_cannot_be_stored_is_told_as_a_failure(fleet: Fleet, heard: Any) -> None:
    job, _ = fleet.outcome(peculiar.end.s("not json"))
    assert job.state is JobState.failed
    assert heard()[2:] == ["on_failure OutputError", "task_failure OutputError", "after_return FAILURE"]


def test_an_exit_is_told_as_a_failure(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s("exit"))
    assert "task_failure SystemExit" in heard()


def test_a_rejection_is_told_as_celery_tells_it(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s("reject"))
    assert heard()[2:] == ["task_failure Reject"]


@pytest.mark.parametrize(
    ("how", "state", "attempts"), [("", "succeeded", 1), ("retry", "succeeded", 2), ("raise", "failed", 1)]
)
def test_hooks_that_raise_change_nothing(fleet: Fleet, how: str, state: str, attempts: int) -> None:
    job, _ = fleet.outcome(peculiar.broken.s(how))
    assert (job.state.name, job.attempt) == (state, attempts)
    if how == "raise":
        assert job.error is not None
        assert job.error["type"] == "ValueError"


# -- ends from outside -----


def told(heard: Any, what: str) -> None:
    wait_until(lambda: what in heard(), 5, f"{what} to be told")


def test_a_hard_limit_is_told(fleet: Fleet, heard: Any, pool: str) -> None:
    job, _ = fleet.outcome(peculiar.end.s("nap"), timeout=0.3)
    assert job.state is JobState.timed_out
    told(heard, "after_return FAILURE")
    ends = ["on_failure TimeLimitExceeded", "task_failure TimeLimitExceeded", "after_return FAILURE"]
    assert heard()[2:] == ends
    if pool == "prefork":  # Sentry makes an event of this record; in threads the body raises, and Sentry wraps the body
        wait_until(lambda: "Task loud.end[" in fleet.workers[0].text(), 5, "the log record with the task's name")


def test_a_hard_limit_that_is_retried_is_told_as_a_retry(fleet: Fleet, heard: Any) -> None:
    fleet.outcome(peculiar.end.s("nap"), timeout=0.3, retry=ONCE_MORE)
    told(heard, "after_return FAILURE")
    assert heard().count("on_retry TimeLimitExceeded") == heard().count("on_failure TimeLimitExceeded") == 1


def test_a_cancelled_attempt_is_told_as_revoked(fleet: Fleet, heard: Any) -> None:
    run = fleet.submit(peculiar.end.s("nap"))
    wait_until(lambda: "before_start" in heard(), 10, "the job to run")
    run.cancel("enough")
    run.wait(timeout=10)
    told(heard, "task_revoked")
    assert heard()[2:] == ["task_revoked"]


def test_revoking_leaves_a_running_attempt_alone(fleet: Fleet, heard: Any) -> None:
    run = fleet.submit(peculiar.end.s("nap"))
    wait_until(lambda: "before_start" in heard(), 10, "the job to run")
    with Celery("control", broker=fleet.broker_url) as app:
        (answer,) = app.control.revoke(f"{run.id}/0@1", reply=True, timeout=5)
        assert "left alone" in answer["w1@test"]["ok"]
        assert run.refresh().jobs()[0].state is JobState.running
        app.control.terminate(f"{run.id}/0@1", reply=True, timeout=5)
    run.wait(timeout=10)
    assert run.jobs()[0].state is JobState.cancelled
    told(heard, "task_revoked")


def test_a_child_that_dies_is_told(fleet: Fleet, heard: Any, pool: str) -> None:
    if pool != "prefork":
        pytest.skip("a thread shares its process with the node")
    job, _ = fleet.outcome(peculiar.end.s("die"), wait_s=40)
    assert job.quarantined
    told(heard, "after_return FAILURE")
    assert [each for each in heard() if "WorkerLost" in each] == [
        "on_retry WorkerLostError", "on_retry WorkerLostError",
        "on_failure WorkerLostError", "task_failure WorkerLostError",
    ]  # fmt: skip


# -- retries -----


def test_an_eta_may_be_text(fleet: Fleet, tmp_path: Path) -> None:
    job, _ = fleet.outcome(peculiar.retry_when.s(str(tmp_path / "tries"), "eta as text"))
    assert (job.state, job.attempt) == (JobState.succeeded, 2)


@pytest.mark.parametrize("kind", ["text", "timedelta", "infinite"])
def test_a_pause_that_is_none_fails_the_job_once(fleet: Fleet, tmp_path: Path, kind: str) -> None:
    job, _ = fleet.outcome(peculiar.retry_when.s(str(tmp_path / "tries"), kind))
    assert job.error is not None
    assert (job.state, job.attempt, job.losses) == (JobState.failed, 1, 0)
    assert job.error["type"] == ("OverflowError" if kind == "infinite" else "TypeError")


def test_a_raised_retry_ends_at_max_retries(fleet: Fleet, tmp_path: Path) -> None:
    job, _ = fleet.outcome(peculiar.raise_retry.s(str(tmp_path / "tries")))
    assert job.error is not None
    assert (job.state, job.attempt) == (JobState.failed, 3)
    assert job.error["type"] == "celery.exceptions.MaxRetriesExceededError"


def test_what_was_sent_back_is_delivered_again(fleet: Fleet) -> None:
    job, run = fleet.outcome(peculiar.requeue_once.s())
    assert (job.state, job.attempt, run.output("job")) == (JobState.succeeded, 2, True)


def test_what_is_sent_back_again_and_again_says_why(fleet: Fleet) -> None:
    run = fleet.submit(peculiar.end.s("requeue"))
    job = wait_until(lambda: (found := run.jobs()[0]).attempt == 2 and found, 10, "the second attempt")
    assert job.error is not None
    assert (job.error["message"], job.retries, job.losses) == ("not now", 0, 0)
    run.cancel("enough")
    run.wait(timeout=10)


def test_a_retry_with_the_same_arguments_by_name(fleet: Fleet) -> None:
    _, run = fleet.outcome(peculiar.same_by_name.s(1, y=2))
    assert run.output("job") == [1, 2]


# -- the request -----


@pytest.mark.parametrize("name", ["tenant", "chain", "callbacks", "errbacks", "properties", "get", "id"])
def test_a_header_of_any_name(fleet: Fleet, name: str) -> None:
    signature = peculiar.request_of.s().set(headers={name: ["of mine"]})
    job, run = fleet.outcome(signature)
    assert job.state is JobState.succeeded
    assert run.output("job")["headers"] == ["dict", repr({name: ["of mine"]})]


def test_the_root_is_the_run_and_the_parent_is_the_attempt_that_made_the_input(fleet: Fleet, tmp_path: Path) -> None:
    workflow = Workflow("family")
    first = workflow.job("first", shop.fail_until.s(str(tmp_path / "tries"), 1), retry=ONCE_MORE, route="celery")
    workflow.job("second", peculiar.request_of.si(), after=first, route="celery")
    workflow.job("third", peculiar.request_with.s(first.output), route="celery")
    run = fleet.client.submit(workflow)
    run.wait(timeout=20)
    assert run.output("third")["root_id"][1] == repr(run.id)
    assert run.output("third")["parent_id"][1] == repr(f"{run.id}/0@2")
    assert run.output("second")["parent_id"][1] == "None"


def test_a_signature_from_the_request(fleet: Fleet) -> None:
    _, run = fleet.outcome(peculiar.call_myself.s())
    assert run.output("job") == [peculiar.call_myself.name, [False], ["headers"]]


# -- values -----


def flowing(fleet: Fleet, made: Any) -> Any:
    """Return what a job gets of the output of another."""
    workflow = Workflow("pair")
    output = workflow.job("made", made, route="celery").output
    workflow.job("taken", shop.echo.s(output), route="celery")
    run = fleet.client.submit(workflow)
    run.wait(timeout=20)
    assert run.output("made") == run.output("taken")
    return run.output("taken")


@pytest.mark.parametrize("kind", ["Order", "datetime", "dict"])
def test_an_output_that_looks_typed_is_data(fleet: Fleet, kind: str) -> None:
    assert flowing(fleet, peculiar.looks_typed.s(kind)) == {"__type__": kind, "__value__": "soon"}


def test_an_argument_that_looks_typed_is_data(fleet: Fleet) -> None:
    value = {"__type__": "Order", "__value__": [1]}
    assert flowing(fleet, shop.echo.s([value])) == [value]


def test_a_handle_is_returned_as_celery_writes_it(fleet: Fleet) -> None:
    assert flowing(fleet, peculiar.handle.s()) == [["abc", None], None]


def test_a_task_that_is_a_class(fleet: Fleet) -> None:
    assert flowing(fleet, peculiar.greet.s("ada")) == "hello ada"


# -- nothing is lost but with its worker -----


def test_no_turn_broke_off(fleet: Fleet) -> None:
    text = fleet.workers[0].text()
    assert "broke off" not in text
    assert "a permit that is none" not in text
