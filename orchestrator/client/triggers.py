"""Triggers: `client.triggers`. An id is `workflow/name`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.client import starters as common
from orchestrator.client.edits import Target, Thought, edit
from orchestrator.client.lookup import all_starters, starter
from orchestrator.client.session import Noun
from orchestrator.client.steps import Steps, no_step, read
from orchestrator.model.ids import name_of
from orchestrator.model.starts import PastOccasion
from orchestrator.starters.infos import TriggerInfo
from orchestrator.starters.trigger import Trigger
from orchestrator.state.layouts import change_ops
from orchestrator.state.layouts.change_ops import Op
from orchestrator.state.reads import starters
from orchestrator.state.reads.starters import Load, StarterRecord

if TYPE_CHECKING:
    from orchestrator.client.session import AnyWorkflow

KIND = "trigger"


class TriggersSteps(Noun):
    """The triggers of stored workflows. An id is `workflow/name`."""

    def put(self, workflow: AnyWorkflow, trigger: Trigger, *, generation: int | None = None) -> Steps[TriggerInfo]:
        """Create or change a trigger; a `Workflow` or a definition is stored with it. A webhook keeps its token.

        A trigger that is paused stays so. `generation` is that of the `TriggerInfo` that was looked at, 0 for none.

        Raises:
            DefinitionError: the workflow does not take the parameters.
            NotFound: there is no such workflow.
            Conflict: somebody has changed the trigger since `generation`, or a schedule has its name.
        """

        def compose(target: Target, record: StarterRecord | None) -> Steps[list[Op]]:
            return no_step(common.trigger_ops(target, trigger, record, record.managed_by if record else ""))

        put_id = yield from common.put(self.session, KIND, workflow, trigger.name, generation, compose)
        return (yield from self.get(put_id))

    def get(self, trigger: str) -> Steps[TriggerInfo]:
        """Return a trigger, with its state and its runs.

        Raises:
            NotFound: there is no such trigger.
        """
        record = yield from starter(self.keys, KIND, trigger)
        (load,) = yield from read(starters.loads(self.keys, [trigger]))
        return _info(record, load)

    def list(self, workflow: str | None = None) -> Steps[Sequence[TriggerInfo]]:
        """Return all triggers, or those of a workflow, in the order of their ids."""
        records = yield from all_starters(self.keys, KIND, workflow)
        loads = yield from read(starters.loads(self.keys, [record.id for record in records]))
        return [_info(record, load) for record, load in zip(records, loads, strict=True)]

    def names(self) -> Steps[Sequence[str]]:
        """Return the ids of all triggers, in order."""
        return (yield from read(starters.ids(self.keys, KIND)))

    def past(self, trigger: str) -> Steps[Sequence[PastOccasion]]:
        """Return the past deliveries of a trigger, the oldest first; the last 1,000 are kept.

        Raises:
            NotFound: there is no such trigger.
        """
        return (yield from common.past(self.keys, KIND, trigger))

    def pause(self, trigger: str) -> Steps[None]:
        """Let a trigger start nothing until it is resumed.

        Events that come while it is paused start nothing later either; deliveries that wait are kept.

        Raises:
            NotFound: there is no such trigger.
        """
        yield from common.pause(self.session, KIND, trigger)

    def resume(self, trigger: str) -> Steps[None]:
        """Let a trigger go on.

        Raises:
            NotFound: there is no such trigger.
            Conflict: the trigger is not paused, but disabled by its definition.
        """

        def think() -> Steps[Thought[None]]:
            record = yield from starter(self.keys, KIND, trigger)
            ops = [change_ops.resume(trigger, str(record.generation), None, None)] if common.is_paused(record) else []
            return ops, None

        yield from edit(self.session, think)

    def delete(self, trigger: str) -> Steps[None]:
        """Delete a trigger, with its past and its waiting deliveries. Runs go on.

        Raises:
            NotFound: there is no such trigger.
        """
        yield from common.delete(self.session, KIND, trigger)


def _info(record: StarterRecord, load: Load) -> TriggerInfo:
    trigger = Trigger.read(name_of(record.id), json.loads(record.spec))
    state = "paused" if record.paused_ms else "active" if trigger.enabled else "disabled"
    return TriggerInfo(
        record.id, record.workflow, record.generation, state, record.paused_ms, load.living, load.waiting, record.ended,
        record.managed_by, trigger, record.token,
    )  # fmt: skip
