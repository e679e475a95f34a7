"""The facade for producers, faces and tests: `client.<noun>.<verb>`. It has no rules and no keys of its own.

Each noun is a file that holds its verbs as steps. The two faces, `sync` and `aio`, are generated from these files.
"""

from orchestrator.client.aio import AsyncClient, AsyncRun
from orchestrator.client.sync import Client, Run

__all__ = ["AsyncClient", "AsyncRun", "Client", "Run"]
