"""Watch a folder: the poll of its trigger is brought forward as soon as something in it changes.

This makes triggers quick; they do not depend on it. Where watchfiles is not installed, or the system reports no change
(network disks, several folders, too many watches), the polls find the same files a little later.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from orchestrator.model.errors import OrchestratorError
from orchestrator.scheduler.sources import files, folders
from orchestrator.scheduler.sources.inbox import Inbox
from orchestrator.starters.trigger import Trigger
from orchestrator.state.transitions.sources import PlanPoll

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it logs each change

SOON_MS = 100
REST_S = 1.0
RETRY_S = 10.0


def folder_of(trigger: Trigger) -> str | None:
    """Return the folder that can be watched for a trigger, None if there is none."""
    local = files.local_path(trigger.files.path) if trigger.files else None
    try:
        return None if local is None else folders.one_folder(local)
    except OrchestratorError:
        return None  # its polls say what is wrong with it


def watch(inbox: Inbox, folder: str, stop: threading.Event) -> None:
    """Watch until told to stop; the body of a thread."""
    try:
        import watchfiles
    except ImportError:
        return
    while not stop.is_set():
        try:
            if Path(folder).is_dir():
                for changes in watchfiles.watch(
                    folder, stop_event=stop, recursive=False, watch_filter=None, debounce=200, rust_timeout=1_000,
                    yield_on_timeout=True, raise_interrupt=False,
                ):  # fmt: skip
                    if changes:
                        inbox.store.run(PlanPoll(inbox.id, SOON_MS, earlier=1))
                        stop.wait(REST_S)  # what comes meanwhile is told together
                    elif not Path(folder).is_dir():
                        break
        except (OrchestratorError, OSError, RuntimeError) as error:
            log.debug("%s: %s is not watched for now: %s", inbox.id, folder, error)
        stop.wait(RETRY_S)
