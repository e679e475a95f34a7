"""`Workflow` and `Job`: workflows written in Python, from Celery signatures.

    nightly = Workflow("nightly", params=Nightly)
    raw = nightly.job("extract", extract.s(day=nightly.params.day), retry=3)
    tidy = nightly.job("clean", clean.s(raw.output))
    nightly.job("report", report.si(), after=[tidy])

A mistake in one job is refused where the job is written. Cycles and unknown names are refused when the workflow is
compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.dsl.refs import OutputRef, ParamsRef, RunFacts, check_owner, marker_of
from orchestrator.dsl.routing import routes
from orchestrator.dsl.signatures import Call, read_signature
from orchestrator.model.complaints import explain
from orchestrator.model.errors import DefinitionError
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.workflow import MAX_NAME, JobDefinition, PriorityName, WorkflowDefinition
from orchestrator.plan.compile import RouteOf, compile_plan
from orchestrator.plan.params import bind_model, bind_schema, schema_of
from orchestrator.plan.plan import Plan
from orchestrator.plan.specs import encode

if TYPE_CHECKING:
    from orchestrator.starters.schedule import Schedule
    from orchestrator.starters.trigger import Trigger
    from orchestrator.timing.base import Rule

_Following = TypeVar("_Following")


class Job:
    """A job of a workflow that is being written. `job.output` stands for the value that its task will return."""

    __slots__ = ("_after", "_call", "_definition", "workflow")

    def __init__(self, workflow: Workflow, definition: JobDefinition, call: Call | None = None) -> None:
        self.workflow = workflow
        self._definition = definition
        self._after = dict.fromkeys(definition.after)
        self._call = call

    @property
    def name(self) -> str:
        """The name, unique in the workflow."""
        return self._definition.name

    @property
    def output(self) -> OutputRef:
        """A reference to the value that its task will return, or by `[...]` to a part. Its users wait for this job."""
        return OutputRef(self.workflow, self.name)

    @property
    def app(self) -> Any:
        """The Celery app that knows its task, None if it is not at hand."""
        return self._call.app if self._call else None

    def after(self, *jobs: Job | str | Iterable[Job | str]) -> Job:
        """Let this job wait for others (jobs or names of jobs) without using their outputs; return this job.

        Raises:
            DefinitionError: one of them is not a job or the name of one, or belongs to another workflow.
        """
        self._after.update(dict.fromkeys(self.workflow._names(jobs, f"job {self.name!r}")))
        self.workflow._changed()
        return self

    def __rshift__(self, following: _Following) -> _Following:
        """`a >> b`, `a >> [b, c]`: the jobs on the right wait for this one. Returns the right side, for chains."""
        for job in _jobs(following):
            job.after(self)
        return following

    def __rrshift__(self, before: Iterable[Job | str]) -> Job:
        """`[a, b] >> c`: this job waits for all of them."""
        return self.after(before)

    def __repr__(self) -> str:
        return f"<Job {self.name} of {self.workflow.name}>"

    def __copy__(self) -> Job:
        return self

    def __deepcopy__(self, memo: object) -> Job:
        return self

    def _defined(self, route_of: Callable[[JobDefinition, Call | None], str]) -> JobDefinition:
        """Return its definition as it stands now, with its route."""
        definition = self._definition
        return replace(definition, after=tuple(self._after), route=definition.route or route_of(definition, self._call))


class Workflow:
    """A workflow: named jobs, and the order in which they may run.

    `params` is a pydantic model of its parameters. `priority` (critical, high, normal, low) is the class of its runs
    where the submitter gives none. `deadline` is the number of seconds that a run may take from its creation.
    `produces` names the datasets that a successful run has updated. Raises DefinitionError.
    """

    def __init__(
        self,
        name: str,
        params: type[BaseModel] | None = None,
        *,
        description: str = "",
        priority: PriorityName = "normal",
        deadline: float | None = None,
        produces: Iterable[str] = (),
    ) -> None:
        where = f"workflow {name!r}"
        if params is not None and not (isinstance(params, type) and issubclass(params, BaseModel)):
            raise DefinitionError("params must be a pydantic model (a class)", where=where)
        self._model = params
        try:
            self._head = WorkflowDefinition(
                name=name,
                description=description,
                priority=priority,
                deadline=deadline,
                params=None if params is None else schema_of(params, where),
                produces=tuple([produces] if isinstance(produces, str) else produces),
            )
        except ValidationError as error:
            _refuse(error, where)
        self._jobs: dict[str, Job] = {}
        self._numbers: dict[str, int] = {}
        self._schedules: dict[str, Schedule] = {}
        self._triggers: dict[str, Trigger] = {}
        self._plan: tuple[RouteOf | None, Plan] | None = None
        self.apps: dict[str, Any] = {}
        """By route the Celery app whose signatures its jobs are, as last compiled."""
        self.params = ParamsRef(name, params, self._head.params)
        """References to the parameters: `workflow.params.day`."""
        self.run = RunFacts()
        """References to facts of the run: `workflow.run.logical_date`."""

    @classmethod
    def from_definition(cls, definition: WorkflowDefinition) -> Workflow:
        """Make a workflow of a definition, such as one that was read from a document or from the store.

        Raises:
            DefinitionError: two jobs have one name, or a schedule or trigger does not fit the workflow.
        """
        workflow = cls(definition.name)
        workflow._head = replace(definition, jobs=(), schedules={}, triggers={})
        workflow.params = ParamsRef(definition.name, None, definition.params)
        for job in definition.jobs:
            workflow._add(Job(workflow, job))
        if definition.schedules or definition.triggers:
            from orchestrator.starters.schedule import Schedule
            from orchestrator.starters.trigger import Trigger

            for starter in (*definition.schedules.values(), *definition.triggers.values()):
                match starter:
                    case Schedule():
                        workflow.schedule(starter)
                    case Trigger():
                        workflow.trigger(starter)
                    case _:
                        what = f"a {type(starter).__name__} is not a schedule or trigger"
                        raise DefinitionError(what, where=repr(workflow))
        return workflow

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a workflow from a file with one YAML or JSON document.

        Raises:
            DocumentError: the document is wrong. The error names every mistake with its line and column.
        """
        from orchestrator.dsl.documents import load_file

        return cls.from_definition(load_file(path))

    @property
    def name(self) -> str:
        """The name. All versions of a workflow share it."""
        return self._head.name

    @property
    def jobs(self) -> Mapping[str, Job]:
        """The jobs by name, in their order."""
        return self._jobs

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """The schedules by name."""
        return MappingProxyType(self._schedules)

    @property
    def triggers(self) -> Mapping[str, Trigger]:
        """The triggers by name."""
        return MappingProxyType(self._triggers)

    def job(
        self,
        name: str,
        signature: Any,
        *,
        after: Job | str | Iterable[Job | str] = (),
        priority: PriorityName | None = None,
        number: int | None = None,
        retry: RetryPolicy | int | None = None,
        timeout: float | None = None,
        soft_timeout: float | None = None,
        route: str | None = None,
    ) -> Job:
        """Add a job: a Celery signature, in whose arguments references may stand for values that are known later.

        `after` names jobs that must succeed first, in addition to those whose output is used. `priority` is its class,
        by default the class of its run; `number` (0 to 255, lower first, by default 128) is its rank in the class.
        `retry` is a policy or a number of retries. `timeout` and `soft_timeout` are seconds that an attempt may take.
        `route` is the queue of the workers that may run it.

        Raises:
            DefinitionError: the signature is not one of a single task, an option cannot be honoured, a value is not
                allowed, or there is already a job of that name.
        """
        where = f"job {name!r}"
        argument = f"{where}: argument"
        call = read_signature(signature, where)
        args = tuple(encode(value, self._marker_of, (argument, at)) for at, value in enumerate(call.args))
        kwargs = {key: encode(value, self._marker_of, (f"{argument} {key}",)) for key, value in call.kwargs.items()}
        try:
            definition = JobDefinition(
                name=name,
                task=call.task,
                args=args,
                kwargs=kwargs,
                after=tuple(dict.fromkeys(self._names((after,), where))) if after else (),
                priority=priority,
                number=number,
                retry=retry,  # type: ignore[arg-type]  # the model reads a number as a policy
                timeout=call.timeout if timeout is None else timeout,
                soft_timeout=call.soft_timeout if soft_timeout is None else soft_timeout,
                route=route or call.route,
                headers=call.headers,
            )
        except ValidationError as error:
            _refuse(error, where)
        return self._add(Job(self, definition, call))

    def schedule(self, timing: Rule | Schedule, **fields: Any) -> Schedule:
        """Add a schedule and return it: a timing, such as a Cron, with fields of `Schedule`; or a `Schedule`.

        Schedules are not part of the plan: a changed one makes no new version of the workflow.

        Raises:
            DefinitionError: a field is wrong, the parameters do not fit the workflow's, or the name is taken.
        """
        from orchestrator.starters.fitting import fitting
        from orchestrator.starters.schedule import Schedule

        if isinstance(timing, Schedule) and fields:
            raise DefinitionError(f"a schedule has its fields already ({', '.join(fields)})", where=repr(self))
        schedule = timing if isinstance(timing, Schedule) else Schedule(timing, **fields)
        self._schedules[schedule.name] = fitting(schedule, self._starters(), self.name, self._head.params)
        return schedule

    def trigger(self, trigger: Trigger | None = None, **fields: Any) -> Trigger:
        """Add a trigger and return it: fields of `Trigger`, or a `Trigger`. Triggers are not part of the plan.

        Raises:
            DefinitionError: a field is wrong, the parameters do not fit the workflow's, or the name is taken.
        """
        from orchestrator.starters.fitting import fitting
        from orchestrator.starters.trigger import Trigger

        if trigger is not None and fields:
            raise DefinitionError(f"a trigger has its fields already ({', '.join(fields)})", where=repr(self))
        trigger = Trigger(**fields) if trigger is None else trigger
        self._triggers[trigger.name] = fitting(trigger, self._starters(), self.name, self._head.params)
        return trigger

    def _starters(self) -> dict[str, Schedule | Trigger]:
        """Return the schedules and triggers by name. A name is either of the one kind or of the other."""
        return {**self._schedules, **self._triggers}

    def free_name(self, task: str) -> str:
        """Return a name for a job of a task; no job has that name yet: `clean`, then `clean-2`."""
        short = re.sub(r"[^A-Za-z0-9_-]", "_", task.rpartition(".")[2])[: MAX_NAME - 10].lstrip("-") or "job"
        while True:
            number = self._numbers[short] = self._numbers.get(short, 0) + 1
            name = short if number == 1 else f"{short}-{number}"
            if name not in self._jobs:
                return name

    def definition(self, route_of: RouteOf | None = None) -> WorkflowDefinition:
        """Return the definition as it stands now, each job with its route (see `compile`).

        Raises:
            DefinitionError: the Celery app of a task cannot route it.
        """
        route = routes(route_of)
        return replace(
            self._head,
            schedules={**self._schedules},
            triggers={**self._triggers},
            jobs=tuple(job._defined(route) for job in self._jobs.values()),
        )

    def compile(self, route_of: RouteOf | None = None) -> Plan:
        """Return the plan. It is compiled once, and again after a change.

        The route of a job is its `route=`, else the queue of its signature, else the queue that the Celery app of its
        task chooses (the task's own, the router's, the default one). For a task that is known by its name alone,
        `route_of` gives the route; without it the route is `default`.

        Raises:
            DefinitionError: the workflow is wrong. The error names every mistake.
        """
        if self._plan is None or self._plan[0] != route_of:
            plan = compile_plan(self.definition(route_of))
            jobs = zip(self._jobs.values(), plan.jobs, strict=True)
            self.apps = {plan.routes[made.route]: job.app for job, made in jobs if job.app is not None}
            self._plan = route_of, plan
        return self._plan[1]

    def bind(self, params: Mapping[str, Any] | None = None) -> bytes:
        """Return the parameters of a run as JSON, checked and with all defaults.

        Raises:
            ParameterError: parameters are missing, unknown or wrong. The error names each of them.
        """
        if self._model is not None:
            return bind_model(self._model, params or {}, self.name)
        return bind_schema(self._head.params, params or {}, self.name)

    def __repr__(self) -> str:
        return f"<Workflow {self.name}: {len(self._jobs)} jobs>"

    def _add(self, job: Job) -> Job:
        if self._jobs.setdefault(job.name, job) is not job:
            raise DefinitionError(
                f"there is already a job {job.name!r}", where=f"workflow {self.name!r}", remedy="give it another name"
            )
        self._changed()
        return job

    def _changed(self) -> None:
        self._plan = None

    def _names(self, jobs: Iterable[Job | str | Iterable[Job | str]], where: str) -> Iterable[str]:
        for job in jobs:
            if isinstance(job, str):
                yield job
            elif isinstance(job, Job):
                check_owner(job.workflow, job.name, self, where)
                yield job.name
            elif isinstance(job, Iterable):
                yield from self._names(job, where)
            else:
                raise DefinitionError(f"a {type(job).__name__} is not a job or the name of one", where=where)

    def _marker_of(self, value: Any) -> dict[str, Any] | None:
        return marker_of(value.output if isinstance(value, Job) else value, self, self.params)


def _jobs(following: object) -> Iterable[Job]:
    if isinstance(following, Job):
        yield following
    elif isinstance(following, Iterable) and not isinstance(following, str):
        for item in following:
            yield from _jobs(item)
    else:
        raise DefinitionError(f"{following!r} is not a job", remedy="to the right of >> stand jobs, or lists of jobs")


def _refuse(error: ValidationError, where: str) -> NoReturn:
    """Raise pydantic's complaints as one error in our words."""
    raise DefinitionError("; ".join(map(str, explain(error))), where=where) from None
