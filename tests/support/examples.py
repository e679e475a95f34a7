"""How many examples a property is tried with: enough of them in every run, all with `HYPOTHESIS_PROFILE=long`."""

from __future__ import annotations

import os

from hypothesis import settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def examples(count: int) -> settings:
    """Try `count` examples if there is time, else a quarter of them: each run draws others."""
    return settings(max_examples=count if LONG else count // 4, deadline=None)
