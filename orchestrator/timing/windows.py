"""Run windows and blackouts: the moments at which a run may start, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, model_validator

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.base import Timing, read_moment, seconds_of_day, to_ms
from orchestrator.timing.calendars import WEEKDAYS, Calendar, Weekdays, named
from orchestrator.timing.data import Data
from orchestrator.timing.search import MOST_DAYS, TRIES_OF_A_MOMENT, bounded, tried
from orchestrator.timing.wallclock import instant_of
from orchestrator.timing.zones import DAY, offset, zone

EPOCH_DAY = date(1970, 1, 1)
ONE = timedelta(days=1)
Waiting = Literal["skip", "wait"]


def _a_time(text: str) -> str:
    seconds_of_day(text)
    return text


Moment = Annotated[datetime, BeforeValidator(read_moment)]


class Window(Data):
    """A piece of each day on a zone's wall clock, from `start` to before `end`; past midnight if `end` is not later.

    It begins on the days that `weekdays` and `days` (a calendar, or the name of one) allow. Clock changes lengthen or
    shorten it. A time that does not exist counts as the first instant after the gap. Without a `tz` its zone is that of
    the timing, or UTC without a timing.

    Raises DefinitionError for data that is no window.
    """

    noun = "window"

    start: Annotated[str, AfterValidator(_a_time)] = "00:00"
    end: Annotated[str, AfterValidator(_a_time)] = "00:00"
    weekdays: Weekdays | None = None
    days: Annotated[Calendar | None, BeforeValidator(named)] = None
    tz: str | None = None

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        if self.tz is not None:
            zone(self.tz)
        return self

    def within(self, zone_name: str) -> Window:
        """Return it in this zone if it names none."""
        return self.model_copy(update={"tz": self.tz or zone_name})

    def _begins(self, day: date) -> bool:
        if self.weekdays is not None and WEEKDAYS[day.weekday()] not in self.weekdays:
            return False
        return self.days is None or day in self.days

    def opening(self, ms: int) -> int | None:
        """Return the first moment from `ms` on within the window, None if there is none in ten years."""
        first = self._day(ms) - ONE
        for n in range(MOST_DAYS):
            if (span := self._span(first + n * ONE)) and span[1] > ms:
                return max(span[0], ms)
        return None

    def closing(self, ms: int) -> int | None:
        """Return the last moment until `ms` within the window, None if there is none in ten years."""
        last = self._day(ms) + ONE
        for n in range(MOST_DAYS):
            if (span := self._span(last - n * ONE)) and span[0] <= ms:
                return min(span[1] - 1, ms)
        return None

    def around(self, ms: int) -> tuple[int, int] | None:
        """Return the (start, end) of the window that holds a moment, None if there is none."""
        today = self._day(ms)
        spans = (self._span(today + n * ONE) for n in (-1, 0, 1))
        return next((span for span in spans if span and span[0] <= ms < span[1]), None)

    def _day(self, ms: int) -> date:
        return EPOCH_DAY + (ms // 1000 + offset(self.tz or "UTC", ms // 1000)) // DAY * ONE

    def _span(self, day: date) -> tuple[int, int] | None:
        """Return the (start, end) in ms of the window that begins on a day, None if none does."""
        tried()
        if not self._begins(day):
            return None
        tried(TRIES_OF_A_MOMENT)
        tz, midnight = self.tz or "UTC", (day - EPOCH_DAY).days * DAY
        start, end = seconds_of_day(self.start), seconds_of_day(self.end)
        opens = instant_of(tz, midnight + start) * 1000
        shuts = instant_of(tz, midnight + end + (DAY if end <= start else 0)) * 1000
        return (opens, shuts) if shuts > opens else None


class Period(Data):
    """A stretch of time from `start` to before `end`.

    Times without an offset are local times in the zone of the timing, or in UTC without a timing.

    Raises DefinitionError for data that is no period.
    """

    noun = "period"

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise ValueError("one of start and end has an offset, the other has none: write both alike")
        if self.end <= self.start:
            raise ValueError(f"the end {self.end.isoformat()} is not after the start {self.start.isoformat()}")
        return self

    def within(self, zone_name: str) -> Period:
        """Return it with local times read as this zone's."""
        if self.start.tzinfo is not None:
            return self
        return self.model_copy(update={"start": _placed(self.start, zone_name), "end": _placed(self.end, zone_name)})

    def opening(self, ms: int) -> int | None:
        """Return the first moment from `ms` on within the period, None if it is over."""
        start, end = self._ends()
        return max(start, ms) if end > ms else None

    def closing(self, ms: int) -> int | None:
        """Return the last moment until `ms` within the period, None if it has not begun."""
        start, end = self._ends()
        return min(end - 1, ms) if start <= ms else None

    def around(self, ms: int) -> tuple[int, int] | None:
        """Return the (start, end) of the period if it holds a moment."""
        start, end = self._ends()
        return (start, end) if start <= ms < end else None

    def _ends(self) -> tuple[int, int]:
        tried()
        placed = self.within("UTC")
        return to_ms(placed.start), to_ms(placed.end)


def _placed(local: datetime, zone_name: str) -> datetime:
    """Return a local time as a moment; one that does not exist is the first instant after the gap."""
    seconds = instant_of(zone_name, int(local.replace(tzinfo=UTC).timestamp()))
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=local.microsecond)


def _kind(span: object) -> str:
    start = span.get("start") if isinstance(span, dict) else getattr(span, "start", None)
    return "window" if start is None or (isinstance(start, str) and len(start) <= len("00:00:00")) else "period"


Span = Annotated[Annotated[Window, Tag("window")] | Annotated[Period, Tag("period")], Discriminator(_kind)]


class Hours(Data):
    """The moments at which a run may start: within one of `windows`, if there are any, and outside of all `blackouts`.

    Raises DefinitionError for other data.
    """

    noun = "window"

    windows: tuple[Span, ...] = ()
    blackouts: tuple[Span, ...] = ()

    def open(self, ms: int) -> bool:
        """Tell whether a run may start at a moment (Unix ms)."""
        return self.next_open(ms) == ms

    @bounded
    def next_open(self, ms: int) -> int | None:
        """Return the first moment from `ms` on at which a run may start, None if there is none in ten years.

        Many windows and blackouts may use up the tries of a search before that (see `timing.search`).
        """
        limit = ms + MOST_DAYS * DAY * 1000
        while ms < limit:
            if self.windows:
                opens = [moment for span in self.windows if (moment := span.opening(ms)) is not None]
                if not opens:
                    return None
                ms = min(opens)
            ends = [around[1] for span in self.blackouts if (around := span.around(ms))]
            if not ends:
                return ms
            ms = max(ends)
        return None

    @bounded
    def last_open(self, ms: int) -> int | None:
        """Return the last moment until `ms` at which a run may start, None if there was none in ten years."""
        limit = ms - MOST_DAYS * DAY * 1000
        while ms > limit:
            if self.windows:
                closes = [moment for span in self.windows if (moment := span.closing(ms)) is not None]
                if not closes:
                    return None
                ms = max(closes)
            starts = [around[0] for span in self.blackouts if (around := span.around(ms))]
            if not starts:
                return ms
            ms = min(starts) - 1
        return None

    def resolve(self, named: Mapping[str, Calendar]) -> Hours:
        """Return it with the calendars that it names put in place.

        Raises DefinitionError if one of them is missing.
        """

        def put(span: Window | Period) -> Window | Period:
            known = isinstance(span, Window) and span.days
            return span.model_copy(update={"days": known.check(named)}) if known else span

        return self._each(put)

    def within(self, zone_name: str) -> Hours:
        """Return it with this zone for all windows and periods that name none."""
        return self._each(lambda span: span.within(zone_name))

    def calendars(self) -> set[str]:
        """Return the names of the stored calendars that it uses."""
        spans = (*self.windows, *self.blackouts)
        return {name for span in spans if isinstance(span, Window) and span.days for name in span.days.names()}

    def _each(self, change: Callable[[Window | Period], Window | Period]) -> Hours:
        return Hours(windows=tuple(map(change, self.windows)), blackouts=tuple(map(change, self.blackouts)))

    def document(self) -> dict[str, Any]:
        """Return it as plain data, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True)
class WithinHours(Timing):
    """A timing whose moments outside of the hours are left out (`skip`) or wait for them to open (`wait`).

    Moments that wait for the same opening happen once. Raises DefinitionError for any other `otherwise`.
    """

    timing: Timing
    hours: Hours
    otherwise: Waiting = "skip"

    def __post_init__(self) -> None:
        if self.otherwise not in get_args(Waiting):
            remedy = f"there are {', '.join(get_args(Waiting))}"
            raise DefinitionError(f"outside of its hours a run cannot {self.otherwise!r}", remedy=remedy)
        object.__setattr__(self, "hours", self.hours.within(self.zone_name))

    @property
    def zone_name(self) -> str:
        """Return the zone of the timing."""
        return self.timing.zone_name

    @bounded
    def next_ms(self, after_ms: int) -> int | None:
        """Return the first moment later than `after_ms`."""
        if self.otherwise == "wait":
            # The last planned moment may still wait. Earlier ones wait for the same opening, or are over.
            waiting = self.timing.last_ms(after_ms + 1)
            opening = None if waiting is None else self.hours.next_open(waiting)
            if opening is not None and opening > after_ms:
                return opening
        planned = self.timing.next_ms(after_ms)
        while planned is not None:
            tried(TRIES_OF_A_MOMENT)
            opening = self.hours.next_open(planned)
            if opening is None:
                return None
            if opening == planned or self.otherwise == "wait":
                return opening
            planned = self.timing.next_ms(opening - 1)
        return None

    @bounded
    def last_ms(self, before_ms: int) -> int | None:
        """Return the last moment earlier than `before_ms`."""
        planned = self.timing.last_ms(before_ms)
        while planned is not None:
            tried(TRIES_OF_A_MOMENT)
            opened = self.hours.last_open(planned)
            if opened == planned:
                return planned
            if self.otherwise == "wait":
                opening = self.hours.next_open(planned)
                if opening is not None and opening < before_ms:
                    return opening
            # Moments since the hours were last open are left out, or wait for the same opening.
            planned = None if opened is None else self.timing.last_ms(opened + 1)
        return None

    def describe(self) -> str:
        """Add the hours to the timing's words."""
        how = "within its hours only" if self.otherwise == "skip" else "waiting for its hours to open"
        return f"{self.timing.describe()}, {how}"
