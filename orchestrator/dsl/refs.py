"""References: they stand in the arguments of a signature for values that are known only when the job runs.

A reference is immutable, is its own copy, and is JSON to Celery (`__json__`), so it survives in signatures, partials
and clones. An operation that would need the value now, such as a loop, a condition or an f-string, is refused with the
reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self

from pydantic import BaseModel

from orchestrator.model.complaints import did_you_mean
from orchestrator.model.errors import DefinitionError
from orchestrator.model.templates import OUTPUT, PARAM, RUN
from orchestrator.plan.specs import FACTS

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Owner(Protocol):
    """The workflow to which a job belongs."""

    @property
    def name(self) -> str:
        """The name of the workflow."""


class Ref:
    """A value that is known later, and the steps into it."""

    __slots__ = ("_steps",)
    _steps: tuple[str | int, ...]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def _refuse(self, *_: object) -> NoReturn:
        raise DefinitionError(
            f"{self!r} is not known while the workflow is written",
            remedy="give the reference itself to a job's task, and let the task look into it",
        )

    __bool__ = __iter__ = __len__ = __contains__ = __format__ = __int__ = __float__ = __index__ = _refuse
    __add__ = __radd__ = __lt__ = __le__ = __gt__ = __ge__ = __call__ = _refuse


def check_step(ref: Ref, step: object) -> str | int:
    """Return a step into a value.

    Raises:
        DefinitionError: the step is not a key (text) or an index (whole number).
    """
    if type(step) is str or type(step) is int:
        return step
    raise DefinitionError(f"{ref!r}[{step!r}]: a step into a value is a key (text) or an index (whole number)")


class OutputRef(Ref):
    """The value that a job will return, or a part of it: `tidy.output["rows"][0]`."""

    __slots__ = ("_job", "_owner")

    def __init__(self, owner: Owner, job: str, steps: tuple[str | int, ...] = ()) -> None:
        self._owner = owner
        self._job = job
        self._steps = steps

    def __getitem__(self, step: str | int) -> OutputRef:
        return OutputRef(self._owner, self._job, (*self._steps, check_step(self, step)))

    def __json__(self) -> dict[str, Any]:
        return {OUTPUT: [self._job, *self._steps]}

    def __repr__(self) -> str:
        return f"{self._job}.output" + "".join(f"[{step!r}]" for step in self._steps)


class RunRef(Ref):
    """A fact of the run: `workflow.run.logical_date`."""

    __slots__ = ("_fact",)

    def __init__(self, fact: str) -> None:
        self._fact = fact

    def __json__(self) -> dict[str, Any]:
        return {RUN: self._fact}

    def __repr__(self) -> str:
        return f"run.{self._fact}"


class RunFacts:
    """The facts of a run, for arguments: `id`, `logical_date`, `interval_start`, `interval_end`, `schedule`, `trigger`.

    The task gets the times as ISO 8601 texts in UTC (`current()` has them as datetimes). If no schedule started the
    run, all three times are its creation.
    """

    def __getattr__(self, fact: str) -> RunRef:
        if fact.startswith("__"):
            raise AttributeError(fact)
        if fact not in FACTS:
            raise DefinitionError(f"a run has no {fact!r}{did_you_mean(fact, FACTS)}")
        return RunRef(fact)


class ParamRef(Ref):
    """A parameter of the run, or a part of it: `workflow.params.window.start`, `workflow.params.regions[0]`."""

    __slots__ = ("_model", "_of")

    def __init__(self, of: ParamsRef, steps: tuple[str | int, ...], model: type[BaseModel] | None) -> None:
        self._of = of
        self._steps = steps
        self._model = model

    def __getitem__(self, step: str | int) -> ParamRef:
        step = check_step(self, step)
        inner = None
        if self._model is not None:
            if not isinstance(step, str):
                raise DefinitionError(f"{self!r} is a {self._model.__name__} and has no {step!r}")
            step, inner = field_of(self._model, step, repr(self))
        return ParamRef(self._of, (*self._steps, step), inner)

    def __getattr__(self, name: str) -> ParamRef:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __json__(self) -> dict[str, Any]:
        return {PARAM: list(self._steps)}

    def __repr__(self) -> str:
        first, *rest = self._steps
        return f"params.{first}" + "".join(f"[{step!r}]" for step in rest)


class ParamsRef:
    """The parameters of a workflow, by name: `workflow.params.day`, or `workflow.params["day"]`."""

    __slots__ = ("_model", "_schema", "_workflow")

    def __init__(self, workflow: str, model: type[BaseModel] | None, schema: dict[str, Any] | None) -> None:
        self._workflow = workflow
        self._model = model
        self._schema = schema

    def __getattr__(self, name: str) -> ParamRef:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> ParamRef:
        where = f"workflow {self._workflow!r}"
        if self._model is not None:
            name, inner = field_of(self._model, name, where)
            return ParamRef(self, (name,), inner)
        if self._schema is None:
            raise DefinitionError(
                f"there is no parameter {name!r}: the workflow has none",
                where=where,
                remedy="give Workflow(..., params=Model) a pydantic model",
            )
        known = self._schema.get("properties", {})
        if name not in known:
            raise DefinitionError(f"there is no parameter {name!r}{did_you_mean(name, known)}", where=where)
        return ParamRef(self, (name,), None)


def field_of(model: type[BaseModel], name: str, where: str) -> tuple[str, type[BaseModel] | None]:
    """Return the name of a model's field in JSON, and the model of its value, None for a value without one.

    Raises:
        DefinitionError: the model has no such field.
    """
    fields: dict[str, FieldInfo] = model.model_fields
    found = fields.get(name) or next((field for field in fields.values() if field.alias == name), None)
    if found is None:
        raise DefinitionError(f"{model.__name__} has no field {name!r}{did_you_mean(name, fields)}", where=where)
    kind = found.annotation
    inner = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
    return found.serialization_alias or found.alias or name, inner


def marker_of(value: object, workflow: Owner, params: ParamsRef) -> dict[str, Any] | None:
    """Return how a template of a workflow writes a reference; None for a value that is not one.

    Raises:
        DefinitionError: the reference belongs to another workflow, or it names no single parameter.
    """
    match value:
        case OutputRef():
            check_owner(value._owner, value._job, workflow, "an argument")
            return value.__json__()
        case ParamRef():
            if value._of is not params:
                raise DefinitionError(f"{value!r} belongs to another workflow", where=f"workflow {workflow.name!r}")
            return value.__json__()
        case RunRef():
            return value.__json__()
        case ParamsRef():
            raise DefinitionError("params as a whole is no argument: name the parameter, such as params.day")
        case _:
            return None


def check_owner(owner: Owner, job: str, workflow: Owner, where: str) -> None:
    """Check that a job, which `owner` has, may be named in a workflow.

    Raises:
        DefinitionError: it belongs to another workflow.
    """
    if owner is not workflow:
        what = f"job {job!r} belongs to another workflow, {owner.name!r}"
        raise DefinitionError(what, where=f"workflow {workflow.name!r}, {where}")
