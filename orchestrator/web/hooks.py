"""`POST /hooks/{token}`: another system's signed message, which starts runs.

In this order: the body, within its limits; the hook, by its token; the signature, and with it the message's age; the
payload. Only then is anything stored, by whoever stands behind `Hooks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar


class Hook(Protocol):
    """A hook as the store knows it: as much of it as this end reads."""

    @property
    def scheme(self) -> str:
        """How its messages are signed: a name of `signatures.SCHEMES`."""
        ...

    @property
    def secret(self) -> str:
        """The reference of its secret (`env:NAME`, `file:/path`)."""
        ...


class Delivered(Protocol):
    """What became of a message."""

    @property
    def status(self) -> Literal["accepted", "ignored", "duplicate"]:
        """Kept, with the runs that it starts; let go by the trigger's `when`; or here already."""
        ...

    @property
    def runs(self) -> Sequence[str]:
        """The runs that it started, a duplicate's: those of the first time. None yet where it waits for others."""
        ...


H = TypeVar("H", bound=Hook)


class Hooks(Protocol[H]):
    """Who knows the hooks, and takes their messages."""

    async def find(self, token: str) -> H | None:
        """Return the hook with this token, None where there is none."""
        ...

    async def deliver(
        self, hook: H, delivery: str, payload: Any, headers: Mapping[str, str], received_ms: int
    ) -> Delivered:
        """Take a message whose signature held. Stored before this returns; the same `delivery` is taken once.

        `payload` is what JSON can say; `headers` have names in lower case, and none that is a secret or a signature;
        `received_ms` is Unix time. Raises `ParameterError` for a payload that does not fit the trigger or the
        workflow: then nothing is stored, and a corrected message with the same id may come.
        """
        ...
