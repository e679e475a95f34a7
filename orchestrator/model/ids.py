"""Identifiers: how runs and attempts are named.

A run id is 20 characters of lower-case Crockford base32: 48 bits of milliseconds, 52 random bits. Ids made later
sort later, and clients make them, so a submit that is sent twice is the same submit.

An attempt reference is `run/job@attempt`, where `job` is the job's index in the plan: `01k…/17@1`. An attempt of one
instance of a mapped job has the instance's number too: `01k…/17.3@1`. The reference is the Celery task id of the
attempt, the name that Flower shows, and the fencing token in one text.

A schedule or trigger has the id `workflow/name`. A workflow has one of each id, whichever of the two it is.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import NamedTuple

RUN_ID_LENGTH = 20
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RUN_ID = re.compile(rf"[{_ALPHABET}]{{{RUN_ID_LENGTH}}}")
_REF = re.compile(rf"([{_ALPHABET}]{{{RUN_ID_LENGTH}}})/(\d{{1,6}})(?:\.(\d{{1,6}}))?@(\d{{1,8}})")
REF_LENGTH = RUN_ID_LENGTH + len("/123456.123456@12345678")
"""Characters of the longest attempt reference."""


def new_run_id() -> str:
    """Return a fresh run id, of which later ones sort after earlier ones."""
    number = (int(time.time() * 1000) & (1 << 48) - 1) << 52 | secrets.randbits(52)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(95, -1, -5))


def is_run_id(text: str) -> bool:
    """Tell whether a text has the form of a run id."""
    return _RUN_ID.fullmatch(text) is not None


class AttemptRef(NamedTuple):
    """One try of one job of one run, or of one `instance` of a mapped job."""

    run: str
    job: int
    attempt: int
    instance: int | None = None

    def __str__(self) -> str:
        instance = "" if self.instance is None else f".{self.instance}"
        return f"{self.run}/{self.job}{instance}@{self.attempt}"

    @classmethod
    def parse(cls, text: str) -> AttemptRef:
        """Read `run/job[.instance]@attempt`.

        Raises:
            ValueError: the text is no attempt reference.
        """
        match = _REF.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not an attempt reference (run/job[.instance]@attempt)")
        run, job, instance, attempt = match.groups()
        return cls(run, int(job), int(attempt), None if instance is None else int(instance))


def starter_id(workflow: str, name: str) -> str:
    """Return the id of a schedule or trigger of a workflow."""
    return f"{workflow}/{name}"


def workflow_of(starter_id: str) -> str:
    """Return the workflow of a schedule, trigger or backfill, given its id."""
    return starter_id.partition("/")[0]


def name_of(starter_id: str) -> str:
    """Return the name that a schedule or trigger has in its workflow, given its id."""
    return starter_id.partition("/")[2]
