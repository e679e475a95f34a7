"""Databases that triggers poll: SQLite's own files."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from orchestrator.scheduler.sources import polls, sql
from support.machine import Machine
from support.watched import Watched

pytest.importorskip("sqlalchemy")


@pytest.fixture
def watched(redis_client: redis.Redis, ns: str) -> Watched:
    return Watched(Machine(redis_client, ns))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE orders (id INTEGER, total REAL, at TEXT, raw BLOB)")
        made.commit()
        yield made


def add(db: sqlite3.Connection, *ids: int) -> None:
    db.executemany("INSERT INTO orders VALUES (?, ?, '12:30', x'00ff')", [(each, each * 1.5) for each in ids])
    db.commit()


def payloads(watched: Watched) -> list[Any]:
    return [json.loads(each.body) for each in watched.deliveries()]


def test_each_row_starts_one_run(watched: Watched, db: sqlite3.Connection, path: Path) -> None:
    own = watched.put_trigger(
        sql={"url": f"sqlite:///{path}", "query": "SELECT * FROM orders WHERE at <> ' :never'", "every": "1m"}
    )
    add(db, 1, 2)
    watched.look()
    watched.look(70_000)
    assert len(watched.runs(own)) == 2
    assert payloads(watched)[0] == {"id": 1, "total": 1.5, "at": "12:30", "raw": "AP8="}
    add(db, 3)
    watched.look(70_000)
    assert len(watched.runs(own)) == 3
    db.execute("UPDATE orders SET total = 9 WHERE id = 1")
    db.commit()
    watched.look(70_000)
    assert len(watched.runs(own)) == 4, "without an id, a row that changes is another row"


def test_an_id_tells_rows_apart(watched: Watched, db: sqlite3.Connection, path: Path) -> None:
    own = watched.put_trigger(
        sql={"url": f"sqlite:///{path}", "query": "SELECT id, total FROM orders"}, id="event.payload.id"
    )
    add(db, 1, 1, 2)
    watched.look()
    db.execute("UPDATE orders SET total = 9")
    db.commit()
    watched.look(70_000)
    assert len(watched.runs(own)) == 2


def test_many_rows_are_taken_in_parts(
    watched: Watched, db: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "MOST_NEW", 100)
    monkeypatch.setattr(sql, "LOOK", 50)
    watched.put_trigger(sql={"url": f"sqlite:///{path}", "query": "SELECT * FROM orders"})
    add(db, *range(250))
    watched.look()
    assert len(watched.deliveries()) == 100
    watched.look(1_000)
    watched.look(1_000)
    assert len(watched.deliveries()) == 250


@pytest.mark.parametrize(
    ("url", "query", "told"),
    [
        ("sqlite:///{path}", "DELETE FROM orders", "readonly"),
        ("sqlite:///{path}", "SELECT * FROM nowhere", "no such table"),
        ("sqlite:///{path}", "SELECT 1 AS a, 2 AS a", "two columns"),
        ("sqlite:///{path}.none", "SELECT 1", "no such file"),
        ("env:SHOP_DB", "SELECT 1", "Could not parse|no such|Can't load"),
        ("env:SHOP_DB_UNSET", "SELECT 1", "there is no secret here"),
    ],
)
def test_what_fails_is_told_and_changes_nothing(
    watched: Watched,
    db: sqlite3.Connection,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    query: str,
    told: str,
) -> None:
    monkeypatch.setenv("SHOP_DB", "nosuch://me:tiger4711@db/shop")
    add(db, 1)
    watched.put_trigger(sql={"url": url.format(path=path), "query": query})
    watched.look()
    assert len([record for record in caplog.records if "cannot be asked" in record.getMessage()]) == 1
    assert re.search(told, caplog.text)
    assert "4711" not in caplog.text
    assert watched.deliveries() == []
    assert db.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    assert not path.with_suffix(".db.none").exists()


def test_a_query_without_end_is_stopped(
    watched: Watched,
    db: sqlite3.Connection,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polls, "DEADLINE_S", 0.3)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
    watched.put_trigger(sql={"url": f"sqlite:///{path}", "query": endless})
    watched.look()
    assert "interrupted" in caplog.text
