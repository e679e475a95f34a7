"""The formats that JSON Schema names, all of them checked: what a schema says of a text holds.

A date-time or time may lack its offset from UTC, as pydantic's may. Formats of other names say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

if TYPE_CHECKING:
    from jsonschema import FormatChecker

_TIME = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?"
_DURATION = r"P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_POINTER = r"(/([^~/]|~[01])*)*"
_LITERAL = r"[^\x00-\x20\x7f\"'<>\\^`{|}%]|%[0-9A-Fa-f]{2}"
_VARIABLE = r"([\w.]|%[0-9A-Fa-f]{2})+(:[1-9]\d{0,3}|\*)?"
_PLAIN = r"A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-"
_FAR = r"\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U000efffd"
_CHARACTER = rf"([{_PLAIN}]|%[0-9A-Fa-f]{{2}})"
_ANY_CHARACTER = rf"([{_FAR}{_PLAIN}]|%[0-9A-Fa-f]{{2}})"


def _matching(pattern: str, *checks: Callable[[str], object]) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII if "\\u" not in pattern else 0)

    def check(text: str) -> bool:
        return compiled.fullmatch(text) is not None and all(each(text) is not False for each in checks)

    return check


def _split(text: str) -> object:
    return urlsplit(text).port  # raises for a port or brackets that are none


def _email(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    host = domain[1:-1].removeprefix("IPv6:") if domain.startswith("[") else domain
    return bool(at and local and host) and not re.search(r"\s", text) and len(local) <= 64


def _day_time(text: str) -> object:
    return datetime.fromisoformat(f"{text[:10]}T{re.sub(r':60', ':59', text[11:])}".upper())


def _idn_host(text: str) -> object:
    labels = text.removesuffix(".").split(".")
    return all(0 < len(label.encode("idna")) <= 63 for label in labels) and " " not in text


_CHECKS: dict[str, Callable[[str], object]] = {
    "date-time": _matching(rf"\d{{4}}-\d\d-\d\d[Tt]{_TIME}", _day_time),
    "date": _matching(r"\d{4}-\d\d-\d\d", date.fromisoformat),
    "time": _matching(_TIME),
    "duration": _matching(_DURATION),
    "email": _email,
    "idn-email": _email,
    "hostname": _matching(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?"),
    "idn-hostname": _idn_host,
    "ipv4": IPv4Address,
    "ipv6": lambda text: "%" not in text and IPv6Address(text),
    "uri": _matching(rf"[A-Za-z][A-Za-z0-9+.-]*:{_CHARACTER}*(#{_CHARACTER}*)?", _split),
    "uri-reference": _matching(rf"(?![^/?#]*[^A-Za-z0-9+./?#-][^/?#:]*:){_CHARACTER}*(#{_CHARACTER}*)?", _split),
    "iri": _matching(rf"[A-Za-z][A-Za-z0-9+.-]*:{_ANY_CHARACTER}*(#{_ANY_CHARACTER}*)?", _split),
    "iri-reference": _matching(rf"{_ANY_CHARACTER}*(#{_ANY_CHARACTER}*)?", _split),
    "uuid": _matching(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", UUID),
    "uri-template": _matching(rf"({_LITERAL}|\{{[+#./;?&=,!@|]?{_VARIABLE}(,{_VARIABLE})*\}})*"),
    "json-pointer": _matching(_POINTER),
    "relative-json-pointer": _matching(rf"(0|[1-9]\d*)([+-](0|[1-9]\d*))?(#|{_POINTER})"),
    "regex": re.compile,
}


@cache
def checker() -> FormatChecker:
    """Return what checks formats for jsonschema."""
    from jsonschema import FormatChecker

    made = FormatChecker(())
    for name, check in _CHECKS.items():
        made.checks(name, raises=(ValueError, re.error))(_of_texts(check))
    return made


def _of_texts(check: Callable[[str], object]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or check(value) is not False
