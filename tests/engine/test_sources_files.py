"""Files that triggers watch: real ones, written in pieces, moved, rewritten, by the thousand."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from orchestrator.model.errors import DefinitionError, Unavailable
from orchestrator.scheduler.sources import files, folders, memory
from orchestrator.scheduler.sources.watch import SOON_MS
from orchestrator.state.layouts.change_ops import drop_starter
from orchestrator.state.reads import source_memory
from orchestrator.state.transitions.replies import Missing
from orchestrator.state.transitions.sources import NoteSeen
from support.machine import Machine
from support.waiting import wait_until
from support.watched import Watched

STABLE_MS = 5_600
"""What passes between two looks after which a file that stayed as it was is taken."""


@pytest.fixture
def watched(redis_client: redis.Redis, ns: str) -> Watched:
    return Watched(Machine(redis_client, ns))


def lay(path: Path, text: str = "x", age_s: float = 60.0) -> Path:
    """Write a file that was changed last so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def look_twice(watched: Watched) -> None:
    """Look, and again when what was there may be taken."""
    watched.look(12_000)
    watched.look(STABLE_MS)


def names(watched: Watched) -> list[str]:
    return [json.loads(each.body)["name"] for each in watched.deliveries()]


def test_each_file_starts_one_run(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*.csv", "every": "10s"})
    lay(tmp_path / "a.csv", "hello")
    lay(tmp_path / "b.txt")
    lay(tmp_path / ".hidden.csv")
    (tmp_path / "folder.csv").mkdir()
    for _ in range(3):
        look_twice(watched)
    assert len(watched.runs(own)) == 1
    payload: dict[str, Any] = json.loads(watched.deliveries()[0].body)
    assert payload["path"] == str(tmp_path / "a.csv")
    assert payload["name"] == "a.csv"
    assert payload["size"] == 5
    assert abs(time.time() - 60 - datetime.fromisoformat(payload["modified"]).timestamp()) < 30
    lay(tmp_path / "c.csv")
    look_twice(watched)
    assert len(watched.runs(own)) == 2


def test_a_file_that_is_written_in_pieces_is_taken_when_it_is_whole(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*", "every": "10s", "stable": "5s"})
    for n in range(1, 4):
        lay(tmp_path / "slow", "x" * n, age_s=0)
        watched.look(3_000)
        assert watched.runs(own) == []
        assert watched.due_ms(own) < 5_600, "it is looked at again when it may be whole"
    watched.look(5_600)
    assert len(watched.runs(own)) == 1
    assert json.loads(watched.deliveries()[0].body)["size"] == 3


@pytest.mark.parametrize("ahead_s", [-3_600, 0, 3_600])
def test_neither_the_own_clock_nor_the_time_of_change_says_that_a_file_is_whole(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*", "every": "10s", "stable": "5s"})
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + ahead_s)
    for n in range(1, 9):
        lay(tmp_path / "slow", "x" * n, age_s=90_000)
        watched.look(4_000)
    assert watched.deliveries() == []
    watched.look(STABLE_MS)
    watched.look(12_000)
    assert [json.loads(each.body)["size"] for each in watched.deliveries()] == [8]
    assert len(watched.runs(own)) == 1


def test_a_file_that_is_rewritten_under_the_same_size_and_time_waits_anew(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"})
    path = lay(tmp_path / "padded", "00")
    before = path.stat()
    watched.look()

    def rewritten() -> bool:
        path.write_text("12")
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
        return path.stat().st_ctime_ns > before.st_ctime_ns

    wait_until(rewritten)
    watched.look(STABLE_MS)
    assert watched.deliveries() == []
    watched.look(STABLE_MS)
    path.chmod(0o600)
    look_twice(watched)
    assert len(watched.runs(own)) == 1, "what is done with is told by its size and time of change"


def test_a_scheduler_goes_on_from_the_first_look_of_another(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*", "every": "1h", "stable": "5s"})
    lay(tmp_path / "a", age_s=0)
    watched.look()
    assert 5_000 <= watched.due_ms(own) < STABLE_MS, "the second look does not wait for `every`"
    other = Watched(watched.machine)
    other.look(STABLE_MS)
    assert len(other.runs(own)) == 1


def test_a_file_that_is_written_anew_is_a_new_one(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/report"})
    lay(tmp_path / "report", age_s=100)
    look_twice(watched)
    lay(tmp_path / "report", age_s=50)
    look_twice(watched)
    assert len(watched.runs(own)) == 2


def test_what_another_scheduler_delivered_before_it_died_is_not_delivered_again(
    watched: Watched, tmp_path: Path
) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"})
    for n in range(20):
        lay(tmp_path / f"f{n}")
    look_twice(watched)
    watched.machine.client.delete(watched.keys.seen(own))  # it died before it could note them
    look_twice(watched)
    assert len(watched.deliveries()) == 20
    assert len(watched.runs(own)) == 20


def test_two_schedulers_take_each_file_once(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/**/*.csv"})
    other = Watched(watched.machine)
    for n in range(1_200):
        lay(tmp_path / str(n % 7) / f"f{n}.csv")
    watched.look()
    watched.machine.wait(STABLE_MS)
    for each in (watched, other):
        each._timers.step(each.tools)
        watched.machine.client.zadd(watched.keys.timers, {f"poll/{own}": watched.machine.now})
    for each in (watched, other):
        each.listeners.polls.close()
    watched.look()
    assert len(watched.deliveries()) == 1_200
    assert len(set(names(watched))) == 1_200
    assert len(watched.machine.client.smembers(watched.keys.living(own))) == 1_200


def test_many_files_are_taken_in_parts(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_NEW", 100)
    monkeypatch.setattr(files, "LOOK", 50)
    watched.put_trigger(files={"path": f"{tmp_path}/*"})
    for n in range(250):
        lay(tmp_path / f"f{n}")
    look_twice(watched)
    assert len(watched.deliveries()) == 100
    watched.look(1_000)
    watched.look(1_000)
    assert len(watched.deliveries()) == 250


def test_too_many_files_are_told(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(source_memory, "MOST_SEEN", 10)
    monkeypatch.setattr(files, "LOOK", 5)
    watched.put_trigger(files={"path": f"{tmp_path}/*"})
    for n in range(16):
        lay(tmp_path / f"f{n}")
    look_twice(watched)
    watched.look(12_000)
    assert len(watched.deliveries()) == 10
    assert "over 10 of them" in caplog.text


def test_files_that_are_gone_are_forgotten(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SLACK", 5)
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"})
    for n in range(30):
        lay(tmp_path / f"f{n}")
    watched.look()
    for n in range(1, 30):
        (tmp_path / f"f{n}").unlink()
    watched.look(12_000)
    assert watched.machine.client.hlen(watched.keys.seen(own)) == 1
    (tmp_path / "f0").unlink()
    watched.look(12_000)
    assert watched.machine.client.hlen(watched.keys.seen(own)) == 1, "an empty folder may be one that is not mounted"


def test_a_trigger_takes_its_memory_with_it(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"})
    lay(tmp_path / "a")
    watched.look()
    assert watched.machine.client.exists(watched.keys.seen(own))
    watched.apply([drop_starter(own)])
    assert watched.store.run(NoteSeen(own, {"late": "1"})) == Missing()  # by a poll that was under way
    assert not watched.machine.client.exists(watched.keys.seen(own))


def test_nothing_is_fetched_for_a_trigger_with_too_much_before_it(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"}, overlap="queue_all")
    lay(tmp_path / "a")
    watched.look()
    watched.machine.wait(STABLE_MS)
    watched.machine.client.rpush(watched.keys.waiting(own), *["x"] * 5_000)
    watched.listeners.polls.asked(watched.tools, [own], watched.machine.now)
    watched.listeners.polls.close()
    assert watched.deliveries() == []
    assert watched.due_ms(own) <= 2_500, "it is soon seen whether there is room"
    watched.machine.client.delete(watched.keys.waiting(own))


def test_a_pattern_matches_as_the_shell_does(tmp_path: Path) -> None:
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", ".git/d.csv", "x/.e.csv"):
        lay(tmp_path / name)

    def found(pattern: str) -> set[str]:
        return {os.path.relpath(each.path, tmp_path) for each in folders.files(f"{tmp_path}/{pattern}")}

    assert found("*.csv") == {"a.csv"}
    assert found("a.csv") == {"a.csv"}
    assert found("*/*.csv") == {"x/b.csv"}
    assert found("**/*.csv") == {"a.csv", "x/b.csv", "x/y/c.csv"}
    assert found("x/**") == {"x/b.csv", "x/y/c.csv"}
    assert found("[ab].cs?") == {"a.csv"}
    assert found("x/.*") == {"x/.e.csv"}
    assert folders.one_folder("/data/in/*.csv") == "/data/in"
    assert folders.one_folder("/data/*/in.csv") is None
    assert folders.one_folder("/data/**") is None


def test_a_path_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no file"):
        list(folders.files("/"))
    with pytest.raises(Unavailable, match="no such folder"):
        list(folders.files(f"{tmp_path}/none/*"))


def test_a_file_whose_name_is_no_text(watched: Watched, tmp_path: Path) -> None:
    own = watched.put_trigger(files={"path": f"{tmp_path}/*"})
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    with open(path, "w") as file:
        file.write("x")
    os.utime(path, (1, 1))
    look_twice(watched)
    assert len(watched.runs(own)) == 1


def test_a_folder_whose_name_is_no_text_and_that_cannot_be_read(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.put_trigger(files={"path": f"{tmp_path}/**/*.csv"})
    shut = os.path.join(os.fsencode(tmp_path), b"\xe9t\xe9")
    os.mkdir(shut)
    scandir = os.scandir

    def denied(path: str) -> Any:
        if os.fsencode(path) == shut:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    look_twice(watched)
    assert f"{tmp_path}/\ufffdt\ufffd: Permission denied" in caplog.text


def test_objects_of_a_store_are_watched_by_fsspec(watched: Watched) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    own = watched.put_trigger(files={"path": "memory://bucket/in/*.csv", "stable": "5s"})
    store.pipe("/bucket/in/a.csv", b"12345")
    store.pipe("/bucket/in/b.txt", b"1")
    watched.look()
    assert watched.deliveries() == []
    watched.look(6_000)
    watched.look(12_000)
    assert len(watched.runs(own)) == 1
    (delivered,) = watched.deliveries()
    assert json.loads(delivered.body)["path"] == "memory:///bucket/in/a.csv"
    store.rm("/bucket", recursive=True)


def test_a_change_brings_the_next_look_forward(watched: Watched, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    own = watched.put_trigger(files={"path": f"{tmp_path}/*", "every": "1h"})
    watched.look()
    assert watched.due_ms(own) > 3_500_000
    watched.listeners.step(watched.tools)
    try:
        n = iter(range(10_000))

        def forward() -> bool:
            lay(tmp_path / f"f{next(n)}")
            return watched.due_ms(own) <= SOON_MS

        wait_until(forward, 10, "the poll to be brought forward", every=0.2)
    finally:
        watched.listeners.close()
