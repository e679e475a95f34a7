"""What a worker of an app does after `install(app)`. Celery calls us at four times:

    celeryd_init          with the command line: `runtime.installation` calls `prepare`
    celeryd_after_setup   when the queues are chosen: ours are added beside them
    the Node step         after the pool is made, before it forks: the slot table, then the node's threads
    worker_process_init   in each prefork child

The app's own tasks, queues, acknowledgements and result backend stay as they are.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
from functools import partial
from typing import Any

from celery import Celery, bootsteps, signals

from orchestrator.dispatch import topology
from orchestrator.runtime import process, revoking
from orchestrator.runtime.consumer import hardened
from orchestrator.runtime.installed import Installed, installed_in
from orchestrator.runtime.node import Node
from orchestrator.runtime.pool_control import (
    GreenletControl,
    PoolControl,
    ProcessControl,
    ThreadControl,
    await_children,
)
from orchestrator.runtime.process import WorkerProcess
from orchestrator.runtime.queues import ClassQueues
from orchestrator.runtime.resources import Limits, Resources, node_name
from orchestrator.runtime.slot_monitor import SlotMonitor
from orchestrator.runtime.slots import SlotTable
from orchestrator.runtime.turn import TURN_ATTEMPTS
from orchestrator.runtime.turn_task import TurnTask

logger = logging.getLogger(__name__)

POOLS = ("prefork", "thread", "gevent", "solo")
_SPARE_ROWS = 64  # for children that have just died
_MOST_ROWS = 16_384  # for pools that are grown at run time


def prepare(app: Celery) -> None:
    """Prepare an app whose worker starts: it gets the task of permits, and its signals reach us. Again is no harm."""
    if topology.TURN not in app.tasks:
        app.task(base=TurnTask, name=topology.TURN, bind=True, shared=False)(_turn)
    signals.celeryd_after_setup.connect(_add_queues, dispatch_uid="orchestrator")
    signals.worker_process_init.connect(_start_child, dispatch_uid="orchestrator")
    signals.worker_process_shutdown.connect(_end_child, dispatch_uid="orchestrator")
    signals.worker_shutting_down.connect(_drain, dispatch_uid="orchestrator")
    signals.worker_shutdown.connect(_leave, dispatch_uid="orchestrator")


def _turn(self: Any, namespace: str, route: str, priority: int) -> None:
    """Take a turn: what a permit opens (see `runtime.turn_task`)."""


def _pool_of(worker: Any) -> str | None:
    """Return the name of the worker's pool, or None, with a word in the log, for one that cannot take turns."""
    pool = worker.pool_cls.__module__.rpartition(".")[2]
    if pool not in POOLS:
        logger.error("the pool %r runs no workflows: use %s", pool, ", ".join(POOLS).replace("thread", "threads"))
        return None
    if pool == "prefork" and worker.pool_start_method != "fork":
        logger.error("the prefork pool runs no workflows with the start method %r: use fork", worker.pool_start_method)
        return None
    return str(pool)


class NodeStep(bootsteps.StartStopStep):
    """Celery's name for the node's part of a worker's life."""

    label = "Orchestrator node"
    requires = ("celery.worker.components:Pool",)

    def create(self, worker: Any) -> Any:
        """Prepare what the pool's children inherit."""
        installed = installed_in(worker.app)
        pool = _pool_of(worker)
        if installed is None or pool is None:
            return None
        prepare(worker.app)
        slots = max(worker.concurrency, worker.max_concurrency or 0)
        resources = Resources(
            app=worker.app,
            settings=installed.get_settings(),
            namespace=installed.get_namespace(),
            hostname=worker.hostname,
            node=node_name(worker.hostname),
            subscriptions=(),
            table=SlotTable(4 * slots + _SPARE_ROWS, _MOST_ROWS),
            limits=Limits(worker.soft_time_limit, worker.time_limit),
            turn_attempts=1 if worker.max_tasks_per_child else TURN_ATTEMPTS,  # the pool counts turns
        )
        process.set_up(WorkerProcess(resources, pool))
        from celery.apps.worker import Worker

        if not isinstance(worker, Worker):
            _add_queues(instance=worker)  # a worker embedded in a program, which sends no signal of its setup
        added, cancelled = partial(_queue_added, worker.app), partial(_queue_cancelled, worker.app)
        worker.consumer_cls = hardened(worker.consumer_cls, lambda: _leave(worker), added, cancelled)
        if pool == "prefork":
            # Celery collects garbage before each fork: 80 ms for all that is imported and never goes, in which a lost
            # child is neither found nor replaced. Frozen, it costs nothing, and children share more of it.
            gc.collect()
            gc.freeze()
        return self

    def start(self, worker: Any) -> None:
        """Come in. The pool has its first children by now, and no message was read yet."""
        installed, mine = installed_in(worker.app), process.current()
        if installed is None or mine is None or self.obj is None:
            return
        node = installed.node = Node(mine.resources, worker)
        monitor = SlotMonitor(mine.resources.table, _control(mine, worker), node.report, worker)
        node.start(monitor)
        revoking.take_over(mine.resources.table, monitor.order)
        pid = os.getpid()
        atexit.register(lambda: node.leave() if os.getpid() == pid else None)

    def stop(self, worker: Any) -> None:
        """Have the slots take nothing more."""
        _drain()
        mine = process.current()
        if mine is not None and mine.pool == "prefork":
            await_children(worker)

    def terminate(self, worker: Any) -> None:
        """See `stop`."""
        _drain()


def _control(mine: WorkerProcess, worker: Any) -> PoolControl:
    match mine.pool:
        case "prefork":
            return ProcessControl(worker, mine.resources.table)
        case "gevent":
            return GreenletControl(mine.slots)
    return ThreadControl(mine.slots)


# -- Celery's signals -------------------------------------------------------------------------------------------------


def _add_queues(*, instance: Any, **_: Any) -> None:
    """Add the class queues of each consumed queue."""
    installed, mine = installed_in(instance.app), process.current()
    if installed is None or mine is None:
        return
    queues = installed.queues = ClassQueues(instance.app, mine.resources.namespace, installed.excluded)
    queues.add()
    mine.resources.subscriptions = queues.subscriptions()


def _queue_added(app: Celery) -> list[Any]:
    """Take from the routes of a queue that was added at run time. Returns the queues to be consumed beside it."""
    installed = installed_in(app)
    if installed is None or installed.queues is None:
        return []
    added = installed.queues.add()
    _subscribe(installed)
    return added


def _queue_cancelled(app: Celery, name: str) -> list[str]:
    """Take no more from the routes of a queue that was cancelled. Returns the queues not to be consumed any more."""
    installed = installed_in(app)
    if installed is None or installed.queues is None:
        return []
    dropped = installed.queues.drop(name)
    _subscribe(installed)
    return dropped


def _subscribe(installed: Installed) -> None:
    if installed.node is not None and installed.queues is not None:
        installed.node.subscribe(installed.queues.subscriptions())


def _start_child(**_: Any) -> None:
    mine = process.current()
    if mine is not None and mine.pool == "prefork":
        mine.start_child()


def _end_child(**_: Any) -> None:
    mine = process.current()
    if mine is not None:
        mine.end_child()


def _drain(**_: Any) -> None:
    mine = process.current()
    if mine is not None:
        mine.resources.table.draining = True


def _leave(sender: Any = None, **_: Any) -> None:
    installed = installed_in(sender.app)
    if installed is not None and installed.node is not None:
        installed.node.leave()
