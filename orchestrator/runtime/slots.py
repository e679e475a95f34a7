"""The slot table: what each slot of a node is doing, in memory that its processes share.

A *slot* is one slot: a child of the prefork pool, or a thread or greenlet that has a turn. Its owner alone writes its
row; the node's threads read all rows, and free those of children that died. Nobody waits for anybody: a row is written
between two copies of its version, so that a reader who met a writer sees two different ones and reads again.

A slot's name is `pid.serial`, and no two slots of a node ever have the same: the store answers a slot by the number of
its last operation, which a second bearer of the name would count anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import NamedTuple, TypeVar

from orchestrator import threads
from orchestrator.model.ids import REF_LENGTH

_HEADER = 64
_DRAIN, _EVENTS, _CROWDED = 0, 1, 2  # one byte each
_INCARNATION, _SERIAL, _USED = struct.Struct("<Q"), struct.Struct("<Q"), struct.Struct("<I")
_INCARNATION_AT, _SERIAL_AT, _USED_AT = 8, 16, 24

# In memory: version | body | version. A writer sets the last one first and the first one last; a reader goes the
# other way, from the first to the last.
_VERSION = struct.Struct("<Q")
_REF_BYTES, _TURN_BYTES, _TASK_BYTES = 64, 24, 144
_BODY = struct.Struct(f"<IQBxxxddd{_REF_BYTES}s{_TURN_BYTES}s{_TASK_BYTES}s")
_TAIL = 8 + _BODY.size
_ROW = _TAIL + 8
assert _ROW % 8 == 0
assert REF_LENGTH <= _REF_BYTES


H = TypeVar("H", bound="Slot")


class Phase(IntEnum):
    """What a slot is doing."""

    free = 0
    """Nobody has this row."""
    idle = 1
    claiming = 2
    running = 3
    """The user's code runs: the only phase in which a slot may be stopped."""
    finishing = 4


class Row(NamedTuple):
    """One slot as others see it. Times are `time.monotonic()`, which all processes of a machine share; 0 is never."""

    pid: int
    serial: int
    phase: Phase
    started: float
    soft: float
    hard: float
    ref: str
    turn: str
    task: str

    @property
    def name(self) -> str:
        """The slot's name in the store."""
        return f"{self.pid}.{self.serial}"


class SlotTable:
    """The rows of one node, and flags that the node sets for all its slots.

    Memory for `rows` is taken at once, so that it cannot run out later; up to `most` is taken as it is needed.
    """

    def __init__(self, rows: int, most: int | None = None) -> None:
        self._rows = max(rows, most or 0)
        size = _HEADER + self._rows * _ROW
        self._file = _shared_file()  # for its locks too
        os.truncate(self._file, size)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file, 0, _HEADER + rows * _ROW)
        self._memory = mmap.mmap(self._file, size)
        self._mutex = threading.Lock()

    @property
    def draining(self) -> bool:
        """Whether the node goes out: slots claim nothing more."""
        return self._memory[_DRAIN] != 0

    @draining.setter
    def draining(self, value: bool) -> None:
        self._memory[_DRAIN] = value

    @property
    def events(self) -> bool:
        """Whether somebody wants task events."""
        return self._memory[_EVENTS] != 0

    @events.setter
    def events(self, value: bool) -> None:
        self._memory[_EVENTS] = value

    @property
    def crowded(self) -> bool:
        """Whether messages wait at the node for a slot: turns are shorter then."""
        return self._memory[_CROWDED] != 0

    @crowded.setter
    def crowded(self, value: bool) -> None:
        self._memory[_CROWDED] = value

    @property
    def incarnation(self) -> int:
        """The node's incarnation in the store, 0 while it is not registered."""
        return int(_INCARNATION.unpack_from(self._memory, _INCARNATION_AT)[0])

    @incarnation.setter
    def incarnation(self, value: int) -> None:
        _INCARNATION.pack_into(self._memory, _INCARNATION_AT, value)

    def adopt(self, kind: Callable[[SlotTable, int, int], H]) -> H:
        """Take a free row for a new slot of this process."""
        with self._locked():
            for index in range(self._rows):
                if self.read(index).phase is Phase.free:
                    return kind(self, index, self._next_serial(index))
        raise RuntimeError("the slot table is full")  # it has room for more processes than a node can have

    def renew(self, index: int) -> int:
        """Return a serial for a slot that needs another name."""
        with self._locked():
            return self._next_serial(index)

    def free(self, index: int) -> None:
        """Give up a row whose owner is gone."""
        self.write(index, Row(0, 0, Phase.free, 0, 0, 0, "", "", ""))

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Go through all slots, with the numbers of their rows."""
        for index in range(_USED.unpack_from(self._memory, _USED_AT)[0]):
            row = self.read(index)
            if row.phase is not Phase.free:
                yield index, row

    def read(self, index: int) -> Row:
        """Read a row as it was at one moment."""
        at = _HEADER + index * _ROW
        while True:
            (first,) = _VERSION.unpack_from(self._memory, at)
            pid, serial, phase, started, soft, hard, ref, turn, task = _BODY.unpack_from(self._memory, at + 8)
            (last,) = _VERSION.unpack_from(self._memory, at + _TAIL)
            if first == last:
                return Row(pid, serial, Phase(phase), started, soft, hard, _text(ref), _text(turn), _text(task))

    def write(self, index: int, row: Row) -> None:
        """Write a row. Only its owner does, and the node when the owner is dead.

        Raises:
            ValueError: the attempt's reference does not fit: cut, it would be another attempt's.
        """
        ref = row.ref.encode()
        if len(ref) > _REF_BYTES:
            raise ValueError(f"the attempt reference {row.ref!r} is longer than {_REF_BYTES} bytes")
        at = _HEADER + index * _ROW
        version = _VERSION.unpack_from(self._memory, at + _TAIL)[0] + 1
        _VERSION.pack_into(self._memory, at + _TAIL, version)
        _BODY.pack_into(
            self._memory, at + 8, row.pid, row.serial, row.phase, row.started, row.soft, row.hard,
            ref, row.turn.encode()[:_TURN_BYTES], row.task.encode()[:_TASK_BYTES],
        )  # fmt: skip
        _VERSION.pack_into(self._memory, at, version)

    def _next_serial(self, index: int) -> int:
        serial = _SERIAL.unpack_from(self._memory, _SERIAL_AT)[0] + 1
        _SERIAL.pack_into(self._memory, _SERIAL_AT, serial)
        used = _USED.unpack_from(self._memory, _USED_AT)[0]
        _USED.pack_into(self._memory, _USED_AT, max(used, index + 1))
        return int(serial)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._mutex:  # among threads; the file's lock is among processes
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class Slot:
    """A slot as its owner has it. `phase` is its own copy, which a signal handler of the same thread may trust."""

    def __init__(self, table: SlotTable, index: int, serial: int) -> None:
        self.index = index
        self.op = 0
        self.phase = Phase.idle
        self._table = table
        self._pid = os.getpid()
        self._serial = serial
        self._turn = ""
        self._row = Row(self._pid, serial, Phase.idle, 0, 0, 0, "", "", "")
        table.write(index, self._row)

    @property
    def name(self) -> str:
        """The slot's name in the store."""
        return self._row.name

    @property
    def ref(self) -> str:
        """The attempt that it holds, or nothing."""
        return self._row.ref

    @property
    def soft(self) -> float:
        """When the attempt's soft limit is, or 0."""
        return self._row.soft

    def bind(self) -> None:
        """Serve whoever calls this, until another does."""

    def next_op(self) -> int:
        """Return the number of the slot's next operation."""
        self.op += 1
        return self.op

    def renew(self) -> None:
        """Take another name: the store has closed this slot."""
        self._serial = self._table.renew(self.index)
        self.op = 0
        self.rest()

    def rest(self) -> None:
        """Hold nothing."""
        self._write(Phase.idle, 0, 0, 0, "", "", "")

    def claim(self, turn: str) -> None:
        """Be about to claim, in a turn of this name."""
        self._turn = turn
        self._write(Phase.claiming, 0, 0, 0, "", turn, "")

    def hold(self, ref: str, task: str, started: float, soft: float, hard: float) -> None:
        """Run an attempt. From here to `release` the node may stop it."""
        self._write(Phase.running, started, soft, hard, ref, self._turn, task)

    def release(self) -> None:
        """Have run the attempt, whose end is still to be reported."""
        self.phase = Phase.finishing  # at once: a soft limit that comes now is too late
        self._write(Phase.finishing, self._row.started, 0, 0, self._row.ref, self._turn, self._row.task)

    def _write(self, phase: Phase, started: float, soft: float, hard: float, ref: str, turn: str, task: str) -> None:
        if os.getpid() != self._pid:
            # A task forked, and its child came back from the task: it would go on with the turn beside the owner.
            threads.end_process("a process that attempt %s forked came back from its task: it ends here", self.ref)
        self._row = Row(self._pid, self._serial, phase, started, soft, hard, ref, turn, task)
        self._table.write(self.index, self._row)
        self.phase = phase


def _shared_file() -> int:
    """Open a file without a name: in memory, or on a disk where the system has no such files."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("orchestrator-slots")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _text(padded: bytes) -> str:
    return padded.rstrip(b"\0").decode(errors="replace")
