"""Reads of workflows and their versions."""

from __future__ import annotations

from typing import Any

from orchestrator.model.run import WorkflowInfo
from orchestrator.state.keys import Keys
from orchestrator.state.reads.base import Read


def workflow(keys: Keys, name: str) -> Read[WorkflowInfo | None]:
    """Read a workflow's versions."""
    (fields,) = yield [("HGETALL", keys.workflow(name))]
    found = {field.decode(): value.decode() for field, value in _pairs(fields).items()}
    if "latest" not in found:
        return None
    versions = {int(field[2:]): digest for field, digest in found.items() if field.startswith("v:")}
    return WorkflowInfo(name, int(found["latest"]), versions)


def workflows(keys: Keys) -> Read[list[str]]:
    """Name every workflow."""
    (names,) = yield [("SMEMBERS", keys.workflows)]
    return sorted(name.decode() for name in names)


def _pairs(reply: Any) -> dict[bytes, bytes]:
    return dict(reply) if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
