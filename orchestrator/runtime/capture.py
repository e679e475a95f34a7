"""Errors as JSON: what was raised, in a size that a record can hold, marked where it was cut."""

from __future__ import annotations

import json
import traceback
from types import TracebackType
from typing import Any

MESSAGE_LIMIT = 4 * 1024
TRACEBACK_LIMIT = 16 * 1024
_CUT = "… [cut] …"
# Frames of Celery's around the body of a task say nothing about it.
_AROUND = ("celery/app/trace.py", "celery/app/autoretry.py", "celery/app/task.py")


def error(exc: BaseException, *, with_traceback: bool = True) -> dict[str, Any]:
    """Describe an exception: `type`, `message`, `traceback`, and the class names that a retry policy may name."""
    names = type_names(exc)
    return {
        "type": names[0],
        "message": _head(_message(exc), MESSAGE_LIMIT),
        "traceback": _tail(_traceback(exc), TRACEBACK_LIMIT) if with_traceback else "",
        "bases": list(names[1:]),
    }


def plain_error(name: str, message: str, bases: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe an end for which no exception was raised."""
    return {"type": name, "message": _head(message, MESSAGE_LIMIT), "traceback": "", "bases": list(bases)}


def encode(described: dict[str, Any]) -> bytes:
    """Write a description as JSON."""
    return json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def type_names(exc: BaseException) -> tuple[str, ...]:
    """Return the full names of an exception's class and its bases, built-in ones without their module."""
    return tuple(
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
        for cls in type(exc).__mro__[:-1]
    )


def _message(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception as broken:  # noqa: BLE001 — the user's `__str__` may raise anything
        return f"<its message cannot be shown: {type(broken).__name__}>"


def _traceback(exc: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(type(exc), exc, _inner(exc.__traceback__)))
    except Exception as broken:  # noqa: BLE001 — as above, for the exception's causes
        return f"<its traceback cannot be shown: {type(broken).__name__}>"


def _inner(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        if not trace.tb_frame.f_code.co_filename.endswith(_AROUND):
            break
        trace = trace.tb_next
    return trace


def _head(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else _CUT + text[-(limit - len(_CUT)) :]
