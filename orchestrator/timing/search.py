"""One bound for every search of a moment: a timing that gives nothing within it never fires.

A cron expression that never matches is refused when it is read. Whether a recurrence rule, the nth day of a calendar,
or a timing with days, windows and blackouts ever fires is only known by trying. Tries are counted, not timed, so a
busy machine gives the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

MOST_TRIES = 50_000
"""Tries of one search, of 1 to 5 microseconds each.

One try is one part of a calendar on one day, or one period of a recurrence rule.
"""
TRIES_OF_A_MOMENT = 10
"""Tries that one planned moment, one opening of a window or one year of a recurrence rule counts for."""
MOST_DAYS = 10 * 366
"""Days within which a calendar must have a day and a window must open, or they have none from there on."""

Asked = ParamSpec("Asked")
Found = TypeVar("Found")


class OutOfTriesError(Exception):
    """The search has used all its tries."""


class _Search:
    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_TRIES


_current: ContextVar[_Search | None] = ContextVar("search", default=None)


def bounded(search: Callable[Asked, Found]) -> Callable[Asked, Found | None]:
    """Return the search with a bound: it gives None after MOST_TRIES. Searches inside it share its tries."""

    @wraps(search)
    def run(*args: Asked.args, **kwargs: Asked.kwargs) -> Found | None:
        if _current.get() is not None:
            return search(*args, **kwargs)
        outermost = _current.set(_Search())
        try:
            return search(*args, **kwargs)
        except OutOfTriesError:
            return None
        finally:
            _current.reset(outermost)

    return run


def tried(count: int = 1) -> None:
    """Count tries of the current search, if there is one.

    Raises OutOfTriesError when it has none left; `bounded` answers it.
    """
    search = _current.get()
    if search is not None:
        if search.left < count:
            raise OutOfTriesError
        search.left -= count
