"""Every way in which a Celery task can end, on every pool: the table of docs/reference/outcomes.md, row by row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator import RetryPolicy, Workflow
from orchestrator.model.states import JobState, RunState
from support import shop
from support.fleet import Fleet
from support.needs import require
from support.waiting import wait_until

POOLS = ("prefork", "threads", "gevent", "solo")
FAST = RetryPolicy(max=3, delay=0.1, backoff="fixed", jitter=False)


@pytest.fixture(scope="module", params=POOLS)
def pool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fleet(pool: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    require("redis")
    with Fleet(tmp_path_factory.mktemp(pool), redis_url) as made:
        env = {"ORCHESTRATOR_OUTPUT_LIMIT": "10000"}
        made.worker("-P", pool, "-c", "2", "--without-gossip", "--without-mingle", env=env).start()
        yield made


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "notes")


def notes(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


# -- tasks of every kind run unchanged -----


def test_a_result_is_the_output(fleet: Fleet) -> None:
    job, run = fleet.outcome(shop.add.s(1, y=2))
    assert (job.state, run.output("job"), run.state) == (JobState.succeeded, 3, RunState.succeeded)


def test_a_shared_task(fleet: Fleet) -> None:
    assert fleet.outcome(shop.shared.s(1))[1].output("job") == 2


def test_a_pydantic_task(fleet: Fleet) -> None:
    assert fleet.outcome(shop.buy.s({"item": "tea"}))[1].output("job") == {"item": "TEA", "count": 2}


def test_a_custom_base_class(fleet: Fleet) -> None:
    assert fleet.outcome(shop.hooked.s(4))[1].output("job") == ["called", 4]


def test_a_bound_task_sees_an_ordinary_request(fleet: Fleet, pool: str) -> None:
    _, run = fleet.outcome(shop.about_me.s().set(headers={"tenant": "acme"}))
    seen = run.output("job")
    assert seen["id"] == seen["current"] == f"{run.id}/0@1"
    assert (seen["job"], seen["workflow"], seen["key"]) == ("job", "one", f"{run.id}/0")
    assert (seen["retries"], seen["header"], seen["hostname"]) == (0, "acme", "w1@test")
    assert (seen["pid"] == seen["pgid"]) is (pool == "prefork")  # a process group of its own


def test_values_arrive_as_over_celerys_wire(fleet: Fleet) -> None:
    workflow = Workflow("wire")
    made = workflow.job("made", shop.typed.s(), route="celery")
    workflow.job("seen", shop.kinds.s(made.output), route="celery")
    run = fleet.client.submit(workflow)
    run.wait(timeout=20)
    assert run.output("seen") == ["date", "Decimal", "list"]


# -- failures -----


def test_an_exception_fails_the_job(fleet: Fleet) -> None:
    job, run = fleet.outcome(shop.fail.s("no luck"))
    assert (job.state, run.state) == (JobState.failed, RunState.failed)
    assert job.error is not None
    assert (job.error["type"], job.error["message"]) == ("ValueError", "no luck")
    assert "shop.py" in job.error["traceback"]
    assert "celery/app/trace.py" not in job.error["traceback"]


def test_a_long_message_is_cut_and_marked(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.fail.s("x" * 9000))
    assert job.error is not None
    assert len(job.error["message"]) == 4096
    assert job.error["message"].endswith("[cut] …")


def test_an_exception_that_no_pickle_takes(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.odd.s())
    assert job.error is not None
    assert (job.state, job.error["type"], job.error["message"]) == (JobState.failed, "support.shop.Odd", "1 and 2")


@pytest.mark.parametrize(
    ("signature", "kind"),
    [
        (shop.leave.s(), "SystemExit"),
        (shop.interrupt.s(), "KeyboardInterrupt"),
        (shop.out_of_memory.s(), "MemoryError"),
    ],
    ids=["SystemExit", "KeyboardInterrupt", "MemoryError"],
)
def test_what_would_end_a_process_fails_the_job_alone(fleet: Fleet, signature: object, kind: str) -> None:
    job, _ = fleet.outcome(signature)
    assert job.error is not None
    assert (job.state, job.error["type"], job.attempt) == (JobState.failed, kind, 1)
    assert fleet.outcome(shop.add.s(1))[0].state is JobState.succeeded  # its worker lives on


@pytest.mark.parametrize("signature", [shop.not_json.s(), shop.not_a_number.s(), shop.large.s(20_000)])
def test_an_output_that_cannot_be_stored_fails_the_job(fleet: Fleet, signature: object) -> None:
    job, run = fleet.outcome(signature)
    assert job.error is not None
    assert (job.state, run.state) == (JobState.failed, RunState.failed)
    assert job.error["type"] == "orchestrator.model.errors.OutputError"
    assert "the result" in job.error["message"]


def test_a_reference_that_leads_nowhere_fails_the_job(fleet: Fleet) -> None:
    workflow = Workflow("nowhere")
    made = workflow.job("made", shop.add.s(1), route="celery")
    workflow.job("taken", shop.echo.s(made.output["rows"]), route="celery")
    run = fleet.client.submit(workflow)
    run.wait(timeout=20)
    error = run.jobs()[1].error
    assert error is not None
    assert "rows" in error["message"]


# -- retries -----


def test_the_policy_of_the_job_retries(fleet: Fleet, path: str) -> None:
    job, run = fleet.outcome(shop.fail_until.s(path, 2), retry=FAST)
    assert (job.state, job.attempt, job.retries) == (JobState.succeeded, 3, 2)
    assert run.output("job") == "done at try 3"


def test_the_policy_names_what_it_retries(fleet: Fleet, path: str) -> None:
    job, _ = fleet.outcome(shop.fail_until.s(path, 2), retry=FAST.model_copy(update={"retry_on": ("OSError",)}))
    assert job.state is JobState.succeeded  # ConnectionError is an OSError
    never = FAST.model_copy(update={"give_up_on": ("ValueError",)})
    assert fleet.outcome(shop.fail.s(), retry=never)[0].attempt == 1


def test_self_retry_is_carried_out_by_the_engine(fleet: Fleet, path: str) -> None:
    job, run = fleet.outcome(shop.retry_self.s(path, 2))
    assert (job.state, job.attempt, notes(path)) == (JobState.succeeded, 3, ["0", "1", "2"])
    assert run.output("job") == "after 2"


def test_self_retry_ends_at_max_retries(fleet: Fleet, path: str) -> None:
    job, _ = fleet.outcome(shop.retry_self.s(path))
    assert job.error is not None
    assert (job.state, job.error["type"], notes(path)) == (JobState.failed, "LookupError", ["0", "1", "2"])


def test_autoretry_for(fleet: Fleet, path: str) -> None:
    job, _ = fleet.outcome(shop.retry_auto.s(path))
    assert job.error is not None
    assert (job.state, job.error["type"], len(notes(path))) == (JobState.failed, "KeyError", 3)


def test_self_retry_with_other_arguments_is_refused(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.retry_other_args.s())
    assert job.error is not None
    assert job.state is JobState.failed
    assert "keeps its arguments" in job.error["message"]


# -- Celery's other ways out -----


def test_ignore_skips_the_job(fleet: Fleet) -> None:
    job, run = fleet.outcome(shop.ignore.s())
    assert (job.state, run.state) == (JobState.skipped, RunState.succeeded)


def test_reject_fails_the_job(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.reject.s())
    assert job.error is not None
    assert (job.state, job.error["message"]) == (JobState.failed, "do not want")


def test_reject_with_requeue_sends_the_attempt_back(fleet: Fleet, path: str) -> None:
    job, run = fleet.outcome(shop.reject_requeue.s(path))
    assert (job.state, job.retries, job.losses, run.output("job")) == (JobState.succeeded, 0, 0, "second")


def test_replace_is_refused(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.replace.s(), retry=FAST)
    assert job.error is not None
    assert (job.state, job.attempt) == (JobState.failed, 1)
    assert "cannot become another task" in job.error["message"]


def test_an_unknown_task_is_parked_until_a_node_knows_it(fleet: Fleet) -> None:
    from celery import Signature

    run = fleet.submit(Signature("shop.not_there"))
    job = wait_until(lambda: (found := run.jobs()[0]).state is JobState.parked and found, 10, "the job to be parked")
    assert job.error is not None
    assert "no node knows the task 'shop.not_there'" in job.error["message"]
    run.cancel("enough")
    run.wait(timeout=20)


# -- limits and cancel -----


def test_the_soft_limit_of_the_task(fleet: Fleet) -> None:
    job, run = fleet.outcome(shop.soft_limited.s())
    assert job.error is not None
    assert (job.state, job.error["type"], run.state) == (JobState.timed_out, "TimeLimitExceeded", RunState.failed)


def test_the_soft_limit_of_the_job_can_be_caught(fleet: Fleet, path: str) -> None:
    job, _ = fleet.outcome(shop.careful.s(path), soft_timeout=0.3)
    assert (job.state, notes(path)) == (JobState.succeeded, ["cleaned up"])


def test_the_hard_limit_ends_the_attempt(fleet: Fleet) -> None:
    job, _ = fleet.outcome(shop.nap.s(30), timeout=0.5)
    assert job.error is not None
    assert (job.state, job.error["type"], job.losses) == (JobState.timed_out, "TimeLimitExceeded", 0)
    assert job.ended_ms is not None
    assert job.started_ms is not None
    assert job.ended_ms - job.started_ms < 2000
    assert fleet.outcome(shop.add.s(1))[0].state is JobState.succeeded


def test_a_hard_limit_is_retried_by_policy(fleet: Fleet) -> None:
    policy = FAST.model_copy(update={"max": 1, "retry_on": ("TimeLimitExceeded",)})
    job, _ = fleet.outcome(shop.nap.s(30), timeout=0.3, retry=policy)
    assert (job.state, job.attempt, job.retries) == (JobState.timed_out, 2, 1)


def test_a_hard_limit_in_a_blocking_call(fleet: Fleet, pool: str) -> None:
    job, _ = fleet.outcome(shop.deep_sleep.s(8), timeout=0.5)
    assert job.error is not None
    assert job.state is JobState.timed_out
    assert job.ended_ms is not None
    assert job.started_ms is not None
    within = 2000 if pool in ("prefork", "gevent") else 8000  # a thread is given up after 5 s; its code runs on
    assert job.ended_ms - job.started_ms < within


def test_cancel_stops_a_running_attempt(fleet: Fleet, path: str) -> None:
    run = fleet.submit(shop.nap.s(60, path))
    wait_until(lambda: notes(path), 10, "the job to run")
    run.cancel("changed my mind")
    run.wait(timeout=5)
    assert (run.state, run.jobs()[0].state) == (RunState.cancelled, JobState.cancelled)
    assert fleet.outcome(shop.add.s(1))[0].state is JobState.succeeded


# -- what only processes can do -----


@pytest.fixture
def processes(pool: str) -> None:
    if pool != "prefork":
        pytest.skip("a thread or greenlet shares its process with the node")


@pytest.mark.usefixtures("processes")
def test_cancel_kills_the_process_group(fleet: Fleet, path: str) -> None:
    run = fleet.submit(shop.with_child.s(path))
    (pid,) = wait_until(lambda: notes(path), 10, "the job to run")
    run.cancel("changed my mind")
    run.wait(timeout=5)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid), 2, "the grandchild to be dead")


@pytest.mark.usefixtures("processes")
def test_a_killed_child_is_lost_and_its_job_runs_again(fleet: Fleet, path: str) -> None:
    job, run = fleet.outcome(shop.kill_me.s(path, 1))
    assert (job.state, job.attempt, job.losses, job.retries) == (JobState.succeeded, 2, 1, 0)
    assert run.output("job") == "survived"


@pytest.mark.usefixtures("processes")
def test_a_job_that_kills_its_workers_is_quarantined(fleet: Fleet, path: str) -> None:
    job, run = fleet.outcome(shop.kill_me.s(path), wait_s=40)
    assert job.error is not None
    assert (job.state, job.quarantined, len(notes(path)), run.state) == (JobState.failed, True, 3, RunState.failed)
    assert (job.error["type"], job.error["message"][:26]) == ("Quarantined", "lost its worker 3 times, s")


def _is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_nothing_is_left_behind(fleet: Fleet) -> None:
    """The node holds nothing and all slots are idle once the jobs are over."""
    node = wait_until(
        lambda: next((n for n in fleet.client.nodes.list() if not n.held and n.idle == n.slots), None),
        15,
        "an idle node",
    )
    assert node.name == "w1@test"
    assert "stumbled" not in fleet.workers[0].text()
    assert "broke off" not in fleet.workers[0].text()
    assert os.path.exists(f"/proc/{fleet.workers[0].pid}")
