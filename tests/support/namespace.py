"""A namespace's definitions as a whole, in a machine: proposed, applied and gone back to by a client's own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from orchestrator.client.definitions import DefinitionsSteps
from orchestrator.client.session import Session
from orchestrator.definitions.desired import DesiredState
from orchestrator.definitions.files import Written
from orchestrator.definitions.proposal import Proposal
from orchestrator.definitions.revisions import Note
from orchestrator.dsl.builder import Workflow
from orchestrator.starters.schedule import Schedule
from orchestrator.starters.trigger import Trigger
from orchestrator.state.reads import revisions
from orchestrator.timing.calendars import Calendar
from orchestrator.timing.cron import Cron
from support.starters import Starters


class Namespace(Starters):
    """A machine's definitions as a whole."""

    @property
    def steps(self) -> DefinitionsSteps:
        return DefinitionsSteps(Session(self.keys))

    def drive(self, steps: Iterator[Any]) -> Any:
        """Take a client's steps on the machine's store."""
        port = SimpleNamespace(store=self.store)
        try:
            step = next(steps)
            while True:
                step = steps.send(step(port))  # type: ignore[attr-defined]
        except StopIteration as end:
            return end.value

    def tick(self) -> None:
        """Let clients read the machine's clock, as a scheduler's tick does."""
        self.machine.client.hset(self.keys.meta, "clock", self.machine.now)

    def propose(self, desired: DesiredState) -> Proposal:
        self.tick()
        proposal: Proposal = self.drive(self.steps.propose(desired))
        return proposal

    def make(self, desired: DesiredState, **note: str) -> int:
        """Propose and apply; return the revision."""
        number: int = self.drive(self.steps.apply(desired, self.propose(desired), Note(**note)))
        return number

    def drift(self) -> Proposal:
        proposal: Proposal = self.drive(self.steps.drift())
        return proposal

    def back_to(self, revision: int) -> DesiredState:
        desired: DesiredState = self.drive(self.steps.back_to(revision))
        return desired

    def revision(self) -> int:
        return self.store.read(revisions.latest(self.keys))

    def everything(self) -> dict[bytes, Any]:
        """Return all keys as they are dumped, but for the clock."""
        client, meta = self.machine.client, self.keys.meta.encode()
        names = {key for key in client.scan_iter(f"{self.keys.prefix}*") if not key.endswith(b":now")}
        found: dict[bytes, Any] = {name: client.dump(name) for name in names - {meta}}
        return {**found, meta: {field: value for field, value in client.hgetall(meta).items() if field != b"clock"}}


def workflow(name: str = "nightly", task: str = "t.load", **starts: Schedule | Trigger) -> Workflow:
    """Make a workflow of one job, with schedules and triggers by name."""
    made = Workflow(name)
    made.job("load", {"task": task})
    for own, start in starts.items():
        if isinstance(start, Schedule):
            made.schedule(
                start.timing,
                name=own,
                **{key: getattr(start, key) for key in start.model_fields_set - {"timing", "name"}},
            )
        else:
            made.trigger(Trigger(name=own, **{key: getattr(start, key) for key in start.model_fields_set - {"name"}}))
    return made


def desired_state(*workflows: Workflow, calendars: dict[str, Calendar] | None = None, **options: Any) -> DesiredState:
    written = Written()
    for name, calendar in (calendars or {}).items():
        written.add_calendar(name, calendar, lambda: "here")
    for each in workflows:
        written.add_workflow(each.definition(), lambda: "here")
    return replace(written.desired_state(), **options)


def told(proposal: Proposal) -> list[str]:
    return [f"{change.action} {change.kind} {change.name}" for change in proposal.changes]


def daily(hour: int = 2, **fields: Any) -> Schedule:
    return Schedule(Cron(f"0 {hour} * * *"), **fields)
