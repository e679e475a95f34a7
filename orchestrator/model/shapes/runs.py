"""What runs, waits and works: runs, traces, workflows, queues, worker nodes."""

from typing import Annotated, Any, NotRequired, TypedDict

from orchestrator.model.shapes.values import Time


class Error(TypedDict):
    """Why an attempt did not succeed."""

    type: Annotated[str, "The class of the exception, with its module unless it is built in."]
    message: Annotated[str, "What it says; of a long text the start."]
    traceback: Annotated[str, "Where it was raised; of a long text the end."]
    bases: Annotated[list[str], "The classes that it derives from, which a retry policy may name."]


class Run(TypedDict):
    """One execution of a workflow."""

    id: str
    workflow: Annotated[str, "The name of its workflow."]
    version: Annotated[int, "The version of the workflow that it executes."]
    state: Annotated[str, "One of the states of runs."]
    created: Time
    started: Annotated[Time | None, "When its first job started."]
    finished: Annotated[Time | None, "When it ended."]
    counts: Annotated[dict[str, int], "How many of its jobs are in each state that has any."]


class JobRun(TypedDict):
    """One job inside a run."""

    name: str
    state: Annotated[str, "One of the states of job runs."]
    attempt: Annotated[int, "The number of its last attempt; 0 before the first."]
    queued: Annotated[Time | None, "When it became ready last."]
    started: Annotated[Time | None, "When its last attempt started."]
    finished: Annotated[Time | None, "When its last attempt ended."]
    node: Annotated[str | None, "The worker node of its last attempt."]
    error: Annotated[Error | None, "The error of its last attempt that did not succeed."]


class RunWithJobs(Run):
    """A run and all its jobs, in the order of the definition."""

    jobs: list[JobRun]


class TraceJob(TypedDict):
    """One job of a trace."""

    id: str
    name: str
    runtime_s: Annotated[float, "How long it took, in seconds."]
    after: Annotated[list[str], "The ids of the jobs that it waited for."]
    started_s: Annotated[NotRequired[float | None], "Seconds since the start of the run; an export has it."]
    finished_s: Annotated[NotRequired[float | None], "Seconds since the start of the run; an export has it."]


class Trace(TypedDict):
    """A recorded run, as `replay` reads it."""

    name: Annotated[str, "The name of the workflow."]
    source: Annotated[str, "Where it was recorded."]
    licence: str
    jobs: list[TraceJob]


class StoredWorkflow(TypedDict):
    """One workflow that the store knows."""

    name: str
    version: Annotated[int, "The current version."]
    versions: Annotated[list[int], "The versions whose runs may still be there."]


class GraphJob(TypedDict):
    """One job of a graph."""

    name: str
    after: Annotated[list[str], "The names of the jobs that it waits for."]


class Graph(TypedDict):
    """The jobs of a workflow and what they wait for."""

    workflow: str
    jobs: list[GraphJob]


class Queue(TypedDict):
    """What waits on one route in one priority class."""

    route: str
    priority: str
    ready: Annotated[int, "Attempts that could start now."]
    oldest: Annotated[Time | None, "When the one that waits longest became ready."]
    slots: Annotated[int, "The slots of the live nodes on the route."]


class Node(TypedDict):
    """One worker node that is alive, or was lost in the last hour."""

    name: str
    slots: int
    idle: Annotated[int, "Slots in which nothing runs."]
    serves: Annotated[dict[str, list[str]], "By route: the priority classes that it serves."]
    runs: Annotated[list[str], "The attempts that it runs."]
    info: Annotated[dict[str, Any], "What the node says of itself: process, host, pool, versions."]
    gone: Annotated[Time | None, "When it was given up; null for one that is alive."]
    lost: Annotated[list[str], "The attempts that were lost with it."]
