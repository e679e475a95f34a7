"""The facade for producers, faces and tests: intent in, model objects out. It has no rules and no keys of its own."""

from orchestrator.client.aio import AsyncClient, AsyncRun
from orchestrator.client.sync import Client, Run

__all__ = ["AsyncClient", "AsyncRun", "Client", "Run"]
