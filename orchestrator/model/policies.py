"""Policies of a job: when a failed attempt is tried again, and how long one may take."""

from __future__ import annotations

import random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class RetryPolicy(BaseModel):
    """How often, when, and for which errors a failed attempt is tried again.

    `max` counts retries, not attempts: `max=3` makes at most four attempts. Exception types are named as Celery shows
    them, by class name (`ConnectionError`) or by full path (`requests.exceptions.Timeout`); a base class's name covers
    its subclasses. `give_up_on` wins over `retry_on`. An attempt that ran out of time counts as `TimeLimitExceeded`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max: Annotated[int, Field(ge=0, le=1000)] = 0
    backoff: Literal["fixed", "exponential"] = "exponential"
    delay: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Seconds before the first retry."""
    cap: Annotated[float, Field(gt=0, le=604_800)] = 600.0
    """Seconds that no delay exceeds."""
    jitter: bool = True
    """Draw each delay between half and all of its value, so that many failures do not come back at once."""
    retry_on: tuple[str, ...] = ()
    """Exception types to retry; empty means every one."""
    give_up_on: tuple[str, ...] = ()
    """Exception types never to retry."""

    def delay_s(self, retry: int, rng: random.Random | None = None) -> float:
        """Return the seconds to wait before the `retry`-th retry, counted from 1."""
        base = self.delay if self.backoff == "fixed" else self.delay * 2.0 ** min(retry - 1, 60)
        base = min(base, self.cap)
        if not self.jitter:
            return base
        return base * (0.5 + 0.5 * (rng or random).random())

    def applies_to(self, type_names: tuple[str, ...], retries: int) -> bool:
        """Tell whether an error is retried: `type_names` are its class and bases, `retries` those already spent."""
        if retries >= self.max or matches(self.give_up_on, type_names):
            return False
        return not self.retry_on or matches(self.retry_on, type_names)


def matches(wanted: tuple[str, ...], type_names: tuple[str, ...]) -> bool:
    """Tell whether one of the wanted exception names is among an error's class and bases (short or full names)."""
    have = {form for name in type_names for form in (name, name.rpartition(".")[2])}
    return any(name in have for name in wanted)
