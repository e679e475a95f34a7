"""Errors as JSON: complete where they are small, cut and marked where they are not."""

from __future__ import annotations

import json

import pytest

from orchestrator.runtime import capture


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raised(exc: BaseException) -> BaseException:
    with pytest.raises(type(exc)) as caught:
        raise exc
    return caught.value


def test_an_error_names_its_class_and_bases() -> None:
    error = capture.error(raised(ConnectionResetError("gone")))
    assert (error["type"], error["message"]) == ("ConnectionResetError", "gone")
    assert error["bases"] == ["ConnectionError", "OSError", "Exception", "BaseException"]
    assert "test_capture.py" in error["traceback"]


def test_a_class_outside_builtins_has_its_full_name() -> None:
    assert capture.error(Broken())["type"].endswith("test_capture.Broken")


def test_a_message_that_cannot_be_made_is_told() -> None:
    assert capture.error(raised(Broken()))["message"] == "<its message cannot be shown: RuntimeError>"


def test_what_is_cut_is_marked() -> None:
    error = capture.error(raised(ValueError("x" * 100_000)))
    assert len(error["message"]) == capture.MESSAGE_LIMIT
    assert error["message"].endswith("… [cut] …")
    assert len(error["traceback"]) == capture.TRACEBACK_LIMIT
    assert error["traceback"].startswith("… [cut] …")


def test_the_cause_is_told() -> None:
    outer = ValueError("outer")
    outer.__cause__ = raised(KeyError("inner"))
    assert "KeyError: 'inner'" in capture.error(raised(outer))["traceback"]


def test_lone_surrogates_do_not_stop_a_report() -> None:
    encoded = capture.encode(capture.plain_error("Odd", "\udc80"))
    assert json.loads(encoded)["message"] == "?"
