"""The processes of an installation, and what `doctor` finds in it."""

from typing import Annotated, TypedDict

from orchestrator.model.shapes.runs import Run


class Check(TypedDict):
    """One thing that `doctor` looked at."""

    name: str
    ok: bool
    detail: Annotated[str, "What was found."]
    remedy: Annotated[str | None, "What to do, where it is not ok."]


class Diagnosis(TypedDict):
    """All that `doctor` found."""

    ok: bool
    checks: list[Check]


class Demo(TypedDict):
    """What the demo has made, printed at its end."""

    run: Run
    report: Annotated[str, "The path of the report."]


class Stack(TypedDict):
    """Where an engine under `up` stands, printed at its start."""

    redis: Annotated[str, "The address of the Redis, without its password."]
    data: Annotated[str, "The folder of the data."]
    workers: Annotated[int, "How many worker nodes are started."]
    logs: Annotated[str, "The folder of the logs."]


class WorkerProcess(TypedDict):
    """A worker, printed before it starts."""

    command: Annotated[list[str], "The command that this process becomes."]


class SchedulerProcess(TypedDict):
    """A scheduler, printed when it starts."""

    pid: int


class WebProcess(TypedDict):
    """A web process, printed when it listens."""

    pid: int
    host: str
    port: int


class Completion(TypedDict):
    """The completion script of a shell."""

    shell: str
    script: str
    file: Annotated[str, "Where the shell looks for it."]
