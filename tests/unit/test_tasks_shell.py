"""`orchestrator.shell`: arguments, scripts, bounds, exit codes, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery.exceptions import SoftTimeLimitExceeded

from orchestrator.model.errors import TaskInputError
from orchestrator.runtime import capture
from orchestrator_tasks import CommandFailed, CommandTimeout, shell

# Starts a background process that ignores SIGTERM, and goes on itself.
STUBBORN = "trap '' TERM; sleep 600 & echo $! >> {pids}; trap - TERM; sleep 600 & echo $! >> {pids}; {then}"


def run(*args: Any, **kwargs: Any) -> Any:
    return shell.apply(args=args, kwargs=kwargs).get()


def living(pids: Path) -> list[int]:
    found = [int(line) for line in pids.read_text().split()]
    assert len(found) == 2
    return [pid for pid in found if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def soft_limit() -> Iterator[None]:
    def expire(number: int, frame: object) -> None:
        raise SoftTimeLimitExceeded(number)

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_tasks.command.GRACE_S", 0.2)


def test_output_of_a_command() -> None:
    done = run(["sh", "-c", "echo out; echo err >&2"])
    assert {**done, "seconds": 0} == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n", "seconds": 0}


METACHARACTERS = [
    "; touch X",
    "$(touch X)",
    "`touch X`",
    "| touch X",
    "&& touch X",
    "\ntouch X\n",
    "> X",
    "'; touch X'",
]


@pytest.mark.parametrize("text", METACHARACTERS)
def test_data_is_never_read_by_a_shell(text: str, tmp_path: Path) -> None:
    assert run(["printf", "%s", text], cwd=str(tmp_path))["stdout"] == text
    script = 'printf "%s%s" "$1" "$TEXT"'
    done = run([text], script=script, interpreter=["bash", "-eu"], env={"TEXT": text}, cwd=str(tmp_path))
    assert done["stdout"] == text + text
    assert list(tmp_path.iterdir()) == []


def test_a_script_runs_by_the_interpreter_that_is_named() -> None:
    assert run(script="import sys; print(sys.argv[1:])", interpreter=[sys.executable], argv=["a b", ""])["stdout"] == (
        "['a b', '']\n"
    )


def test_stdin_and_megabytes_through_pipes() -> None:
    text = "x" * 5_000_000
    assert run(["wc", "-c"], stdin=text)["stdout"].strip() == "5000000"
    done = run(["cat"], stdin=text, keep_bytes=10)
    assert done["stdout"] == "xxxxx\n… 4999990 bytes cut …\nxxxxx"


def test_a_command_that_does_not_read_its_stdin() -> None:
    assert run(["true"], stdin="x" * 5_000_000)["exit_code"] == 0


def test_output_within_the_bound_is_whole() -> None:
    assert run(["printf", "0123456789"], keep_bytes=10)["stdout"] == "0123456789"
    assert run(["printf", "0123456789"], keep_bytes=9)["stdout"] == "0123\n… 2 bytes cut …\n6789"
    assert run(["printf", "0123456789"], keep_bytes=0)["stdout"] == "\n… 10 bytes cut …\n"


def test_output_need_not_be_utf8() -> None:
    assert run(["printf", r"a\377b"])["stdout"] == "a\ufffdb"


def test_exit_codes() -> None:
    assert run(["sh", "-c", "exit 3"], ok_codes=[0, 3])["exit_code"] == 3
    with pytest.raises(CommandFailed, match=r"(?m)^orchestrator.shell: 'sh' ended with exit code 3: no such table$"):
        run(["sh", "-c", "echo first >&2; echo no such table >&2; exit 3"])
    with pytest.raises(CommandFailed, match=r"'sh' was ended by signal 9$"):
        run(["sh", "-c", "kill -9 $$"])
    with pytest.raises(CommandFailed):
        run(["true"], ok_codes=[])


def kept(error: pytest.ExceptionInfo[BaseException]) -> str:
    traceback: str = capture.error(error.value)["traceback"]
    return traceback


def test_the_output_of_a_command_that_fails_is_kept_with_its_error() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(["sh", "-c", "echo copied a; echo no b >&2; echo copied c; exit 3"])
    assert kept(caught).endswith("exit code 3: no b\nstdout:\ncopied a\ncopied c\nstderr:\nno b\n")
    with pytest.raises(CommandFailed) as caught:
        run(["sh", "-c", "yes é | head -n 90000; echo last; yes ü | head -n 90000 >&2; echo end >&2; exit 1"])
    assert "é\nlast\nstderr:\n…" in kept(caught)
    assert kept(caught).endswith("ü\nend\n")
    assert "CommandFailed: " in kept(caught)
    with pytest.raises(CommandFailed) as caught:
        run(["false"])
    assert "stdout:" not in kept(caught)


def test_the_output_up_to_a_time_limit_is_kept_with_the_error(soft_limit: None) -> None:
    with pytest.raises(CommandTimeout) as caught:
        run(["sh", "-c", "echo half; sleep 60"], timeout=0.1)
    assert kept(caught).endswith("stdout:\nhalf\n")
    with pytest.raises(SoftTimeLimitExceeded) as late:
        run(["sh", "-c", "echo half; sleep 60"])
    assert kept(late).endswith("stdout:\nhalf\n")


def test_what_cannot_start() -> None:
    with pytest.raises(TaskInputError, match="cannot start 'no-such-command': No such file or directory"):
        run(["no-such-command"])
    with pytest.raises(TaskInputError, match="cannot start '/no/such/folder': No such file or directory"):
        run(["true"], cwd="/no/such/folder")


def test_the_engines_settings_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", "redis://:password@host")
    assert "password" not in run(["env"], env={"MINE": "1"})["stdout"]
    assert "MINE=1" in run(["env"], env={"MINE": "1"})["stdout"]


def test_timeout_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = STUBBORN.format(pids=pids, then="echo halfway >&2; wait")
    started = time.monotonic()
    with pytest.raises(CommandTimeout, match=r"(?m)'bash script' was still running after 0.5 s: halfway$"):
        run(script=script, interpreter=["bash"], timeout=0.5)
    assert living(pids) == []
    assert time.monotonic() - started < 10


def test_the_soft_limit_ends_the_command_and_what_it_started(tmp_path: Path, soft_limit: None) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(SoftTimeLimitExceeded):
        run(script=STUBBORN.format(pids=pids, then="wait"), interpreter=["bash"])
    assert living(pids) == []


def test_what_runs_on_in_the_background_is_ended_with_the_command(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    done = run(script=STUBBORN.format(pids=pids, then="echo done"), interpreter=["bash"])
    assert done["stdout"] == "done\n"
    assert living(pids) == []


def test_scripts_leave_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shown = run(script="echo $0; stat -c %a $0", interpreter=["sh"])["stdout"].split()
    assert os.path.dirname(shown[0]) == str(tmp_path)
    assert shown[1] == "600"
    assert list(tmp_path.iterdir()) == []
