"""The only two drivers that talk to the state's Redis: one for threads and processes, one for asyncio.

Both send a transition as FCALL (EVALSHA before Redis 7), load the scripts where the server does not have them, and turn
what can go wrong into `StoreUnavailable` (no answer), `StoreBusy` (an answer that says: later) or `ScriptError` (a bug
in the engine). A call whose reply was cut is sent again: every script stands that.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from orchestrator.model.errors import ScriptError, StoreBusy, StoreUnavailable
from orchestrator.plan.plan import Plan
from orchestrator.state.connections import NoLongerMaster, leave_replicas
from orchestrator.state.keys import Keys
from orchestrator.state.layouts.plans import upload_commands
from orchestrator.state.reads.base import Command, Read
from orchestrator.state.script import Library, Script, library, link
from orchestrator.state.transitions.base import Arg, Transition
from orchestrator.state.wire import Wire

if TYPE_CHECKING:
    from orchestrator.state.transitions.workflows import Stored

R = TypeVar("R")

TIMEOUT_S = 5.0
_BUSY = re.compile(r"(?:^|: -)(?:OOM|MISCONF|LOADING|READONLY|BUSY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b")
"""An answer that says: later. Before Redis 7, the refusal of a write in a script follows the place in the script."""
_CLUSTER = "redis+cluster://"
_NO_FUNCTIONS = re.compile(r"unknown command|NOPERM|no permissions", re.IGNORECASE)
_REMEDIES = 4
"""Errors in a row that are mended: functions are refused, a script is not loaded."""


class _Base:
    """The part that both drivers share: the keys of the namespace, the linked scripts, and the meaning of errors."""

    def __init__(self, client: Any, namespace: str, clock: str = "lib/clock") -> None:
        self.client = client
        self.namespace = namespace
        self.keys = Keys(namespace)
        self._clock = clock
        cluster = isinstance(client, redis.cluster.RedisCluster | redis.asyncio.cluster.RedisCluster)
        self._functions = not cluster
        """Whether scripts are called as functions: until the server shows that it has none or refuses them."""

    @property
    def _library(self) -> Library | None:
        """The scripts as functions. They are read when the first is called, because many clients only read."""
        return library(self._clock) if self._functions else None

    def _command(self, transition: Transition[Any]) -> tuple[Arg, ...]:
        """Spell a transition as a call of its function, else of its script."""
        if self._library:
            return "FCALL", self._library.function(transition.script), 1, self.keys.meta, *transition.args()
        return "EVALSHA", self._script(transition).sha, 1, self.keys.meta, *transition.args()

    def _script(self, transition: Transition[Any]) -> Script:
        return link(transition.script, self._clock)

    def explain(self, message: str, transition: Transition[Any]) -> str:
        """Put the place in the script into an error of Redis."""
        return (self._library or self._script(transition)).explain(message)

    def _remedy(self, error: redis.exceptions.ResponseError, transition: Transition[Any]) -> tuple[Arg, ...] | None:
        """Say what to send so that the transition can be sent again; raises the error if there is no remedy.

        None tells to send the transition again: it is spelt in another way now.
        """
        message = str(error)
        if isinstance(error, redis.exceptions.NoScriptError):
            return "SCRIPT", "LOAD", self._script(transition).text
        if self._library and "Function not found" in message:
            return "FUNCTION", "LOAD", "REPLACE", self._library.text
        if self._library and not _BUSY.search(message) and _NO_FUNCTIONS.search(message):
            self._functions = False  # Redis before 7, or a user who may not load or call functions
            return None
        raise error


class Store(_Base):
    """Runs transitions on the state's Redis, for threads and processes."""

    client: redis.Redis

    def __init__(self, client: Any, namespace: str, clock: str = "lib/clock") -> None:
        super().__init__(client, namespace, clock)
        self._wire = Wire(client.connection_pool) if isinstance(client, redis.Redis) else None
        self._send: Callable[..., Any] = self._wire.call if self._wire else client.execute_command

    @classmethod
    def connect(cls, url: str, namespace: str = "default", *, timeout_s: float = TIMEOUT_S, retries: int = 3) -> Store:
        """Make a store for a URL (`redis://`, `rediss://`, `unix://`, `redis+cluster://`); nothing is sent yet."""
        retry = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries)
        options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": retry}
        with _errors():
            if url.startswith(_CLUSTER):
                return cls(redis.cluster.RedisCluster.from_url(_plain(url), **options), namespace)
            client = redis.Redis.from_url(_plain(url), **options)
            leave_replicas(client.connection_pool)
            return cls(client, namespace)

    def run(self, transition: Transition[R]) -> R:
        """Make one transition and return the reply of its script.

        Raises:
            StoreUnavailable: Redis does not answer.
            StoreBusy: Redis refuses writes for now.
            ScriptError: a bug in the engine.
        """
        with _errors(self, transition):
            try:
                reply = self._send(*self._command(transition))
            except redis.exceptions.ResponseError as error:
                reply = self._mend(error, transition)
        return transition.decode(reply)

    def run_all(self, transitions: Sequence[Transition[R]]) -> list[R]:
        """Make transitions in one batch, in order, and return the replies of their scripts. See `run`."""
        if not transitions:
            return []
        with _errors(self, transitions[0]):
            commands = [self._command(each) for each in transitions]
            replies = self._send_all(commands)
            for at, reply in enumerate(replies):
                if isinstance(reply, redis.exceptions.ResponseError):
                    with _errors(self, transitions[at]):
                        replies[at] = self._mend(reply, transitions[at])
        return [each.decode(reply) for each, reply in zip(transitions, replies, strict=True)]

    def _send_all(self, commands: Sequence[Command]) -> list[Any]:
        pipe: Any
        with self.client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(pipe.execute(raise_on_error=False))

    def _mend(self, error: redis.exceptions.ResponseError, transition: Transition[Any]) -> Any:
        for _ in range(_REMEDIES):
            try:
                if remedy := self._remedy(error, transition):
                    self._send(*remedy)
                return self._send(*self._command(transition))
            except redis.exceptions.ResponseError as next_error:
                error = next_error
        raise error

    def read(self, read: Read[R]) -> R:
        """Drive a read of `state.reads` to its end, and return its result."""
        replies: list[Any] | None = None
        while True:
            try:
                commands = read.send(replies) if replies is not None else next(read)
            except StopIteration as end:
                return cast(R, end.value)
            replies = self.pipeline(commands)

    def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send plain commands in one batch and return their replies."""
        pipe: Any
        with _errors(), self.client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(pipe.execute())

    def put_plan(self, plan: Plan) -> Stored:
        """Upload and seal a plan; the same content again changes nothing but which version is current."""
        from orchestrator.state.transitions.replies import NoPlan
        from orchestrator.state.transitions.workflows import PutPlan, Stored

        sealed = self.run(PutPlan(plan.workflow, plan.digest))
        if isinstance(sealed, NoPlan):
            for batch in upload_commands(self.keys, plan):
                self.pipeline(batch)
            sealed = self.run(PutPlan(plan.workflow, plan.digest))
        assert isinstance(sealed, Stored)
        return sealed

    def close(self) -> None:
        """Close the connections."""
        if self._wire:
            self._wire.close()
        self.client.close()


class AsyncStore(_Base):
    """Runs transitions on the state's Redis, for asyncio."""

    client: redis.asyncio.Redis

    @classmethod
    def connect(
        cls, url: str, namespace: str = "default", *, timeout_s: float = TIMEOUT_S, retries: int = 3
    ) -> AsyncStore:
        """Make a store for a URL; nothing is sent yet. See `Store.connect`."""
        retry = AsyncRetry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), retries)
        options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "retry": retry}
        with _errors():
            if url.startswith(_CLUSTER):
                return cls(redis.asyncio.cluster.RedisCluster.from_url(_plain(url), **options), namespace)
            client = redis.asyncio.Redis.from_url(_plain(url), **options)
            leave_replicas(client.connection_pool)
            return cls(client, namespace)

    async def run(self, transition: Transition[R]) -> R:
        """Make one transition and return the reply of its script.

        Raises:
            StoreUnavailable: Redis does not answer.
            StoreBusy: Redis refuses writes for now.
            ScriptError: a bug in the engine.
        """
        with _errors(self, transition):
            try:
                reply = await self._send(*self._command(transition))
            except redis.exceptions.ResponseError as error:
                reply = await self._mend(error, transition)
        return transition.decode(reply)

    async def _mend(self, error: redis.exceptions.ResponseError, transition: Transition[Any]) -> Any:
        for _ in range(_REMEDIES):
            try:
                if remedy := self._remedy(error, transition):
                    await self._send(*remedy)
                return await self._send(*self._command(transition))
            except redis.exceptions.ResponseError as next_error:
                error = next_error
        raise error

    async def _send(self, *command: Any) -> Any:
        execute: Any = self.client.execute_command
        return await execute(*command)

    async def read(self, read: Read[R]) -> R:
        """Drive a read of `state.reads` to its end, and return its result."""
        replies: list[Any] | None = None
        while True:
            try:
                commands = read.send(replies) if replies is not None else next(read)
            except StopIteration as end:
                return cast(R, end.value)
            replies = await self.pipeline(commands)

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Send plain commands in one batch and return their replies."""
        with _errors():
            async with self.client.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                return await pipe.execute()

    async def put_plan(self, plan: Plan) -> Stored:
        """Upload and seal a plan. See `Store.put_plan`."""
        from orchestrator.state.transitions.replies import NoPlan
        from orchestrator.state.transitions.workflows import PutPlan, Stored

        sealed = await self.run(PutPlan(plan.workflow, plan.digest))
        if isinstance(sealed, NoPlan):
            for batch in upload_commands(self.keys, plan):
                await self.pipeline(batch)
            sealed = await self.run(PutPlan(plan.workflow, plan.digest))
        assert isinstance(sealed, Stored)
        return sealed

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def _plain(url: str) -> str:
    """Turn our URL schemes, and Celery's for a socket, into those that redis-py reads."""
    for scheme, plain in ((_CLUSTER, "redis://"), ("redis+socket://", "unix://")):
        if url.startswith(scheme):
            return plain + url[len(scheme) :].replace("virtual_host=", "db=")
    return url


@contextlib.contextmanager
def _errors(store: _Base | None = None, transition: Transition[Any] | None = None) -> Iterator[None]:
    try:
        yield
    except (redis.exceptions.BusyLoadingError, NoLongerMaster, redis.exceptions.OutOfMemoryError) as e:
        raise StoreBusy(f"the Redis that holds the state refuses writes for now: {e}") from e
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError) as e:
        raise StoreUnavailable(
            f"the Redis that holds the state does not answer: {e}",
            remedy="start it, or correct ORCHESTRATOR_REDIS_URL",
        ) from e
    except redis.exceptions.ResponseError as e:
        message = str(e)
        if _BUSY.search(message):
            raise StoreBusy(f"the Redis that holds the state refuses writes for now: {message}") from e
        if store is None or transition is None:
            raise StoreUnavailable(f"the Redis that holds the state answered: {message}") from e
        raise ScriptError(f"script {transition.script} failed: {store.explain(message, transition)}") from e
    except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException) as e:
        raise StoreUnavailable(f"the Redis that holds the state cannot be used: {e}") from e
    except ValueError as e:
        if transition is not None:
            raise
        raise StoreUnavailable(
            f"the URL of the Redis that holds the state cannot be read: {e}", remedy="correct ORCHESTRATOR_REDIS_URL"
        ) from e
