"""The definitions of a namespace as a whole, in both forms of the client: `client.definitions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.client import applying
from orchestrator.client.applying import Proposal
from orchestrator.definitions.desired import DesiredState
from orchestrator.definitions.revisions import Note, Revision

if TYPE_CHECKING:
    from orchestrator.client.aio import AsyncClient
    from orchestrator.client.sync import Client

KEPT = 200
"""Revisions that can be gone back to."""


class WholeDefinitions:
    """Sets of definitions: a `DesiredState` is proposed first, then applied, all of it or nothing."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def propose(self, desired: DesiredState) -> Proposal:
        """Compare the definitions of the namespace with the desired ones; nothing is changed.

        Raises:
            DefinitionError: the desired definitions cannot stand together.
        """
        return self._client._drive(applying.propose(self._client.keys, desired))

    def apply(self, desired: DesiredState, seen: Proposal, note: Note | None = None) -> int:
        """Make what was proposed, and return the number of its revision; 0 if there is nothing left to change.

        `Conflict` if others have changed something so that it would now be another change.
        """
        return self._client._drive(applying.apply(self._client.keys, desired, seen, note or Note()))

    def drift(self) -> Proposal:
        """Compare the latest revision with what there is now; `NotFound` if there is none."""
        return self._client._drive(applying.drift(self._client.keys))

    def revisions(self, limit: int = KEPT) -> list[Revision]:
        """Return the latest revisions, the newest first."""
        return self._client._drive(applying.history(self._client.keys, limit))

    def back_to(self, revision: int) -> DesiredState:
        """Return the state that restores a revision; definitions that files added later are deleted.

        Raises:
            NotFound: the revision is not kept.
        """
        return self._client._drive(applying.back_to(self._client.keys, revision))


class AsyncWholeDefinitions:
    """All definitions together. See `WholeDefinitions`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def propose(self, desired: DesiredState) -> Proposal:
        """Compare what there is with what is to be. See `WholeDefinitions.propose`."""
        return await self._client._drive(applying.propose(self._client.keys, desired))

    async def apply(self, desired: DesiredState, seen: Proposal, note: Note | None = None) -> int:
        """Make what was proposed. See `WholeDefinitions.apply`."""
        return await self._client._drive(applying.apply(self._client.keys, desired, seen, note or Note()))

    async def drift(self) -> Proposal:
        """Compare the latest revision with what there is now. See `WholeDefinitions.drift`."""
        return await self._client._drive(applying.drift(self._client.keys))

    async def revisions(self, limit: int = KEPT) -> list[Revision]:
        """Return the latest revisions, the newest first."""
        return await self._client._drive(applying.history(self._client.keys, limit))

    async def back_to(self, revision: int) -> DesiredState:
        """Return the state that restores a revision. See `WholeDefinitions.back_to`."""
        return await self._client._drive(applying.back_to(self._client.keys, revision))
