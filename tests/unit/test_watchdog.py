"""The watchdog: it breaks connections after three unanswered permits, and gives up after six."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.runtime import watchdog
from orchestrator.runtime.watchdog import Watchdog, break_connections


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    calls: list[object] = []
    monkeypatch.setattr(watchdog, "break_connections", calls.append)
    return calls


def test_three_rounds_break_the_connections_six_end_the_node(broken: list[object]) -> None:
    dog = Watchdog(None)
    hopeless = [dog.hopeless(unanswered, broker_down=False) for unanswered in (0, 1, 1, 2, 3, 3, 3, 4, 5, 6)]
    assert hopeless == [False] * 9 + [True]
    assert len(broken) == 4


def test_an_answer_starts_afresh(broken: list[object]) -> None:
    dog = Watchdog(None)
    for unanswered in (1, 2, 0, 1, 2, 0, 1, 2):
        assert not dog.hopeless(unanswered, broker_down=False)
    assert broken == []


def test_permits_that_went_nowhere_do_not_count(broken: list[object]) -> None:
    dog = Watchdog(None)
    for unanswered in range(1, 20):
        assert not dog.hopeless(unanswered, broker_down=True)
    assert not dog.hopeless(20, broker_down=False)
    assert broken == []


def test_a_node_that_comes_in_late_does_not_pay_for_others(broken: list[object]) -> None:
    assert not Watchdog(None).hopeless(9, broker_down=False)
    assert broken == []


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with contextlib.closing(ours), contextlib.closing(theirs):
        yield ours, theirs


def consumer_of(sock: socket.socket) -> Any:
    """Return what of a Celery consumer on Redis leads to a socket: a client of one channel, and its pool."""
    connection = SimpleNamespace(_sock=sock)
    pool = SimpleNamespace(_available_connections=[connection], _in_use_connections=set())
    channel = SimpleNamespace(client=SimpleNamespace(connection=connection), _pool=pool)
    broker = SimpleNamespace(transport=SimpleNamespace(channels=[channel]), _connection=None)
    return SimpleNamespace(connection=broker, event_dispatcher=None)


def test_the_main_thread_is_woken_from_its_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    break_connections(consumer_of(ours))
    assert ours.recv(1) == theirs.recv(1) == b""


def test_a_number_that_is_another_descriptors_by_now_is_left_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    """Celery closed its socket meanwhile, and a socket of the user's code was given the same number."""
    ours, theirs = pair
    gone = socket.socket()
    consumer, number = consumer_of(gone), gone.fileno()
    gone.close()
    os.dup2(ours.fileno(), number)
    with socket.socket(fileno=number) as users:
        break_connections(consumer)
        theirs.send(b"x")
        assert users.recv(1) == b"x"


def test_a_consumer_that_is_connecting_has_nothing_to_break() -> None:
    break_connections(None)
    break_connections(SimpleNamespace(connection=None, event_dispatcher=None))
