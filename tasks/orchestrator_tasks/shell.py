"""`orchestrator.shell`: runs a command, as a list of arguments, or a script by an interpreter that is named.

No shell string is built from data. The data of a job reaches the command as whole arguments, as environment variables
or as its input. An interpreter reads its script from a file.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import Field

from orchestrator.model.errors import TaskInputError
from orchestrator_tasks.command import noted, run_command
from orchestrator_tasks.errors import CommandFailed, CommandTimeout
from orchestrator_tasks.stock import stock

NAME = "orchestrator.shell"
KEPT_BYTES = 65_536
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""The operating system has no zero bytes in arguments and variables."""


@stock(NAME)
def shell(
    argv: Annotated[list[Text], Field(max_length=10_000)] | None = None,
    *,
    script: str | None = None,
    interpreter: Annotated[list[Text], Field(min_length=1)] | None = None,
    env: dict[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")], Text] | None = None,
    cwd: Text | None = None,
    stdin: str | None = None,
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None,
    ok_codes: list[int] | None = None,
    keep_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = KEPT_BYTES,
) -> dict[str, Any]:
    """Run `argv`, or `script` by `interpreter` with `argv` as the script's own arguments.

    `env` is added to the worker's environment, without the engine's own settings. `timeout` is in seconds. `ok_codes`
    are the exit codes that are a success, by default 0; a process that a signal ended has minus the signal's number.
    Of each of stdout and stderr at most `keep_bytes` bytes are kept, half from the start and half from the end, with
    a mark where something was cut. Returns `{"exit_code", "stdout", "stderr", "seconds"}`. If the command fails, the
    last part of its output stands below the traceback of the error.
    """
    started = time.monotonic()
    with _command(argv, script, interpreter) as command:
        shown = os.path.basename(interpreter[0]) + " script" if interpreter else command[0]
        try:
            done = run_command(
                command,
                env=_environment(env or {}),
                cwd=cwd,
                stdin=(stdin or "").encode(),
                timeout=timeout,
                keep=keep_bytes,
            )
        except OSError as error:
            place = error.filename or command[0]
            raise TaskInputError(f"cannot start {place!r}: {error.strerror}", where=NAME) from None
    if done.timed_out:
        what = f"{shown!r} was still running after {timeout:g} s{_last_line(done.stderr)}"
        raise noted(CommandTimeout(what, where=NAME), done.stdout, done.stderr)
    if done.exit_code not in (ok_codes if ok_codes is not None else (0,)):
        what = f"{shown!r} {_ending(done.exit_code)}{_last_line(done.stderr)}"
        raise noted(CommandFailed(what, where=NAME), done.stdout, done.stderr)
    return {
        "exit_code": done.exit_code,
        "stdout": done.stdout,
        "stderr": done.stderr,
        "seconds": round(time.monotonic() - started, 3),
    }


@contextmanager
def _command(argv: list[str] | None, script: str | None, interpreter: list[str] | None) -> Iterator[list[str]]:
    """Give the argument list to run; a script stands in a file of its own for as long as the command runs."""
    if (script is None) != (interpreter is None):
        remedy = 'interpreter: ["bash", "-eu"]'
        raise TaskInputError("`script` and `interpreter` belong together", where=NAME, remedy=f"such as {remedy}")
    if script is None or interpreter is None:
        if not argv:
            raise TaskInputError("argv: a command is needed", where=NAME, remedy='such as ["ls", "-l"]')
        yield argv
        return
    with tempfile.NamedTemporaryFile("w", prefix="orchestrator-", encoding="utf-8") as file:  # mode 0600
        file.write(script)
        file.flush()
        yield [*interpreter, file.name, *(argv or ())]


def _environment(added: dict[str, str]) -> dict[str, str]:
    """Return the worker's environment without the engine's settings (they hold passwords), with what a job adds."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    return inherited | added


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _last_line(stderr: str) -> str:
    """Return the last line of stderr, which mostly says why the command failed."""
    lines = stderr.strip().splitlines()
    return f": {lines[-1][:500]}" if lines else ""
