"""Workflows out of Celery's canvas, with its meaning.

A chain passes each result to the next task as its first argument. An immutable task (`.si()`) only waits. A group
passes on the list of its results, in the order in which they are written; a chord passes on the result of its body. A
group in a group joins its list. Any other part of a group or header is one value: a chain that ends in a group is one
list in the list. A group of one task is that task in a chain. A task of `link` gets the result, too. Jobs are named
after their tasks: `add`, `add-2`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.dsl.builder import Job, Workflow
from orchestrator.dsl.signatures import refuse_options
from orchestrator.model.errors import DefinitionError

_KINDS = ("chain", "group", "chord")


class _Before(NamedTuple):
    """What comes before a part: the jobs that it waits for, and the arguments that it gets before its own."""

    jobs: list[Job]
    args: tuple[Any, ...]


class _Done(NamedTuple):
    """The last jobs of a part of a canvas, and its result."""

    jobs: list[Job]
    value: Any

    def before(self) -> _Before:
        return _Before(self.jobs, (self.value,))


_NOTHING = _Before([], ())


def from_canvas(canvas: Any, name: str = "canvas", **options: Any) -> Workflow:
    """Make a workflow of a chain, group, chord or single signature; `options` are those of `Workflow`.

    Raises:
        DefinitionError: a part of the canvas cannot be a job.
    """
    workflow = Workflow(name, **options)
    _Canvas(workflow).add(canvas, _NOTHING)
    return workflow


class _Canvas:
    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.where = f"workflow {workflow.name!r}"

    def add(self, part: Any, before: _Before, queue: Any = None) -> _Done:
        """Add a part that runs after `before`; `queue` is that of the part around it, if it has one."""
        kind = _kind(part)
        if kind is None:
            return self.task(part, before, queue)
        options = dict(part.get("options") or {})
        queue = options.pop("queue", None) or queue
        links = _several(options.pop("link", None)) if kind == "chain" else []
        refuse_options(options, f"the {kind} in {self.where}")
        self.refuse_keywords(part, kind)
        if part.get("args"):  # start arguments
            args = tuple(part["args"])
            before = before._replace(args=args if part.get("immutable") else (*before.args, *args))
        match kind:
            case "chain":
                done = self.chain(part["kwargs"]["tasks"], before, queue)
            case "group":
                done = self.group(_tasks(part), before, queue)
            case _:
                done = self.chord(part, before._replace(args=()) if part.get("immutable") else before, queue)
        for link in links:
            self.add(link, done.before())
        return done

    def task(self, part: Any, before: _Before, queue: Any) -> _Done:
        """Add one task. What comes before it gives its first arguments, if it is not immutable."""
        name = str(part.get("task")) if isinstance(part, dict) else type(part).__name__
        links: list[Any] = []
        after = before.jobs
        if isinstance(part, dict):
            options = dict(part.get("options") or {})
            links = _several(options.pop("link", None))
            options |= {"queue": queue} if queue is not None else {}
            # A clone keeps its task object, which knows the app and checks the arguments.
            part = part.clone() if hasattr(part, "clone") else dict(part)
            part["options"] = options
            if not part.get("immutable"):
                part["args"] = (*before.args, *(part.get("args") or ()))
                after = [job for job in before.jobs if not _mentions(before.args, job)]
        job = self.workflow.job(self.workflow.free_name(name), part, after=after)
        done = _Done([job], job.output)
        for link in links:
            self.add(link, done.before())
        return done

    def chain(self, tasks: Any, before: _Before, queue: Any) -> _Done:
        """Add tasks that run one after the other. As in Celery, options of the chain are those of its first."""
        done: _Done | None = None
        for part in tasks:
            alone = _tasks(part) if _kind(part) == "group" else ()
            one = alone[0] if len(alone) == 1 else part
            done = self.add(one, before, queue) if done is None else self.add(one, done.before())
        if done is None:
            raise DefinitionError("a chain needs a task", where=self.where)
        return done

    def group(self, tasks: Any, before: _Before, queue: Any) -> _Done:
        """Add tasks that run side by side. The results of groups inside join the list."""
        parts = [(_kind(part), self.add(part, before, queue)) for part in tasks]
        if not parts:
            raise DefinitionError("a group needs a task", where=self.where)
        values = [value for kind, done in parts for value in (done.value if kind == "group" else [done.value])]
        return _Done([job for _, done in parts for job in done.jobs], values)

    def chord(self, part: Any, before: _Before, queue: Any) -> _Done:
        """Add a header and its body. The body of an empty header gets an empty list."""
        if not part["kwargs"].get("body"):
            raise DefinitionError("a chord needs a body", where=self.where)
        tasks = _tasks(part["kwargs"]["header"])
        header = self.group(tasks, before, queue) if tasks else _Done(before.jobs, [])
        return self.add(part["kwargs"]["body"], header.before(), queue)

    def refuse_keywords(self, part: Any, kind: str) -> None:
        """Refuse keyword arguments of a whole chain, group or chord."""
        own = ("tasks", "header", "body", "kwargs")
        given = {key: value for key, value in part["kwargs"].items() if key not in own}
        given.update(part["kwargs"].get("kwargs") or {})
        if given:
            raise DefinitionError(
                f"a {kind} has no keyword arguments of its own ({', '.join(given)})",
                where=self.where,
                remedy="give them to its tasks",
            )


def _kind(part: Any) -> str | None:
    kind = part.get("subtask_type") if isinstance(part, dict) else None
    return kind if kind in _KINDS else None


def _tasks(part: Any) -> list[Any]:
    """Return the tasks of a group, or of a chord's header, which may be a group, a list or a single task."""
    if _kind(part) == "group":
        return list(part["kwargs"].get("tasks") or ())
    return list(part) if isinstance(part, list | tuple) else [part]


def _several(links: Any) -> list[Any]:
    return list(links) if isinstance(links, list | tuple) else [] if links is None else [links]


def _mentions(value: Any, job: Job) -> bool:
    """Tell whether a value has the output of a job in it: who takes the value waits for the job."""
    if isinstance(value, list | tuple):
        return any(_mentions(item, job) for item in value)
    return bool(getattr(value, "_job", None) == job.name)
