"""Sentry: errors of the processes that we start, where `SENTRY_DSN` says where to send them.

An attempt is an ordinary Celery task to Sentry: its Celery integration reports what a task raises, under the task's
name. A user's own app initialises Sentry itself, as it always did, and `install` does not touch that.
"""

from __future__ import annotations

import os


def init_sentry() -> bool:
    """Start Sentry if the environment asks for it; tell whether it did. No values of variables are sent."""
    if not os.environ.get("SENTRY_DSN"):
        return False
    import sentry_sdk

    sentry_sdk.init(include_local_variables=False, max_request_body_size="never")
    return True
