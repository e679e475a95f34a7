"""The tests' own helpers: what they promise, they keep."""

from __future__ import annotations

import pytest

from support.leaks import orphans, strays
from support.needs import INSTALL, require, require_redis
from support.waiting import wait_until


def test_waiting_tells_what_was_waited_for():
    with pytest.raises(AssertionError, match=r"waited 0\.02 s in vain for: the moon \(last value 0\)"):
        wait_until(lambda: 0, 0.02, "the moon")
    assert wait_until(iter([0, 0, "risen"]).__next__) == "risen"


def test_what_is_missing_skips_or_where_promised_fails(monkeypatch):
    monkeypatch.setitem(INSTALL, "moon", (lambda: None, "apt install moon"))
    monkeypatch.delenv("ORCHESTRATOR_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"moon is missing \(apt install moon\)"):
        require("moon")
    monkeypatch.setenv("ORCHESTRATOR_TEST_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match="moon is missing"):
        require("moon")
    with pytest.raises(pytest.fail.Exception, match=r"redis 1\.0 is missing"):
        require_redis("1.0")


def test_keys_without_owner_are_found():
    prefix = "o:{t}:"
    kept = [
        f"{prefix}run:1",
        f"{prefix}run:1:out",
        f"{prefix}run:1:j:0",
        f"{prefix}plan:a",
        f"{prefix}plan:a:e:3",
        "celery",
    ]
    lost = [f"{prefix}run:2:out", f"{prefix}plan:b:0"]
    assert orphans(kept, "t") == []
    assert orphans(kept + lost, "t") == ["plan:b:0", "run:2:out"]
    assert strays([*kept, "t:default.high", "unacked_index", "_kombu.binding.x", "o:{u}:run:1", "mine"], "t") == [
        "mine",
        "o:{u}:run:1",
    ]
