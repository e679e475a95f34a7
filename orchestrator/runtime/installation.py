"""`install(app)`: what turns any Celery worker of an app into one of ours.

Programs that only send tasks pay for nothing: what a worker needs is imported when one starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import signals

from orchestrator.runtime.installed import Installed, installed_in

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.settings import Settings

_STEP = "orchestrator.runtime.worker_setup:NodeStep"
"""By its name: Celery imports the step when it makes a worker."""


def install(app: Celery, *, namespace: str | None = None, settings: Settings | None = None) -> None:
    """Make this app's workers run workflows. Calling it again changes nothing.

    `namespace` and `settings` are by default those of the environment (`ORCHESTRATOR_*`), read when a worker starts.
    The app's broker stays its own: producers and schedulers that name the app (`-A`, `CELERY_APP`, `Client(app=…)`)
    publish permits there, the others on `ORCHESTRATOR_BROKER_URL`.
    """
    if installed_in(app) is not None:
        return
    app._orchestrator = Installed(namespace, settings)  # type: ignore[attr-defined]
    app.steps["worker"].add(_STEP)
    signals.celeryd_init.connect(_prepare, dispatch_uid="orchestrator")
    if app.configured:  # type: ignore[attr-defined]  # known to Celery, not to its types
        _configured(app)
    else:
        app.on_after_configure.connect(_configured)  # its settings are read later, and not for us


def _configured(sender: Celery, **_: Any) -> None:
    if sender.conf.task_always_eager:
        from orchestrator.dispatch.eager import tell_of_eager

        tell_of_eager(sender)


def _prepare(*, instance: Any, options: dict[str, Any], **_: Any) -> None:
    """Prepare a worker, whose command line is known by now."""
    installed = installed_in(instance.app)
    if installed is None:
        return
    excluded = options.get("exclude_queues") or ()
    installed.excluded = tuple(excluded.split(",") if isinstance(excluded, str) else excluded)
    from orchestrator.runtime.worker_setup import prepare

    prepare(instance.app)
