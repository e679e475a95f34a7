"""`celery control revoke` and `terminate`, for attempts as for tasks.

Revoking leaves a running attempt alone, as it does a running task. With `--terminate` the attempt is stopped. Celery
finds what it stops by the id of a message, and an attempt has none: so its two commands ask here first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from celery.utils.functional import maybe_list
from celery.worker.control import Panel

from orchestrator.runtime.slots import Phase, SlotTable


def take_over(table: SlotTable, stop: Callable[[str, str], None]) -> None:
    """Have Celery's commands stop attempts of this worker; `stop` takes a reference and why."""
    revoke, terminate = Panel.data["revoke"], Panel.data["terminate"]
    revoke, terminate = getattr(revoke, "__wrapped__", revoke), getattr(terminate, "__wrapped__", terminate)

    def part(task_id: Any, *, stopping: bool) -> tuple[list[str], list[str]]:
        """Return the attempts among ids, and the others."""
        ids = [str(each) for each in maybe_list(task_id) or ()]
        running = {row.ref for _, row in table.rows() if row.phase is Phase.running}
        attempts = [each for each in ids if each in running]
        for ref in attempts if stopping else ():
            stop(ref, "cancelled")
        return attempts, [each for each in ids if each not in running]

    def revoke_both(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **options: Any) -> Any:
        attempts, others = part(task_id, stopping=terminate)
        if attempts and not others:
            return {"ok": f"{'terminate' if terminate else 'running, and left alone'}: {', '.join(attempts)}"}
        return revoke(state, others, terminate=terminate, signal=signal, **options)

    def terminate_both(state: Any, signal: Any, task_id: Any, **options: Any) -> Any:
        attempts, others = part(task_id, stopping=True)
        if attempts and not others:
            return {"ok": f"terminate: {', '.join(attempts)}"}
        return terminate(state, signal, others, **options)

    Panel.data.update(revoke=update_wrapper(revoke_both, revoke), terminate=update_wrapper(terminate_both, terminate))
