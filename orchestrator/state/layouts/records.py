"""The packed values that scripts and Python share. Twins in `scripts/lib`: `records`, `runs`, `transitions` …"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from orchestrator.model.ids import RUN_ID_LENGTH
from orchestrator.model.run import JobRun, RunInfo, TransitionInfo, read_json
from orchestrator.model.states import JobState, PriorityClass, RunState
from orchestrator.state.limits import JOB_STATES, NO_STATE, QUARANTINED, RUN_INDEX

_RECORD = struct.Struct(">BB3sHH6s6s6s")
_ENTRY = struct.Struct(f">{RUN_ID_LENGTH}sI6s")
_TRANSITION = struct.Struct(">3s3sBBH")
RUN_FIELDS = (
    "workflow", "version", "plan", "state", "class", "created", "started", "ended", "total", "counts", "params",
    "who", "why", "facts",
)  # fmt: skip


def read_transitions(entry_id: bytes, packed: bytes) -> Iterator[TransitionInfo]:
    """Unpack an entry of the stream: the transitions that one script made in one run."""
    run, n, ms = _ENTRY.unpack_from(packed)
    at = _ENTRY.size
    while at < len(packed):
        index, attempt, before, after, length = _TRANSITION.unpack_from(packed, at)
        at += _TRANSITION.size
        job = int.from_bytes(index)
        states = RunState if job == RUN_INDEX else JobState
        yield TransitionInfo(
            entry_id.decode(), run.decode(), n, None if job == RUN_INDEX else job, int.from_bytes(attempt),
            None if before == NO_STATE else states.numbered(before), states.numbered(after), int.from_bytes(ms),
            packed[at : at + length].decode(errors="replace"),
        )  # fmt: skip
        n, at = n + 1, at + length


def read_record(index: int, name: str, packed: bytes, error: bytes | None = None, lost: bytes | None = None) -> JobRun:
    """Unpack a job run's record. `lost` has a line for each lost attempt: its number and its node."""
    state, flags, attempt, retries, losses, queued, started, ended = _RECORD.unpack_from(packed)
    return JobRun(
        index, name, JobState.numbered(state), int.from_bytes(attempt), retries, losses,
        _ms(queued), _ms(started), _ms(ended),
        packed[_RECORD.size :].decode(errors="replace") or None, read_json(error), bool(flags & QUARANTINED),
        _lost(lost or b""),
    )  # fmt: skip


def _lost(text: bytes) -> tuple[tuple[int, str], ...]:
    lines = (line.partition(" ") for line in text.decode(errors="replace").splitlines())
    return tuple((int(attempt), node) for attempt, _, node in lines)


def read_counts(packed: bytes) -> dict[JobState, int]:
    """Unpack a run's tally, states without jobs left out."""
    numbers = (int.from_bytes(packed[3 * at : 3 * at + 3]) for at in range(JOB_STATES))
    return {JobState.numbered(at): number for at, number in enumerate(numbers) if number}


def read_run(run: str, values: list[Any]) -> RunInfo | None:
    """Read a run's record, given as the values of `RUN_FIELDS`; None if there is none."""
    found = dict(zip(RUN_FIELDS, values, strict=True))
    if found["plan"] is None:
        return None
    state = RunState.numbered(int(found["state"]))
    counts = read_counts(found["counts"])
    if state in (RunState.cancelled, RunState.timed_out) and (waiting := counts.pop(JobState.waiting, 0)):
        # The run's own transition stands for the jobs that never had a record.
        counts[JobState.cancelled] = counts.get(JobState.cancelled, 0) + waiting
    return RunInfo(
        run, found["workflow"].decode(), int(found["version"]), found["plan"].decode(), state,
        PriorityClass(int(found["class"])), int(found["created"]), _int(found["started"]), _int(found["ended"]),
        int(found["total"]), counts, read_json(found["params"]) or {}, _text(found["who"]), _text(found["why"]),
        read_json(found["facts"]) or {},
    )  # fmt: skip


def unstarted(run: RunInfo, index: int, name: str) -> JobRun:
    """Return the job run of a job without a record: waiting, or cancelled with its run."""
    if run.state in (RunState.cancelled, RunState.timed_out):
        return JobRun(index, name, JobState.cancelled, ended_ms=run.ended_ms)
    return JobRun(index, name, JobState.waiting)


def _ms(packed: bytes) -> int | None:
    return int.from_bytes(packed) or None


def _int(value: bytes | None) -> int | None:
    return None if value is None else int(value)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
