"""The stock tasks `sleep`, `noop` and `python`, and how each of them answers wrong arguments."""

from __future__ import annotations

import pickle  # noqa: TID251 — to show that the errors survive it
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded

import orchestrator_tasks
from orchestrator.model.errors import OrchestratorError, TaskInputError
from orchestrator_tasks import Refused, noop, python, shell, sleep
from orchestrator_tasks.settings import task_settings


@pytest.fixture
def allow_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def allow(modules: str) -> None:
        monkeypatch.setenv("ORCHESTRATOR_PYTHON_MODULES", modules)
        task_settings.cache_clear()

    yield allow
    task_settings.cache_clear()


def run(task: Any, *args: Any, **kwargs: Any) -> Any:
    return task.apply(args=args, kwargs=kwargs).get()


def test_names_do_not_depend_on_modules() -> None:
    names = {getattr(orchestrator_tasks, name).name for name in ("shell", "python", "http", "sleep", "noop")}
    assert names == {f"orchestrator.{name}" for name in ("shell", "python", "http", "sleep", "noop")}


@pytest.mark.parametrize(
    ("task", "args", "kwargs", "line"),
    [
        (sleep, [-1], {}, "orchestrator.sleep: seconds: input should be greater than or equal to 0"),
        (sleep, [float("inf")], {}, "orchestrator.sleep: seconds: input should be a finite number"),
        (
            sleep,
            [],
            {"second": 1},
            "orchestrator.sleep: seconds: missing required argument; second: unexpected",
        ),
        (shell, ["ls -l"], {}, "orchestrator.shell: argv: input should be a valid list"),
        (shell, [], {}, "orchestrator.shell: argv: a command is needed"),
        (shell, [], {"script": "x"}, "orchestrator.shell: `script` and `interpreter` belong together"),
        (shell, [["a\0b"]], {}, "orchestrator.shell: argv.0: string should match pattern"),
        (shell, [["true"]], {"env": {"A=B": "x"}}, "orchestrator.shell: env.A=B.[key]: string should match pattern"),
        (python, ["subprocess.run"], {}, "orchestrator.python: call: string should match pattern"),
        (python, ["os:path.join"], {}, "orchestrator.python: call: string should match pattern"),
    ],
)
def test_wrong_arguments_are_one_clear_line(task: Any, args: list[Any], kwargs: dict[str, Any], line: str) -> None:
    with pytest.raises(TaskInputError) as caught:
        run(task, *args, **kwargs)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_wrong_value_is_not_repeated_it_may_be_a_secret() -> None:
    with pytest.raises(TaskInputError) as caught:
        run(shell, ["true"], env={"TOKEN": {"secret": "hunter2"}})
    assert "hunter2" not in str(caught.value)


def test_values_from_documents_are_coerced() -> None:
    assert run(sleep, "0.01") is None


def test_errors_survive_celery_and_pickle() -> None:
    error = TaskInputError("what", where="where", remedy="remedy")
    assert str(pickle.loads(pickle.dumps(error))) == "where: what (remedy)"


def test_noop_gives_back_what_it_was_given() -> None:
    assert run(noop) is None
    assert run(noop, {"a": [1, None]}) == {"a": [1, None]}


def test_sleep_sleeps() -> None:
    started = time.monotonic()
    run(sleep, 0.3)
    assert 0.3 <= time.monotonic() - started < 1


def test_sleep_is_interrupted_by_the_soft_limit(soft_limit_after: Callable[[float], None]) -> None:
    soft_limit_after(0.1)
    started = time.monotonic()
    with pytest.raises(SoftTimeLimitExceeded):
        run(sleep, 60)
    assert time.monotonic() - started < 5


def test_python_calls_what_is_allowed(allow_modules: Callable[[str], None]) -> None:
    allow_modules("textwrap, json.*")
    assert run(python, "textwrap:shorten", ["aa bb cc"], {"width": 5, "placeholder": ""}) == "aa bb"
    assert run(python, "json:dumps", [[1]]) == "[1]"


def test_python_is_closed_by_default() -> None:
    with pytest.raises(Refused, match=r"module 'subprocess' is not allowed here \(.*ORCHESTRATOR_PYTHON_MODULES"):
        run(python, "subprocess:run", [["true"]])


def test_a_refused_module_is_not_even_imported() -> None:
    sys.modules.pop("antigravity", None)
    with pytest.raises(Refused):
        run(python, "antigravity:fly")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("call", ["jsonx:dumps", "json_:dumps", "textwrapx:wrap"])
def test_a_pattern_ends_at_the_dot(allow_modules: Callable[[str], None], call: str) -> None:
    allow_modules("json.*,textwrap")
    with pytest.raises(Refused):
        run(python, call)


def test_an_imported_function_is_judged_by_its_home(allow_modules: Callable[[str], None]) -> None:
    allow_modules("inspect")  # inspect has `from importlib.machinery import ...`, and `from keyword import iskeyword`
    with pytest.raises(Refused, match="module 'collections' is not allowed"):
        run(python, "inspect:namedtuple", ["P", ["x"]])


def test_python_says_what_is_not_there(allow_modules: Callable[[str], None]) -> None:
    allow_modules("nowhere.*,json")
    with pytest.raises(TaskInputError, match="no module 'nowhere' on this worker"):
        run(python, "nowhere.at.all:f")
    with pytest.raises(TaskInputError, match="module 'json' has no function 'nothing'"):
        run(python, "json:nothing")
    with pytest.raises(TaskInputError, match="module 'json' has no function 'decoder'"):
        run(python, "json:decoder")


def test_an_error_of_the_called_function_is_its_own(allow_modules: Callable[[str], None]) -> None:
    allow_modules("json.*")
    with pytest.raises(ValueError, match="Expecting value"):
        run(python, "json:loads", ["?"])


@pytest.fixture
def soft_limit_after() -> Iterator[Callable[[float], None]]:
    """Raise SoftTimeLimitExceeded in the body after so many seconds, by a signal as Celery does."""

    def expire(number: int, frame: object) -> None:
        raise SoftTimeLimitExceeded(number)

    before = signal.signal(signal.SIGALRM, expire)
    yield lambda seconds: (signal.setitimer(signal.ITIMER_REAL, seconds), None)[1]
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_each_error_of_the_pack_belongs_to_the_tree() -> None:
    for name in ("CommandFailed", "CommandTimeout", "HttpFailed", "HttpStatusError", "Refused"):
        assert issubclass(getattr(orchestrator_tasks, name), OrchestratorError)
