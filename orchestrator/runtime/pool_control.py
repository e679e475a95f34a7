"""How a node can stop what a slot runs: one way a pool.

| pool | soft limit | hard limit, cancel |
| --- | --- | --- |
| prefork | SIGUSR1 raises in the child | SIGKILL to the child's process group, surely and at once |
| threads, solo | raised at the thread's next line of Python | the same, with another exception |
| gevent | raised where the greenlet waits | the same, with another exception |

Only a process can be stopped for sure. A thread that is inside a C call (a long `sleep`, a driver that waits for a
server) takes notice when the call returns, a greenlet that never waits not at all.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from threading import Lock, get_ident
from typing import Any, Protocol

from billiard.exceptions import SoftTimeLimitExceeded
from billiard.pool import ApplyResult

from orchestrator.runtime.outcomes import OutOfTime, Stopped
from orchestrator.runtime.slots import Phase, Row, Slot, SlotTable

_HALT_S = 0.05


class PoolControl(Protocol):
    """What the node's threads can do to a slot that they do not own."""

    sure: bool
    """Whether a stopped slot is dead, rather than asked."""

    def death(self, row: Row) -> str | None:
        """Return how the slot's process died, or None while it lives."""
        ...

    def soften(self, index: int, row: Row) -> None:
        """Tell the attempt that it is over its soft limit."""
        ...

    def stop(self, index: int, row: Row, why: str) -> bool:
        """Stop the attempt; False means that the slot has meanwhile gone on to something else."""
        ...


class ProcessControl:
    """Children of the prefork pool, each in a process group of its own."""

    sure = True

    def __init__(self, worker: Any, table: SlotTable) -> None:
        self._worker = worker
        self._table = table

    def death(self, row: Row) -> str | None:
        """See `PoolControl.death`. The child stays to be waited for by the pool."""
        try:
            status = os.waitid(os.P_PID, row.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return "it is gone"
        if status is None:
            return None
        if status.si_code == os.CLD_EXITED:
            return f"it exited with code {status.si_status}"
        return f"it was ended by {_name(status.si_status)}"

    def soften(self, index: int, row: Row) -> None:
        """See `PoolControl.soften`. The child's handler knows whether the attempt still runs."""
        _kill(row.pid, signal.SIGUSR1)

    def stop(self, index: int, row: Row, why: str) -> bool:
        """See `PoolControl.stop`. The child is halted first, so that its attempt cannot change before the kill."""
        if not self._halt(row.pid):
            return True
        now = self._table.read(index)
        if now.ref != row.ref or now.phase is not Phase.running:
            _kill(row.pid, signal.SIGCONT)
            return False
        self._expect_death(row.pid)
        try:
            os.killpg(row.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            _kill(row.pid, signal.SIGKILL)  # it had no time to make its group
        return True

    def _halt(self, pid: int) -> bool:
        """Stop a child's clock; False if it is dead."""
        if not _kill(pid, signal.SIGSTOP):
            return False
        until = time.monotonic() + _HALT_S
        while time.monotonic() < until:
            try:
                if os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    return True
            except ChildProcessError:
                return False
            time.sleep(0.0005)  # noqa: TID251 — the signal is on its way
        return True

    def _expect_death(self, pid: int) -> None:
        """Tell billiard that this death is wanted: it reports a revoked task then, and no lost worker."""
        try:
            process, _ = self._worker.pool._pool._process_by_pid(pid)
        except (AttributeError, TypeError, ValueError):
            return
        if process is not None:
            process._controlled_termination = process._job_terminated = True

    def replace_the_dead(self) -> None:
        """Have the pool notice a death now; by itself it looks every five seconds."""
        pool, hub = getattr(self._worker.pool, "_pool", None), self._worker.hub
        if pool is not None and hub is not None:
            hub.call_soon(pool.maintain_pool)


class ThreadSlot(Slot):
    """A slot of a thread. Its end of running and an exception from outside exclude each other."""

    def __init__(self, table: SlotTable, index: int, serial: int) -> None:
        super().__init__(table, index, serial)
        self.thread = 0
        self.lock = Lock()

    def bind(self) -> None:
        """See `Slot.bind`."""
        self.thread = get_ident()

    def release(self) -> None:
        """See `Slot.release`. What was thrown too late to be raised is taken back."""
        while True:
            try:
                with self.lock:
                    super().release()
                    _throw(self.thread, None)
                return
            except (Stopped, SoftTimeLimitExceeded):
                continue  # it came between the end of the user's code and this line


class ThreadControl:
    """Threads of this process, the main thread of solo among them."""

    sure = False

    def __init__(self, slots: dict[int, ThreadSlot]) -> None:
        self._slots = slots

    def death(self, row: Row) -> str | None:
        """See `PoolControl.death`."""
        return None

    def soften(self, index: int, row: Row) -> None:
        """See `PoolControl.soften`."""
        self._raise(index, row, SoftTimeLimitExceeded)

    def stop(self, index: int, row: Row, why: str) -> bool:
        """See `PoolControl.stop`."""
        return self._raise(index, row, OutOfTime if why == "timed_out" else Stopped)

    def _raise(self, index: int, row: Row, exception: type[BaseException]) -> bool:
        slot = self._slots[index]
        with slot.lock:
            if slot.phase is not Phase.running or slot.ref != row.ref:
                return False
            _throw(slot.thread, exception)
        return True


class GreenletSlot(Slot):
    """A slot of a greenlet."""

    greenlet: Any = None

    def bind(self) -> None:
        """See `Slot.bind`."""
        from gevent import getcurrent

        self.greenlet = getcurrent()


class GreenletControl:
    """Greenlets of this thread: nothing happens between looking at one and raising in it."""

    sure = False

    def __init__(self, slots: dict[int, GreenletSlot]) -> None:
        self._slots = slots

    def death(self, row: Row) -> str | None:
        """See `PoolControl.death`."""
        return None

    def soften(self, index: int, row: Row) -> None:
        """See `PoolControl.soften`."""
        self._raise(index, row, SoftTimeLimitExceeded())

    def stop(self, index: int, row: Row, why: str) -> bool:
        """See `PoolControl.stop`."""
        return self._raise(index, row, OutOfTime() if why == "timed_out" else Stopped())

    def _raise(self, index: int, row: Row, exception: BaseException) -> bool:
        from gevent import get_hub

        slot = self._slots[index]
        if slot.phase is not Phase.running or slot.ref != row.ref:
            return False

        def throw() -> None:
            if slot.phase is Phase.running and slot.ref == row.ref:
                slot.greenlet.throw(exception)

        get_hub().loop.run_callback(throw)
        return True


def await_children(worker: Any) -> None:
    """Have a prefork pool that is being stopped read what its children still say, until they have ended.

    Celery forgets the jobs whose start it has not read yet, and stops reading when it knows of none; a child whose last
    result nobody reads waits 30 s for that. A job that is never done keeps Celery reading.
    """
    pool = getattr(worker.pool, "_pool", None)
    if pool is not None:
        ApplyResult(pool._cache, None)


def _name(number: int) -> str:
    """Name a signal. The real-time ones have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _kill(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _throw(thread: int, exception: type[BaseException] | None) -> None:
    """Have another thread raise an exception at its next line, or take back one that it has not raised yet."""
    raised = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
