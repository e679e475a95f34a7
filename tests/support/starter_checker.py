"""Checks what starts runs in a namespace at rest: records, lists, timers, runs and deliveries must tell one story."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.model.states import RunState
from orchestrator.state.limits import JOURNAL_KEPT
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import StarterRecord
from orchestrator.state.store import Store

MOST = 100_000


@dataclass(frozen=True)
class Run:
    """A stored run that something started."""

    starter: str
    occasion: str
    state: RunState
    created: int


@dataclass
class StarterChecker:
    """Checks starters; `timers` are then those that must stand for them, `free_timers` those that may."""

    store: Store
    timers: set[str] = field(default_factory=set)
    free_timers: set[str] = field(default_factory=set)

    def run(self, runs: set[str]) -> Iterator[str]:
        """Yield what is wrong; `runs` are all that are stored."""
        keys = self.store.keys
        self.runs = dict(self._runs(runs))
        self.records: dict[str, StarterRecord] = {}
        for kind in ("schedule", "trigger", "backfill"):
            names = self.store.read(starters.ids(keys, kind))
            found = {record.id: record for record in self.store.read(starters.several(keys, names))}
            for name in names:
                if name not in found:
                    yield f"{name} is listed as a {kind} and has no record"
                elif found[name].kind != kind:
                    yield f"{name} is listed as a {kind} and is a {found[name].kind}"
            self.records |= found
        for record in self.records.values():
            yield from self._starter(record)
        yield from self._agenda()
        yield from self._hooks()
        yield from self._deliveries()
        self.free_timers |= {f"ended/{run}" for run in runs}

    def _runs(self, runs: set[str]) -> Iterator[tuple[str, Run]]:
        names = sorted(runs)
        commands = [("HMGET", self.store.keys.run(run), "starter", "occasion", "state", "created") for run in names]
        for run, (starter, occasion, state, created) in zip(names, self.store.pipeline(commands), strict=True):
            if starter is not None:
                yield run, Run(starter.decode(), occasion.decode(), RunState.numbered(int(state)), int(created))

    def _starter(self, record: StarterRecord) -> Iterator[str]:
        keys, own = self.store.keys, record.id
        living, waiting, gated, poll_ms = self.store.pipeline([
            ("SMEMBERS", keys.living(own)), ("LRANGE", keys.waiting(own), 0, -1),
            ("HGET", keys.starter(own), "depends_on_past"), ("HGET", keys.starter(own), "poll_ms"),
        ])  # fmt: skip
        living, waiting = {run.decode() for run in living}, [each.decode() for each in waiting]
        expected = {run for run, at in self.runs.items() if at.starter == own and not at.state.final}
        older = {run for run in expected if self.runs[run].created <= record.created_ms}  # of one that was deleted
        if not expected - older <= living <= expected:
            yield f"{own} has {sorted(living)} as living, expected {sorted(expected)}"
        if twice := [each for each, times in Counter(waiting).items() if times > 1]:
            yield f"{own} has {twice} waiting twice"
        closed = gated == b"1" and record.last_end not in (None, RunState.succeeded.value)
        room = not closed and (record.limit == 0 or len(living) < record.limit)
        if waiting and record.enabled and room:
            self.timers.add(f"room/{own}")
        if record.next is not None:
            if not record.enabled:
                yield f"{own} starts nothing, and is planned for {record.next}"
            self.timers.add(f"schedule/{own}")
        if record.enabled and int(poll_ms):
            self.timers.add(f"poll/{own}")
        yield from self._past(record, set(waiting))

    def _past(self, record: StarterRecord, waiting: set[str]) -> Iterator[str]:
        past = self.store.read(starters.past(self.store.keys, record.id))
        outcomes = defaultdict(list)
        for each in past:
            if each.word != "missed":
                outcomes[each.occasion].append(f"{each.word} {each.detail}")
            run = self.runs.get(each.run or "")
            if run and each.end != (run.state if run.state.final else None):
                yield f"{record.id} at {each.occasion}: {each.run} is {run.state!r}, its past tells {each.end!r}"
        for occasion, found in outcomes.items():
            if len(found) > 1:
                yield f"{record.id} at {occasion} has {len(found)} outcomes: {found}"
            if record.kind == "schedule" and occasion in waiting and not found[0].startswith("failed"):
                yield f"{record.id} at {occasion} waits, and has come to {found}"
        known = {each.run for each in past}
        mine = {run: at for run, at in self.runs.items() if at.starter == record.id and at.created > record.created_ms}
        others = {at.occasion for run, at in self.runs.items() if run in known}
        if record.log == record.id and len(past) < JOURNAL_KEPT:
            for name in sorted(mine.keys() - known):
                if record.kind == "trigger" or mine[name].occasion not in others:
                    yield f"{record.id} has started {name}, and its past does not tell"

    def _agenda(self) -> Iterator[str]:
        found = dict(self.store.read(starters.agenda(self.store.keys, MOST)))
        expected = {name: record.due for name, record in self.records.items() if record.next is not None}
        if found != expected:
            yield f"the agenda is {found}, expected {expected}"

    def _hooks(self) -> Iterator[str]:
        (flat,) = self.store.pipeline([("HGETALL", self.store.keys.hooks)])
        found = dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        expected = {each.token.encode(): name.encode() for name, each in self.records.items() if each.token}
        if found != expected:
            yield f"tokens lead to {found}, expected {expected}"

    def _deliveries(self) -> Iterator[str]:
        names = self.store.read(starters.latest_deliveries(self.store.keys, MOST))
        found = {each.id: each for each in self.store.read(starters.deliveries(self.store.keys, names))}
        if missing := sorted(set(names) - found.keys()):
            yield f"deliveries are listed and have no record: {missing}"
        self.free_timers |= {f"delivery/{name}" for name in names}
        for record in self.records.values():
            if record.kind != "trigger":
                continue
            waiting = self.store.read(starters.waiting(self.store.keys, record.id, MOST))
            (heard,) = self.store.pipeline([("HVALS", self.store.keys.dataset_joins(record.id))])
            held = {*waiting, *(each.decode().partition(" ")[2] for each in heard)}
            told = {name: each.outcomes.get(record.id) for name, each in found.items()}
            if wrong := sorted(name for name in waiting if name in told and told[name] != "waits"):
                yield f"{record.id} has {wrong} waiting, of which the deliveries do not know"
            lost = [
                name
                for name, outcome in told.items()
                if outcome == "waits" and name not in held and found[name].at_ms > record.created_ms
            ]
            if lost:
                yield f"{record.id} has lost {sorted(lost)}, which say that they wait"


def check_starters(store: Store) -> list[str]:
    """Return what is wrong with starters alone: cheaper than the whole `check`."""
    keys = store.keys
    lists = store.pipeline([("ZRANGE", each, 0, -1) for each in (keys.live, keys.ended, keys.timers)])
    live, ended, timers = ({each.decode() for each in found} for found in lists)
    checker = StarterChecker(store)
    wrong = list(checker.run(live | ended))
    own = {timer for timer in timers if timer.partition("/")[0] in ("schedule", "room", "poll")}
    if own != checker.timers:
        wrong.append(f"timers left over: {sorted(own - checker.timers)}, missing: {sorted(checker.timers - own)}")
    return wrong
