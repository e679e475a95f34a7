"""The states of runs and job runs, and every move between them: the complete table.

`JOB_MOVES` and `RUN_MOVES` name, for each arrow, the state scripts that may make it. The model test takes the tables as
its oracle, each script's `moves:` line is checked against them, and the diagrams in `docs/reference/states.md` are
generated from them. A state is its name wherever Python shows it. Its number is what records and transitions hold in
Redis: it never changes its meaning.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import cache
from typing import Self

LOST_BUDGET = 3
"""How many attempts of one job run may be lost with their worker before it is quarantined."""


class State(StrEnum):
    """A word with the number by which the store knows it."""

    number: int

    def __new__(cls, word: str, number: int) -> Self:
        """Make a member of its word and its number."""
        state = str.__new__(cls, word)
        state._value_ = word
        state.number = number
        return state

    @classmethod
    @cache
    def numbered(cls, number: int) -> Self:
        """Return the state with a number.

        Raises:
            ValueError: there is none.
        """
        for state in cls:
            if state.number == number:
                return state
        raise ValueError(f"{number} is not the number of a {cls.__name__}")


class JobState(State):
    """The state of a job run."""

    waiting = "waiting", 0
    queued = "queued", 1
    running = "running", 2
    retrying = "retrying", 3
    succeeded = "succeeded", 4
    failed = "failed", 5
    timed_out = "timed_out", 6
    cancelled = "cancelled", 7
    skipped = "skipped", 8
    upstream_failed = "upstream_failed", 9
    lost = "lost", 10
    # Reserved for holds, parking, delays and signals: the numbers are given, so that records need no migration.
    held = "held", 11
    parked = "parked", 12
    delayed = "delayed", 13
    awaiting_signal = "awaiting_signal", 14

    @property
    def final(self) -> bool:
        """Whether only a rerun can move the job run from here."""
        return self in FINAL_JOB_STATES


class RunState(State):
    """The state of a run."""

    queued = "queued", 0
    running = "running", 1
    cancelling = "cancelling", 2
    succeeded = "succeeded", 3
    failed = "failed", 4
    cancelled = "cancelled", 5
    timed_out = "timed_out", 6
    paused = "paused", 7

    @property
    def final(self) -> bool:
        """Whether the run is over."""
        return self in FINAL_RUN_STATES


class PriorityClass(IntEnum):
    """The four classes of urgency; a smaller number is more urgent."""

    critical = 0
    high = 1
    normal = 2
    low = 3


FINAL_JOB_STATES = frozenset({
    JobState.succeeded, JobState.failed, JobState.timed_out,
    JobState.cancelled, JobState.skipped, JobState.upstream_failed,
})  # fmt: skip
FINAL_RUN_STATES = frozenset({RunState.succeeded, RunState.failed, RunState.cancelled, RunState.timed_out})

# What a final state counts as for the jobs behind it.
SUCCESS_STATES = frozenset({JobState.succeeded})
SKIP_STATES = frozenset({JobState.skipped})
FAILURE_STATES = FINAL_JOB_STATES - SUCCESS_STATES - SKIP_STATES

_LOSING = frozenset({"claim", "finish", "settle", "beat", "reap", "register"})
"""The scripts in which an attempt may turn out to be lost, and to have been the last that its budget allows."""
_ENDING = frozenset({"finish", "settle"})
"""The scripts by which a node reports how an attempt ended."""
_BEGINNING = frozenset({"create_run", "start_planned", "start_waiting"})
"""The scripts that make a run."""
_WISHING = frozenset({"cancel", "fire", "start_planned", "offer"})
"""The scripts that may request the end of a run: a cancel, its deadline, a later run that takes its place."""

# What the scripts do today. What is not there yet has no arrow: `create_run` makes runs `queued`, and a job run that
# has no record is `waiting`.
JOB_MOVES: dict[tuple[JobState, JobState], frozenset[str]] = {
    (JobState.waiting, JobState.queued): _BEGINNING | {"finish", "advance"},
    (JobState.waiting, JobState.skipped): _ENDING | {"advance"},
    (JobState.waiting, JobState.upstream_failed): _LOSING | {"advance"},
    (JobState.queued, JobState.running): frozenset({"claim", "finish"}),
    (JobState.queued, JobState.cancelled): frozenset({"claim", "finish", "advance"}),
    (JobState.queued, JobState.parked): frozenset({"claim", "finish"}),
    (JobState.running, JobState.succeeded): frozenset({"finish"}),
    (JobState.running, JobState.failed): _ENDING,
    (JobState.running, JobState.timed_out): _ENDING,
    (JobState.running, JobState.cancelled): _ENDING,
    (JobState.running, JobState.skipped): _ENDING,
    (JobState.running, JobState.retrying): _ENDING,
    (JobState.running, JobState.parked): _ENDING,
    (JobState.running, JobState.lost): _LOSING | {"leave"},
    (JobState.lost, JobState.retrying): _LOSING | {"leave"},
    (JobState.lost, JobState.failed): _LOSING,
    (JobState.lost, JobState.cancelled): _LOSING | {"leave"},
    (JobState.retrying, JobState.queued): frozenset({"fire"}),
    (JobState.retrying, JobState.cancelled): frozenset({"advance"}),
    (JobState.parked, JobState.queued): frozenset({"fire"}),
    (JobState.parked, JobState.cancelled): frozenset({"advance"}),
}
RUN_MOVES: dict[tuple[RunState, RunState], frozenset[str]] = {
    (RunState.queued, RunState.running): frozenset({"claim", "finish"}),
    (RunState.queued, RunState.cancelling): _WISHING,
    (RunState.running, RunState.cancelling): _WISHING,
    (RunState.running, RunState.succeeded): _ENDING | {"advance"},
    (RunState.running, RunState.failed): _LOSING | {"advance"},
    (RunState.cancelling, RunState.cancelled): _LOSING | {"advance", "leave"},
    (RunState.cancelling, RunState.timed_out): _LOSING | {"advance", "leave"},
}
