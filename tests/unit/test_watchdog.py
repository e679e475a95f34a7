"""The watchdog: it breaks connections after three unanswered permits, and gives up after six."""

from __future__ import annotations

import pytest

from orchestrator.runtime import watchdog
from orchestrator.runtime.watchdog import Watchdog


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
