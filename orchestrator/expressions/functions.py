"""Functions that the CEL library lacks: CEL's text extension, time zones, and dates as text.

The library calls one of these if it has no function of its own for the arguments. They raise ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

MAX_PARTS, MAX_RESULT = 100, 10_000
"""The most parts that `split` gives, and the most characters of a text that `replace` or `join` makes."""
_FORMAT = re.compile(r"(?:[^%]|%[YmdHMSjGVuzaAbB%]){0,100}")


def _text(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"it takes text, not {value!r:.40}")


def _index(*values: Any) -> None:
    for value in values:
        if type(value) is not int or value < 0:
            raise ValueError(f"it takes a place from 0 on, not {value!r:.40}")


def _bounded(size: int) -> None:
    if size > MAX_RESULT:
        raise ValueError(f"the text would be longer than {MAX_RESULT:,} characters")


def _index_of(text: Any, part: Any) -> int:
    _text(text, part)
    return str(text).find(part)


def _join(texts: Any, separator: Any = "") -> str:
    _text(*texts, separator)
    _bounded(sum(map(len, texts)) + len(separator) * len(texts))
    return str(separator).join(texts)


def _lower(text: Any) -> str:
    _text(text)
    return str(text).encode().lower().decode()  # of bytes it changes the letters of ASCII only


def _upper(text: Any) -> str:
    _text(text)
    return str(text).encode().upper().decode()


def _replace(text: Any, old: Any, new: Any) -> str:
    _text(text, old, new)
    _bounded(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return str(text).replace(old, new)


def _split(text: Any, separator: Any) -> list[str]:
    _text(text, separator)
    if not separator:
        raise ValueError("the separator is empty")
    parts = str(text).split(separator, MAX_PARTS)  # one part more than is allowed
    if len(parts) > MAX_PARTS:
        raise ValueError(f"there are more than {MAX_PARTS} parts")
    return parts


def _substring(text: Any, start: Any, end: Any = None) -> str:
    _text(text)
    end = len(text) if end is None else end
    _index(start, end)
    if not start <= end <= len(text):
        raise ValueError(f"there is no part from {start} to {end} in a text of {len(text)} characters")
    return str(text[start:end])


def _trim(text: Any) -> str:
    _text(text)
    return str(text).strip()


def _in_zone(moment: Any, zone: Any) -> datetime:
    if not isinstance(moment, datetime) or not isinstance(zone, str):
        raise ValueError("it takes a timestamp and the name of a time zone")
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (LookupError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone!r:.40}") from None


def _strftime(moment: Any, form: Any, zone: Any = "UTC") -> str:
    local = _in_zone(moment, zone)
    _text(form)
    if not _FORMAT.fullmatch(form):
        raise ValueError(
            f"the format {form!r:.40} has more than %Y %m %d %H %M %S %j %G %V %u %z %a %A %b %B, or is long"
        )
    parts = (f"{local.year:04d}" if part == "%Y" else local.strftime(part) for part in re.findall(r"%.|[^%]+", form))
    return "".join(parts)


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    raise ValueError("it takes a number, text, a boolean, a timestamp or a duration")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"it takes 'true' or 'false', not {value!r:.40}")


def _zoned(part: Callable[[datetime], int]) -> Callable[..., int]:
    def get(moment: Any, zone: Any = None) -> int:
        return part(_in_zone(moment, zone))

    return get


ADDED: dict[str, Callable[..., Any]] = {
    "bool": _bool,
    "getDate": _zoned(lambda local: local.day),
    "getDayOfMonth": _zoned(lambda local: local.day - 1),
    "getDayOfWeek": _zoned(lambda local: local.isoweekday() % 7),
    "getDayOfYear": _zoned(lambda local: local.timetuple().tm_yday - 1),
    "getFullYear": _zoned(lambda local: local.year),
    "getHours": _zoned(lambda local: local.hour),
    "getMilliseconds": _zoned(lambda local: local.microsecond // 1000),
    "getMinutes": _zoned(lambda local: local.minute),
    "getMonth": _zoned(lambda local: local.month - 1),
    "getSeconds": _zoned(lambda local: local.second),
    "indexOf": _index_of,
    "join": _join,
    "lowerAscii": _lower,
    "replace": _replace,
    "split": _split,
    "string": _string,
    "strftime": _strftime,
    "substring": _substring,
    "trim": _trim,
    "upperAscii": _upper,
}
"""The functions by name. `reader` derives from it which names may be called."""
