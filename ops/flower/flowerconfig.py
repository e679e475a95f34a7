"""Flower, closed: nobody sees tasks without a password, nobody changes anything, and secrets are masked.

    celery -A orchestrator_workers.app flower --conf=ops/flower/flowerconfig.py

It needs `FLOWER_BASIC_AUTH=user:password` (several are separated by commas) and does not start without. It listens on
loopback unless `FLOWER_ADDRESS` names another address. `/metrics` and `/healthcheck` are open, as always in Flower.

Only the pages are masked. Flower's API (`/api/tasks`), for the same users, shows arguments as they are. So pass
secrets to tasks by reference, never as arguments.
"""

import os
import re
import sys

EXAMPLE = "change-me"

basic_auth = [entry for entry in os.environ.get("FLOWER_BASIC_AUTH", "").split(",") if entry]
if not basic_auth or any(not re.fullmatch(r"[^:]+:.+", entry) or entry.endswith(f":{EXAMPLE}") for entry in basic_auth):
    sys.exit("flower: FLOWER_BASIC_AUTH is not set to user:password (and not the example's); Flower stays closed")

address = os.environ.get("FLOWER_ADDRESS", "127.0.0.1")
read_only = True  # no revoke, shutdown or pool changes: runs are cancelled with `orchestrator runs cancel`
max_tasks = 20_000
purge_offline_workers = 3600
tasks_columns = "name,uuid,state,args,kwargs,received,started,runtime,worker"

NAMES = "passw(?:or)?d|passphrase|secret|token|api_?key|private_?key|authorization|credential|cookie"
VALUE = r"""'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|[^\s,;&)}\]]+"""
PAIR = re.compile(rf"""(?i)(["']?\b[\w.-]*(?:{NAMES})[\w.-]*["']?\s*[:=]\s*)({VALUE})""")
IN_URL = re.compile(r"(\w://[^\s/:@'\"]*:)[^\s/@'\"]+@")
BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")


def mask(text):
    """Hide what looks like a secret in a text: `password='…'`, `"token": "…"`, `//user:…@host`, `Bearer …`."""
    text = IN_URL.sub(r"\1***@", text)
    text = BEARER.sub(r"\1 ***", text)
    return PAIR.sub(r"\1***", text)


def format_task(task):
    """Return the task with its secrets masked. It must not raise: Flower would show the task as it is."""
    for name in ("args", "kwargs", "result", "exception", "traceback"):
        try:
            value = getattr(task, name, None)
            if value:
                setattr(task, name, mask(value if isinstance(value, str) else repr(value)))
        except Exception:  # noqa: BLE001 — rather nothing than a secret
            setattr(task, name, "(not shown)")
    return task
