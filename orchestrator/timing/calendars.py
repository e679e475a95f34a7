"""Calendars: sets of days as plain data, from weekdays, holidays, dates and each other.

A calendar holds one base (`weekdays`, `holidays`, `dates`, `calendar`, `any_of` or `all_of`), less the days of each
calendar in `without`, plus those of each in `also`:

    business: {weekdays: mon-fri, without: [{holidays: FR}, {dates: ["12-24"]}], also: [{dates: ["2027-12-26"]}]}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.data import Data
from orchestrator.timing.search import MOST_DAYS, bounded, tried

BASES = ("weekdays", "holidays", "dates", "calendar", "any_of", "all_of")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_SHOWN = 80
"""A sentence shows at most so many characters of a calendar."""
ONE = timedelta(days=1)
YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)


def read_weekdays(value: object) -> object:
    """Read `mon-fri` or `sat,sun`, or a list of such texts, as names in the order of the week.

    Raises ValueError for a text that names no weekday.
    """
    if isinstance(value, str):
        value = value.lower().split(",")
    if not isinstance(value, list | tuple):
        return value
    chosen: set[int] = set()
    for part in value:
        first, _, last = str(part).strip().lower().partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError(f"{part!r} is no weekday such as mon or mon-fri")
        start, length = WEEKDAYS.index(first), (WEEKDAYS.index(last or first) - WEEKDAYS.index(first)) % 7
        chosen.update((start + n) % 7 for n in range(length + 1))
    return tuple(WEEKDAYS[n] for n in sorted(chosen))


def _a_date(text: str) -> str:
    yearly = YEARLY.fullmatch(text)
    try:
        # 02-29 is a day of some years, so it is tried in one of them.
        date.fromisoformat(f"2028-{text}" if yearly else text)
    except ValueError:
        raise ValueError(f"{text!r} is no date such as 2027-12-24, or 12-24 for every year") from None
    return text


Weekdays = Annotated[tuple[str, ...], BeforeValidator(read_weekdays), Field(min_length=1)]
DateText = Annotated[
    str, BeforeValidator(lambda v: v.isoformat() if isinstance(v, date) else v), AfterValidator(_a_date)
]


class Calendar(Data):
    """A set of days. `a | b`, `a & b`, `a - b` combine two; `day in calendar` asks.

    `holidays` names a country (`FR`), a part of one (`DE-BY`) or a market (`XNYS`), as the library `holidays` knows
    them (extra `calendars`); `calendar` names another calendar, which `resolve` puts in its place.

    Raises DefinitionError for data that is no calendar, and `day in calendar` for a calendar that is only named.
    """

    noun = "calendar"

    weekdays: Weekdays | None = None
    holidays: str | None = None
    dates: tuple[DateText, ...] | None = None
    calendar: str | None = None
    any_of: tuple[Calendar, ...] | None = Field(None, min_length=1)
    all_of: tuple[Calendar, ...] | None = Field(None, min_length=1)
    without: tuple[Calendar, ...] = ()
    also: tuple[Calendar, ...] = ()

    @model_validator(mode="after")
    def _one_base(self) -> Self:
        if sum(getattr(self, base) is not None for base in BASES) != 1:
            raise ValueError(f"it must have exactly one of {', '.join(BASES)}")
        return self

    def __or__(self, other: Calendar) -> Calendar:
        return Calendar(any_of=(self, other))

    def __and__(self, other: Calendar) -> Calendar:
        return Calendar(all_of=(self, other))

    def __sub__(self, other: Calendar) -> Calendar:
        return Calendar(any_of=(self,), without=(other,))

    def __contains__(self, day: date) -> bool:
        tried()
        if any(day in extra for extra in self.also):
            return True
        return self._in_base(day) and not any(day in out for out in self.without)

    def _in_base(self, day: date) -> bool:
        if self.weekdays is not None:
            return WEEKDAYS[day.weekday()] in self.weekdays
        if self.dates is not None:
            return day.isoformat() in self._date_set or day.isoformat()[5:] in self._date_set
        if self.holidays is not None:
            return day in holidays_of(self.holidays, day.year)
        if self.any_of is not None:
            return any(day in part for part in self.any_of)
        if self.all_of is not None:
            return all(day in part for part in self.all_of)
        raise DefinitionError(f"the calendar {self.calendar!r} is only named here", remedy="resolve it first")

    @cached_property
    def _date_set(self) -> frozenset[str]:
        return frozenset(self.dates or ())

    def parts(self) -> Iterator[Calendar]:
        """Yield this calendar and all that it is made of."""
        yield self
        for part in (*(self.any_of or ()), *(self.all_of or ()), *self.without, *self.also):
            yield from part.parts()

    def resolve(self, named: Mapping[str, Calendar], path: tuple[str, ...] = ()) -> Calendar:
        """Return it with the calendars that it names put in place.

        Raises DefinitionError for an unknown name, and for calendars that name each other in a circle.
        """
        if self.calendar is not None:
            if self.calendar in path:
                raise DefinitionError(f"calendars name each other in a circle: {' → '.join((*path, self.calendar))}")
            if self.calendar not in named:
                there = f"there are {', '.join(sorted(named))}" if named else "there is none yet"
                raise DefinitionError(f"there is no calendar {self.calendar!r}", remedy=there)
            base: dict[str, Any] = {"any_of": (named[self.calendar].resolve(named, (*path, self.calendar)),)}
        else:
            base = {name: getattr(self, name) for name in BASES}
            for name in ("any_of", "all_of"):
                if base[name] is not None:
                    base[name] = tuple(part.resolve(named, path) for part in base[name])
        around = {
            name: tuple(part.resolve(named, path) for part in getattr(self, name)) for name in ("without", "also")
        }
        return Calendar(**base, **around)

    def check(self, named: Mapping[str, Calendar] | None = None) -> Calendar:
        """Return it resolved, after a check of every country and name in it.

        Raises DefinitionError for an unknown name, a circle, or a country of which no holidays are known.
        """
        whole = self.resolve(named or {})
        for part in whole.parts():
            if part.holidays is not None:
                holidays_of(part.holidays, 2027)
        return whole

    @bounded
    def next(self, day: date) -> date | None:
        """Return the first member on or after a day, None if there is none in ten years (see `timing.search`)."""
        return next((found for n in range(MOST_DAYS) if (found := day + n * ONE) in self), None)

    @bounded
    def previous(self, day: date) -> date | None:
        """Return the last member on or before a day, None if there is none in ten years (see `timing.search`)."""
        return next((found for n in range(MOST_DAYS) if (found := day - n * ONE) in self), None)

    def shift(self, day: date, count: int) -> date | None:
        """Return the member `count` members after a day (before it if negative); 0 is the first on or after it."""
        found: date | None = self.next(day) if count == 0 else day
        for _ in range(abs(count)):
            if found is not None:
                found = self.next(found + ONE) if count > 0 else self.previous(found - ONE)
        return found

    def of_month(self, year: int, month: int) -> list[date]:
        """Return the members in a month."""
        first = date(year, month, 1)
        return [day for n in range(31) if (day := first + n * ONE).month == month and day in self]

    def document(self) -> dict[str, Any]:
        """Return it as plain data, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def short(self) -> str | dict[str, Any]:
        """Return it as plain data; a calendar that is only named, as its name."""
        alone = self.calendar is not None and self == Calendar(calendar=self.calendar)
        return self.calendar if alone and self.calendar else self.document()

    def names(self) -> set[str]:
        """Return the names of the calendars that it uses directly, not of those that they use."""
        return {part.calendar for part in self.parts() if part.calendar is not None}

    @property
    def shown(self) -> str:
        """Return how a sentence names it: by its parts if they are short, else `the calendar`."""
        words = self._words()
        return f"the calendar {words}" if len(words) <= MOST_SHOWN else "the calendar"

    def _words(self) -> str:
        if self.weekdays is not None:
            words = _span(self.weekdays)
        elif self.any_of is not None or self.all_of is not None:
            joint = " or " if self.any_of is not None else " and "
            words = joint.join(part._words() for part in self.any_of or self.all_of or ())
        elif self.holidays is not None:
            words = f"holidays {self.holidays}"
        else:
            words = self.calendar or ", ".join(self.dates or ())
        for name, parts in (("without", self.without), ("also", self.also)):
            if parts:
                words += f" {name} {', '.join(part._words() for part in parts)}"
        return words


def _span(weekdays: tuple[str, ...]) -> str:
    """Write weekdays as `mon-fri` where three or more follow each other, else as a list."""
    first, last = WEEKDAYS.index(weekdays[0]), WEEKDAYS.index(weekdays[-1])
    whole = len(weekdays) > 2 and last - first + 1 == len(weekdays)
    return f"{weekdays[0]}-{weekdays[-1]}" if whole else ", ".join(weekdays)


def named(value: object) -> object:
    """Read a text as the name of a stored calendar, and return any other value unchanged."""
    return Calendar(calendar=value) if isinstance(value, str) else value


@lru_cache(maxsize=4096)
def holidays_of(place: str, year: int) -> frozenset[date]:
    """Return the holidays of a country (`FR`), a part of one (`DE-BY`) or a market (`XNYS`) in a year.

    Raises DefinitionError for a place of which no holidays are known, or without the library.
    """
    try:
        import holidays
    except ModuleNotFoundError:
        remedy = "pip install 'celery-orchestrator[calendars]'"
        raise DefinitionError(f"holidays of {place} need the library holidays", remedy=remedy) from None
    country, _, part = place.partition("-")
    try:
        if country in holidays.list_supported_countries():
            return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
        if country in holidays.list_supported_financial():
            return frozenset(holidays.financial_holidays(country, years=year))
    except NotImplementedError as error:
        known = ", ".join(holidays.list_supported_countries().get(country, ()))
        raise DefinitionError(f"no holidays are known of {place!r}: {error}", remedy=f"parts: {known}") from None
    remedy = "name a country as in FR or DE-BY, or a market as in XNYS"
    raise DefinitionError(f"no holidays are known of {place!r}", remedy=remedy)
