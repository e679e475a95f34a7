"""The slot table: rows that one process writes and others read, without waiting."""

from __future__ import annotations

import multiprocessing
import os
import threading

import pytest

from orchestrator import threads
from orchestrator.model.ids import REF_LENGTH, AttemptRef, new_run_id
from orchestrator.runtime.slots import Phase, Slot, SlotTable


@pytest.fixture
def table() -> SlotTable:
    return SlotTable(8)


def test_a_slot_shows_what_it_does(table: SlotTable) -> None:
    slot = table.adopt(Slot)
    slot.claim("turn1")
    slot.hold("run/1@2", "shop.add", 10.0, 11.0, 12.0)
    ((index, row),) = table.rows()
    assert (index, row.pid, row.name, row.phase) == (slot.index, os.getpid(), slot.name, Phase.running)
    assert (row.ref, row.turn, row.task) == ("run/1@2", "turn1", "shop.add")
    assert (row.started, row.soft, row.hard) == (10.0, 11.0, 12.0)
    slot.release()
    assert table.read(slot.index).phase is Phase.finishing
    assert table.read(slot.index).ref == "run/1@2"
    slot.rest()
    assert table.read(slot.index).ref == ""


def test_the_longest_reference_comes_back_whole(table: SlotTable) -> None:
    ref = str(AttemptRef(new_run_id(), 999_999, 16_777_215, instance=999_999))
    assert len(ref) == REF_LENGTH
    slot = table.adopt(Slot)
    slot.hold(ref, "shop.add", 0, 0, 0)
    assert table.read(slot.index).ref == ref
    assert AttemptRef.parse(ref).instance == 999_999


def test_a_reference_that_does_not_fit_is_an_error_and_never_cut(table: SlotTable) -> None:
    slot = table.adopt(Slot)
    slot.hold("run/1@2", "shop.add", 0, 0, 0)
    with pytest.raises(ValueError, match="longer than 64 bytes"):
        slot.hold(f"run/{'1' * 60}@2", "shop.add", 0, 0, 0)
    assert table.read(slot.index).ref == "run/1@2"


@pytest.mark.parametrize("text", ["", "run/1@2", f"{'0' * 20}/1.@2", f"{'0' * 20}/1@2.3", f"{'0' * 20}/1.1234567@2"])
def test_what_is_no_reference_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="not an attempt reference"):
        AttemptRef.parse(text)


def test_names_are_never_given_twice(table: SlotTable) -> None:
    first = table.adopt(Slot)
    name = first.name
    table.free(first.index)
    second = table.adopt(Slot)
    assert second.index == first.index
    assert second.name != name
    name = second.name
    assert second.next_op() == 1
    second.renew()
    assert (second.name != name, second.next_op()) == (True, 1)


def test_a_full_table_says_so(table: SlotTable) -> None:
    for _ in range(8):
        table.adopt(Slot)
    with pytest.raises(RuntimeError, match="full"):
        table.adopt(Slot)


def test_flags(table: SlotTable) -> None:
    assert (table.draining, table.events, table.crowded, table.incarnation) == (False, False, False, 0)
    table.draining = table.events = table.crowded = True
    table.incarnation = 2**40
    assert (table.draining, table.events, table.crowded, table.incarnation) == (True, True, True, 2**40)


def test_a_long_task_name_is_cut_and_nothing_else_suffers(table: SlotTable) -> None:
    slot = table.adopt(Slot)
    slot.hold("run/1@1", "ü" * 200, 1.0, 2.0, 3.0)
    row = table.read(slot.index)
    assert (row.ref, row.hard) == ("run/1@1", 3.0)
    assert row.task == "ü" * 72


def test_forked_children_take_rows_of_their_own(table: SlotTable) -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=lambda: table.adopt(Slot)) for _ in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join(10)
    rows = [row for _, row in table.rows()]
    assert {row.pid for row in rows} == {child.pid for child in children}
    assert len({row.serial for row in rows}) == 6


def test_a_reader_never_sees_half_a_row(table: SlotTable) -> None:
    slot = table.adopt(Slot)
    slot.hold("run/0@1", "0", 0.0, 0.0, 0.0)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            slot.hold(f"run/{number % 1000}@1", str(number % 1000), number, number, number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20_000):
            row = table.read(slot.index)
            assert row.ref == f"run/{row.task}@1"
            assert row.started == row.soft == row.hard
    finally:
        stop.set()
        writer.join()


def test_its_memory_is_no_file_that_a_full_disk_could_take_away(table: SlotTable) -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("the system has no files in memory")
    assert os.readlink(f"/proc/self/fd/{table._file}").startswith("/memfd:orchestrator-slots")
    assert os.fstat(table._file).st_blocks * 512 >= os.fstat(table._file).st_size


def test_it_grows_past_what_it_took_at_once() -> None:
    table = SlotTable(2, 1000)
    assert os.fstat(table._file).st_blocks * 512 < os.fstat(table._file).st_size
    slots = [table.adopt(Slot) for _ in range(1000)]
    assert len({slot.name for slot in slots}) == len(list(table.rows())) == 1000


def test_a_process_that_is_not_the_slots_owner_ends(table: SlotTable) -> None:
    slot = table.adopt(Slot)
    slot.hold("run/1@1", "shop.add", 0.0, 0.0, 0.0)
    child = multiprocessing.get_context("fork").Process(target=slot.release)
    child.start()
    child.join(10)
    assert child.exitcode == threads.EXIT_CODE
    assert table.read(slot.index).phase is Phase.running
