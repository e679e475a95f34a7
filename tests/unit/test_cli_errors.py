"""Whatever goes wrong ends as one line on stderr and an exit code; help stays cheap."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

import click
import pytest

from orchestrator.cli import errors
from orchestrator.cli.base import AppContext
from orchestrator.cli.main import COMMANDS, orchestrator
from orchestrator.model.errors import DefinitionError, ParameterError, RunFailed, StoreUnavailable


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def command() -> NoReturn:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (ParameterError("n is wrong", where="workflow 'w'"), "error: workflow 'w': n is wrong", 2),
        (StoreUnavailable("no answer", remedy="start it"), "error: no answer (start it)", 2),
        (RunFailed("it failed"), "error: it failed", 1),
        (click.UsageError("No such option: -x."), "error: No such option: -x", 2),
        (click.BadParameter("no number"), "error: Invalid value: no number", 2),
        (KeyboardInterrupt(), "", 130),
        (click.Abort(), "", 130),
        (ValueError("two\nlines"), "error: ValueError: two · lines at test_cli_errors.py:", 2),
    ],
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, line: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert errors.run(raising(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == (1 if line else 0)
    assert "Traceback" not in err


def test_several_complaints_about_a_definition_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(raising(DefinitionError("2 things are wrong:\n  jobs.a: x\n  jobs.b: y"))) == 2
    assert capsys.readouterr().err == "error: 2 things are wrong:\n  jobs.a: x\n  jobs.b: y\n"


def test_the_code_of_a_command_is_the_code_of_the_process() -> None:
    assert errors.run(lambda: None) == 0
    assert errors.run(lambda: 1) == 1
    assert errors.run(raising(click.exceptions.Exit(1))) == 1
    assert errors.run(raising(SystemExit(3))) == 3
    assert errors.run(raising(SystemExit())) == 0


def test_a_reader_that_had_enough_is_no_error() -> None:
    code = "from orchestrator.cli.errors import run; exit(run(lambda: [print(i) for i in range(99999)] and None))"
    piped = f"{sys.executable} -c '{code}' | head -1"
    done = subprocess.run(piped, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["rusn"], "no such command: rusn; did you mean runs? (see orchestrator --help)"),
        (["xyz"], "no such command: xyz; there are up, demo, doctor"),
        (["runs", "xyz"], "no such command: xyz; there are list, show, watch, cancel (see orchestrator runs --help)"),
        (["runs", "list", "--stat", "x"], "No such option '--stat'"),
        (["runs", "list", "--state", "x"], "'x' is not one of"),
        (["submit"], "Missing argument 'WORKFLOW|FILE'"),
        (["replay", "x", "--time-scale", "-1"], "-1.0 is not in the range x>=0"),
        (["-A", "no.such.app", "submit", "x"], "no.such.app: cannot load the Celery app: No module named 'no'"),
        (["submit", "no_such_module:workflow"], "no_such_module:workflow: cannot be imported: ModuleNotFoundError"),
        (["submit", "os:path"], "os:path: a module is not a workflow"),
        (["submit", "none.yaml"], "none.yaml: there is no such file"),
        (["submit", "x", "-p", "novalue"], "-p: 'novalue' is not KEY=VALUE"),
        (["replay", "none.json"], "none.json: cannot be read: No such file or directory"),
    ],
)
def test_bad_usage_is_told_in_one_line(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", "redis://127.0.0.1:1/0")  # nothing listens: nothing may need it
    code = errors.run(lambda: orchestrator.main(args, prog_name="orchestrator", standalone_mode=False))
    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert told in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name: str) -> None:
    ctx = click.Context(orchestrator, obj=AppContext(None))
    command = orchestrator.get_command(ctx, name)
    assert command is not None
    leaves = [command]
    if isinstance(command, click.Group):
        leaves = [found for each in command.list_commands(ctx) if (found := command.get_command(ctx, each))]
    for leaf in leaves:
        assert leaf.help
        assert any("--json" in param.opts for param in leaf.params), leaf.name


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom orchestrator.cli.main import orchestrator\n"
        "orchestrator.main(['--help'], standalone_mode=False)\n"
        "heavy = {'celery', 'kombu', 'redis', 'pydantic', 'rich', 'yaml'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "workflows" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(lambda: orchestrator.main(["completion", shell], standalone_mode=False)) == 0
    assert "_ORCHESTRATOR_COMPLETE" in capsys.readouterr().out
