"""Complaints: what is wrong and where, in words, and several of them as one error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError

Path = tuple[str | int, ...]
"""The way to a value in a document: keys and indexes."""
Complain = Callable[[Path, str], None]
MAX_TOLD = 50
"""Complaints that one error tells; the rest are counted."""
_MAX_NAMES = 12


def show_path(path: Path) -> str:
    """Write a path into a document the way people read it: `jobs.load.args[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


class Complaint(NamedTuple):
    """One thing that is wrong, and its path in the document."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{show_path(self.path)}: {self.what}" if self.path else self.what


def listing(complaints: Iterable[object]) -> str:
    """Write complaints a line each; a single one stands by itself."""
    lines = [str(complaint) for complaint in complaints]
    if len(lines) == 1:
        return lines[0]
    told = lines[:MAX_TOLD] + ([f"… and {len(lines) - MAX_TOLD} more"] if len(lines) > MAX_TOLD else [])
    return "\n  ".join([f"{len(lines)} things are wrong:", *told])


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return " (did you mean 'clean'?)", or what there is if it is little, or nothing."""
    if len(known) > 10_000:
        return ""
    close = get_close_matches(name, known, n=1)
    if close:
        return f" (did you mean {close[0]!r}?)"
    if 0 < len(known) <= _MAX_NAMES:
        return f" (there are: {', '.join(known)})"
    return ""


def there_are(name: str, known: Sequence[str]) -> str:
    """Say which of the known names are near a name that is not among them, or else what there is."""
    near = get_close_matches(name, known) or list(known[:8])
    return f"there {'is' if len(near) == 1 else 'are'} {', '.join(near)}" if near else "none is stored yet"


def explain(error: ValidationError, known: Sequence[str] = ()) -> list[Complaint]:
    """Put pydantic's complaints into our words; `known` are the fields of the outermost model, for a hint."""
    complaints = []
    for item in error.errors(include_url=False):
        path: Path = item["loc"]
        kind = item["type"]
        if kind in ("extra_forbidden", "unexpected_keyword_argument"):
            name = str(path[-1]) if path else "?"
            hint = did_you_mean(name, known) if len(path) == 1 else ""
            what = f"there is no such field{hint}"
        elif kind in ("missing", "missing_keyword_only_argument"):
            what = "is required"
        elif kind == "value_error":
            what = str(item.get("ctx", {}).get("error", item["msg"]))
        else:
            what = item["msg"].replace("Input should", "should").replace("a valid tuple", "a list")
            what = what.replace("a valid dictionary or instance of RetryPolicy", "a number of retries or a policy")
            what = what[:1].lower() + what[1:] + _given(item["input"])
        complaints.append(Complaint(path, what))
    return complaints


def _given(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else ""
    return f", not {text}" if 0 < len(text) <= 60 else ""


def kind_of(value: object) -> str:
    """Name the kind of a value of a document: "nothing", "a dict", "a number"."""
    return "nothing" if value is None else f"a {type(value).__name__}".replace("a int", "a number")
