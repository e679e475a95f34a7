"""`Workflow` and `Job`: workflows written in Python, from Celery signatures.

    nightly = Workflow("nightly", params=Nightly)
    raw = nightly.job("extract", extract.s(day=nightly.params.day), retry=3)
    tidy = nightly.job("clean", clean.s(raw.output))
    nightly.job("report", report.si(), after=[tidy])

Mistakes are told where they are made; what only the whole shows (cycles, names that nobody has) when it is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.dsl.refs import OutputRef, ParamRef, ParamsRef, RunFacts, RunRef
from orchestrator.dsl.signatures import read_signature, route_by_app
from orchestrator.model.complaints import explain
from orchestrator.model.errors import DefinitionError
from orchestrator.model.policies import RetryPolicy
from orchestrator.model.workflow import MAX_NAME, JobDefinition, PriorityName, WorkflowDefinition
from orchestrator.plan.compile import DEFAULT_ROUTE, RouteOf, compile_plan
from orchestrator.plan.params import bind_model, bind_schema, schema_of
from orchestrator.plan.plan import Plan
from orchestrator.plan.specs import encode

if TYPE_CHECKING:
    from orchestrator.starters.schedule import Schedule
    from orchestrator.starters.trigger import Trigger
    from orchestrator.timing.base import Rule

_Following = TypeVar("_Following")


class Job:
    """A job of a workflow that is being written. `job.output` stands for what its task will return."""

    __slots__ = ("_after", "_app", "_definition", "flow")

    def __init__(self, flow: Workflow, definition: JobDefinition, app: Any = None) -> None:
        self.flow = flow
        self._definition = definition
        self._after = dict.fromkeys(definition.after)
        self._app = app

    @property
    def name(self) -> str:
        """Its name, unique in the workflow."""
        return self._definition.name

    @property
    def output(self) -> OutputRef:
        """What its task will return, or by `[...]` a part of it; a job that uses it waits for this one."""
        return OutputRef(self)

    def after(self, *jobs: Job | str | Iterable[Job | str]) -> Job:
        """Let this job wait for others, by job or name, without using their outputs; return this one."""
        self._after.update(dict.fromkeys(self.flow._names(jobs, f"job {self.name!r}")))
        self.flow._changed()
        return self

    def __rshift__(self, following: _Following) -> _Following:
        """`a >> b`, `a >> [b, c]`: what follows waits for this job; returns what follows, so that it chains."""
        for job in _jobs(following):
            job.after(self)
        return following

    def __rrshift__(self, before: Iterable[Job | str]) -> Job:
        """`[a, b] >> c`: this job waits for all of them."""
        return self.after(before)

    def __repr__(self) -> str:
        return f"<Job {self.name} of {self.flow.name}>"

    def __copy__(self) -> Job:
        return self

    def __deepcopy__(self, memo: object) -> Job:
        return self

    def _defined(self, route_of: Callable[[Any, str], str]) -> JobDefinition:
        """Return its definition as it now stands, with its route."""
        definition = self._definition
        return replace(
            definition,
            after=tuple(self._after),
            route=definition.route or route_of(self._app, definition.task),
        )


class Workflow:
    """A workflow: named jobs, and the order in which they may run.

    `params` is a pydantic model of its parameters; `priority` (critical, high, normal, low) is the class of its
    runs where the submitter gives none; `deadline` the seconds that a run may take from its creation; `produces` names
    the datasets of which the success of a run is news.
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
            _tell(error, where)
        self._jobs: dict[str, Job] = {}
        self._numbers: dict[str, int] = {}
        self._schedules: dict[str, Schedule] = {}
        self._triggers: dict[str, Trigger] = {}
        self._plan: tuple[RouteOf | None, Plan] | None = None
        self.params = ParamsRef(name, params, self._head.params)
        """References to the parameters: `flow.params.day`."""
        self.run = RunFacts()
        """References to what is known of the run: `flow.run.logical_date`."""

    @classmethod
    def from_definition(cls, definition: WorkflowDefinition) -> Workflow:
        """Make a workflow of a definition, such as one that was read from a document or from the store."""
        flow = cls(definition.name)
        flow._head = replace(definition, jobs=(), schedules={}, triggers={})
        flow.params = ParamsRef(definition.name, None, definition.params)
        for job in definition.jobs:
            flow._add(Job(flow, job))
        if definition.schedules or definition.triggers:
            from orchestrator.starters.schedule import Schedule
            from orchestrator.starters.trigger import Trigger

            for starter in (*definition.schedules.values(), *definition.triggers.values()):
                match starter:
                    case Schedule():
                        flow.schedule(starter)
                    case Trigger():
                        flow.trigger(starter)
                    case _:
                        what = f"a {type(starter).__name__} is not a schedule or trigger"
                        raise DefinitionError(what, where=repr(flow))
        return flow

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a workflow from a YAML or JSON document; a `DocumentError` tells each place where it is wrong."""
        from orchestrator.dsl.documents import load_file

        return cls.from_definition(load_file(path))

    @property
    def name(self) -> str:
        """Its name: versions of one workflow share it."""
        return self._head.name

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Its jobs by name, in their order."""
        return self._jobs

    @property
    def schedules(self) -> Mapping[str, Schedule]:
        """Its schedules by name."""
        return MappingProxyType(self._schedules)

    @property
    def triggers(self) -> Mapping[str, Trigger]:
        """Its triggers by name."""
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
        """Add a job: a Celery signature, in whose arguments references may stand for values of the future.

        `after` names jobs that must succeed first, beside those whose output is used. `priority` is its class,
        without one its run's; `number` (0 to 255, lower first, 128 without one) its place in it. `retry` is a
        policy or a number of retries; `timeout` and `soft_timeout` are seconds an attempt may take; `route`
        the queue of the workers that may run it.
        """
        where = f"job {name!r}"
        told = f"{where}: argument"
        call = read_signature(signature, where)
        try:
            definition = JobDefinition(
                name=name,
                task=call.task,
                args=tuple(encode(value, self._marker_of, (told, i)) for i, value in enumerate(call.args)),
                kwargs={key: encode(value, self._marker_of, (f"{told} {key}",)) for key, value in call.kwargs.items()},
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
            _tell(error, where)
        return self._add(Job(self, definition, call.app))

    def schedule(self, timing: Rule | Schedule, **fields: Any) -> Schedule:
        """Add a schedule, and return it: a timing, such as a Cron, with the fields of `Schedule`; or a whole one.

        It is no part of the plan: another schedule makes no new version.
        """
        from orchestrator.starters.fitting import fitting
        from orchestrator.starters.schedule import Schedule

        if isinstance(timing, Schedule) and fields:
            raise DefinitionError(f"a schedule has its fields already ({', '.join(fields)})", where=repr(self))
        schedule = timing if isinstance(timing, Schedule) else Schedule(timing, **fields)
        self._schedules[schedule.name] = fitting(schedule, self._started_by(), self.name, self._head.params)
        return schedule

    def trigger(self, trigger: Trigger | None = None, **fields: Any) -> Trigger:
        """Add a trigger, and return it: the fields of `Trigger`, or a whole one. It is no part of the plan."""
        from orchestrator.starters.fitting import fitting
        from orchestrator.starters.trigger import Trigger

        if trigger is not None and fields:
            raise DefinitionError(f"a trigger has its fields already ({', '.join(fields)})", where=repr(self))
        trigger = Trigger(**fields) if trigger is None else trigger
        self._triggers[trigger.name] = fitting(trigger, self._started_by(), self.name, self._head.params)
        return trigger

    def _started_by(self) -> dict[str, Schedule | Trigger]:
        """Return its schedules and triggers, which share their names: both are called `workflow/name`."""
        return {**self._schedules, **self._triggers}

    def free_name(self, task: str) -> str:
        """Return a name for a job of a task that no job has yet: `clean`, then `clean-2`."""
        short = re.sub(r"[^A-Za-z0-9_-]", "_", task.rpartition(".")[2])[: MAX_NAME - 10].lstrip("-") or "job"
        while True:
            number = self._numbers[short] = self._numbers.get(short, 0) + 1
            name = short if number == 1 else f"{short}-{number}"
            if name not in self._jobs:
                return name

    def definition(self, route_of: RouteOf | None = None) -> WorkflowDefinition:
        """Return the definition as it now stands, each job with its route (see `compile`)."""

        @cache
        def route(app: Any, task: str) -> str:
            if app is not None:
                return route_by_app(app, task)
            return route_of(task) if route_of else DEFAULT_ROUTE

        return replace(
            self._head,
            schedules={**self._schedules},
            triggers={**self._triggers},
            jobs=tuple(job._defined(route) for job in self._jobs.values()),
        )

    def compile(self, route_of: RouteOf | None = None) -> Plan:
        """Return its plan; compiled once, and anew after a change.

        A job's route is its `route=`, else its signature's queue, else what the Celery app of its task says (the
        task's queue, the router, the default queue); for a task that is known by name only `route_of` decides,
        else it is `default`. A `DefinitionError` tells everything that is wrong.
        """
        if self._plan is None or self._plan[0] != route_of:
            self._plan = route_of, compile_plan(self.definition(route_of))
        return self._plan[1]

    def bind(self, params: Mapping[str, Any] | None = None) -> bytes:
        """Return a run's parameters as JSON, checked and with all defaults; a `ParameterError` lists what is wrong."""
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
                self._own(job, where)
                yield job.name
            elif isinstance(job, Iterable):
                yield from self._names(job, where)
            else:
                raise DefinitionError(f"a {type(job).__name__} is not a job or the name of one", where=where)

    def _own(self, job: Job, where: str) -> None:
        if job.flow is not self:
            raise DefinitionError(
                f"job {job.name!r} belongs to another workflow, {job.flow.name!r}",
                where=f"workflow {self.name!r}, {where}",
            )

    def _marker_of(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, Job):
            value = value.output
        if isinstance(value, OutputRef):
            self._own(value._job, "an argument")
            return value.__json__()
        if isinstance(value, RunRef):
            return value.__json__()
        if isinstance(value, ParamRef):
            if value._of is not self.params:
                raise DefinitionError(f"{value!r} belongs to another workflow", where=f"workflow {self.name!r}")
            return value.__json__()
        if isinstance(value, ParamsRef):
            raise DefinitionError("params as a whole is no argument: name the parameter, such as params.day")
        return None


def _jobs(following: object) -> Iterable[Job]:
    if isinstance(following, Job):
        yield following
    elif isinstance(following, Iterable) and not isinstance(following, str):
        for item in following:
            yield from _jobs(item)
    else:
        raise DefinitionError(f"{following!r} is not a job", remedy="to the right of >> stand jobs, or lists of jobs")


def _tell(error: ValidationError, where: str) -> NoReturn:
    raise DefinitionError("; ".join(map(str, explain(error))), where=where) from None
