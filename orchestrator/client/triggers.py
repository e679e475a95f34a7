"""What a client does with triggers, without I/O; pausing and deleting are as of schedules. See `flows`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.client import editing
from orchestrator.client.flows import Flow, read
from orchestrator.client.infos import TriggerInfo, trigger_info
from orchestrator.starters.trigger import Trigger
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.change_ops import Op
from orchestrator.state.reads import starters

if TYPE_CHECKING:
    from orchestrator.client.base import AnyWorkflow
    from orchestrator.plan.compile import RouteOf

KIND = "trigger"


def put(
    keys: Keys, workflow: AnyWorkflow, trigger: Trigger, generation: int | None, route_of: RouteOf | None
) -> Flow[TriggerInfo]:
    """Create or change a trigger."""

    def think() -> Flow[tuple[Sequence[Op], str]]:
        aim = yield from editing.target(keys, workflow, route_of)
        own = f"{aim.name}/{trigger.name}"
        record = yield from read(starters.one(keys, own))
        editing.check_seen(KIND, own, record, generation)
        ops = editing.trigger_ops(aim, trigger, record, record.managed_by if record else "")
        return [*aim.ops, *ops], own

    return (yield from get(keys, (yield from editing.edit(keys, think))))


def get(keys: Keys, own: str) -> Flow[TriggerInfo]:
    """Read a trigger."""
    record = yield from editing.starter(keys, KIND, own)
    (load,) = yield from read(starters.loads(keys, [own]))
    return trigger_info(record, load)


def every(keys: Keys, workflow: str | None) -> Flow[list[TriggerInfo]]:
    """Read all triggers, or those of a workflow."""
    records = yield from editing.all_of(keys, KIND, workflow)
    loads = yield from read(starters.loads(keys, [record.id for record in records]))
    return [trigger_info(record, load) for record, load in zip(records, loads, strict=True)]
