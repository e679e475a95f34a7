"""Reads of workflows and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.model.run import WorkflowInfo
from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read, pairs


def workflow(keys: Keys, name: str) -> Read[WorkflowInfo | None]:
    """Read a workflow's versions."""
    (fields,) = yield [("HGETALL", keys.workflow(name))]
    return _info(name, fields)


def workflow_infos(keys: Keys, names: Sequence[str]) -> Read[list[WorkflowInfo]]:
    """Read the versions of several workflows in the order given, leaving out those that are missing."""
    if not names:
        return []
    replies = yield [("HGETALL", keys.workflow(name)) for name in names]
    found = (_info(name, fields) for name, fields in zip(names, replies, strict=True))
    return [info for info in found if info is not None]


def workflows(keys: Keys) -> Read[list[str]]:
    """Name every workflow."""
    (names,) = yield [("SMEMBERS", keys.workflows)]
    return sorted(name.decode() for name in names)


def _info(name: str, reply: Any) -> WorkflowInfo | None:
    found = {field.decode(): value.decode() for field, value in pairs(reply).items()}
    if "latest" not in found:
        return None
    versions = {int(field[2:]): digest for field, digest in found.items() if field.startswith("v:")}
    return WorkflowInfo(name, int(found["latest"]), versions)
