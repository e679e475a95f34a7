"""Ask a database, and deliver each row of a query's result once.

A row is told from others by the trigger's `id`, or else by all of its values: one that changes is another row then.
Queries are for reading: whatever they change is rolled back, and SQLite, PostgreSQL and MySQL are told to refuse it.
"""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.model.errors import DefinitionError, SettingsError, Unavailable
from orchestrator.model.urls import mask_url
from orchestrator.scheduler.sources.inbox import Found, digest, refers, reveal, said, secrets_in
from orchestrator.scheduler.sources.memory import Memory
from orchestrator.scheduler.sources.polls import Poll

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

MOST_NEW = 1_000
"""Rows that are delivered at one time; the rest follow at once."""
LOOK = 200
CONNECT_S = 5
_DRIVERS_WITH_TIMEOUT = ("psycopg", "psycopg2", "pymysql", "mysqldb")
_BIND = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")


def ask(poll: Poll) -> int | None:
    """See `polls.Ask`."""
    sql = poll.trigger.sql
    assert sql is not None
    memory, delivered = Memory(poll), 0
    with _rows(sql.url, sql.query, poll) as batches:
        for batch in batches:
            finds = [Found(digest(repr(sorted(row.items()))), _plain(row)) for row in batch]
            ids = [poll.inbox.delivery_id(found) for found in finds]
            known = memory.look(ids)
            new = {row_id: found for row_id, found, value in zip(ids, finds, known, strict=True) if value is None}
            poll.inbox.deliver([*new.values()])
            memory.keep(dict.fromkeys(new, "1"))
            delivered += len(new)
            if delivered >= MOST_NEW or poll.left_s < 0:
                return 0
    memory.end()
    return None


@contextmanager
def _rows(url: str, query: str, poll: Poll) -> Iterator[Iterator[list[Mapping[str, Any]]]]:
    """Open a query's result as batches of rows."""
    try:
        from sqlalchemy import create_engine, make_url, text
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
        from sqlalchemy.pool import NullPool
    except ImportError:
        raise SettingsError(
            "polling a database needs SQLAlchemy", remedy="pip install 'celery-orchestrator[sql]'"
        ) from None
    revealed = reveal(url)
    shown = url if refers(url) else mask_url(url)
    try:
        address = make_url(revealed)
        secrets = secrets_in(revealed)
        engine = create_engine(address, poolclass=NullPool, connect_args=_connect_args(address))
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(said(error, revealed), where=shown) from None
    except ImportError as error:
        raise SettingsError(said(error), where=shown, remedy="install it where schedulers run") from None
    try:
        with engine.connect() as connection:
            end = _bounds(connection, address.get_backend_name(), poll)
            try:
                streamed = connection.execution_options(stream_results=True, max_row_buffer=LOOK)
                result = streamed.execute(text(_BIND.sub(r"\\:\1", query)))
                if not result.returns_rows:
                    raise DefinitionError("the query gives no rows", where=shown)
                columns = list(result.keys())
                if len(set(columns)) < len(columns):
                    raise DefinitionError(f"two columns of the query have one name: {columns}", where=shown)
                yield ([dict(row) for row in part] for part in result.mappings().partitions(LOOK))
            finally:
                end()
                connection.rollback()
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise Unavailable(said(cause, *secrets), where=shown) from None
    finally:
        engine.dispose()


def _connect_args(address: URL) -> dict[str, Any]:
    kind = address.get_backend_name()
    if kind == "sqlite":
        path = address.database or ""
        if path not in ("", ":memory:") and not path.startswith("file:") and not Path(path).is_file():
            raise Unavailable("there is no such file", where=path)  # SQLite would make an empty one
        return {"timeout": CONNECT_S}
    return {"connect_timeout": CONNECT_S} if address.get_driver_name() in _DRIVERS_WITH_TIMEOUT else {}


def _bounds(connection: Connection, kind: str, poll: Poll) -> Callable[[], None]:
    """Have the database refuse writes and end a query in time, where it can; returns what takes that back."""
    left_ms = max(1_000, int(poll.left_s * 1000) - 1_000)
    if kind == "sqlite":
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA query_only = ON")
        raw.set_progress_handler(lambda: time.monotonic() > poll.until, 10_000)
        return lambda: raw.set_progress_handler(None, 0)
    statements = {
        "postgresql": (f"SET statement_timeout = {left_ms}", "SET TRANSACTION READ ONLY"),
        "mysql": (f"SET SESSION max_execution_time = {left_ms}", "SET SESSION TRANSACTION READ ONLY"),
        "mariadb": (f"SET SESSION max_statement_time = {left_ms // 1000}", "SET SESSION TRANSACTION READ ONLY"),
    }
    for statement in statements.get(kind, ()):
        connection.exec_driver_sql(statement)
    return lambda: None


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value: dates as ISO 8601, decimals as numbers, bytes as base64, others as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return (int(value) if value == value.to_integral_value() else float(value)) if value.is_finite() else None
    if isinstance(value, datetime | date | clock_time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return str(value)
