"""Every error that the engine raises, as one tree.

    OrchestratorError
    ├── DefinitionError          a workflow, job, reference or document is wrong
    │   ├── DocumentError        ... in a YAML/JSON document (`where` is file:line:col or a path in it)
    │   └── TraceError           ... in a recorded trace given to `replay`
    ├── ParameterError           parameters do not fit the workflow's model
    │   └── ExpressionError      ... an expression has no value for the data that it got
    │       └── TooMuchData      ... because that is more than it may take at once
    ├── SettingsError            an ORCHESTRATOR_* setting is wrong
    ├── Unauthorised             the caller did not show that they may
    │   └── Forged               ... a request's signature is missing, wrong, or too old
    ├── NotFound                 no such run, workflow, job …
    ├── Conflict                 the request contradicts what is stored
    ├── Unavailable              a server that is needed does not answer, or cannot be used
    │   ├── StoreUnavailable     ... the Redis that holds the state
    │   ├── StoreBusy            ... the Redis refuses writes for now (MISCONF, OOM, LOADING, READONLY, BUSY)
    │   ├── BrokerUnavailable    ... the broker
    │   └── EmbeddedRedisError   ... no embedded Redis can be started
    ├── WaitTimeout              a run was not over when the caller's patience was
    ├── RunFailed                a run that was waited for ended otherwise than `succeeded`
    ├── TaskInputError           a stock task got arguments that it cannot use
    ├── OutputError              a result is not JSON, or over the size limit
    └── ScriptError              a state script failed: a bug in the engine

Each error is one clear message: what was wrong, where, and what to do. A class's docstring is its default message;
`exit_code` and `http_status` belong to the error, so the faces need no tables.
"""

from __future__ import annotations


class OrchestratorError(Exception):
    """Something went wrong in the orchestrator."""

    exit_code = 2
    http_status = 500

    def __init__(self, what: str | None = None, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what = what or (type(self).__doc__ or "").strip().splitlines()[0]
        self.where = where
        self.remedy = remedy
        super().__init__(self.what)  # one argument, so that Celery and pickle can rebuild it

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.remedy})" if self.remedy else text


class DefinitionError(OrchestratorError):
    """The workflow definition is not valid."""

    http_status = 422


class DocumentError(DefinitionError):
    """The document is not a valid workflow document."""


class TraceError(DefinitionError):
    """The file is not a valid trace."""


class ParameterError(OrchestratorError):
    """The parameters do not fit the workflow."""

    http_status = 422


class ExpressionError(ParameterError):
    """The expression has no value."""


class TooMuchData(ExpressionError):
    """The expression may not take so much data at once."""


class SettingsError(OrchestratorError):
    """A setting is not valid."""


class Unauthorised(OrchestratorError):
    """The caller did not show that they may do this."""

    http_status = 401


class Forged(Unauthorised):
    """The request is not signed as it should be."""


class NotFound(OrchestratorError):
    """There is no such thing."""

    http_status = 404


class Conflict(OrchestratorError):
    """The request contradicts what is stored."""

    http_status = 409


class Unavailable(OrchestratorError):
    """A server that is needed does not answer."""

    http_status = 503


class StoreUnavailable(Unavailable):
    """The Redis that holds the state does not answer."""


class StoreBusy(Unavailable):
    """The Redis that holds the state refuses writes for now."""


class BrokerUnavailable(Unavailable):
    """The broker does not answer."""


class EmbeddedRedisError(Unavailable):
    """No embedded Redis can be started."""


class WaitTimeout(OrchestratorError):
    """The run was not over in time."""

    exit_code = 1
    http_status = 504


class RunFailed(OrchestratorError):
    """The run did not succeed."""

    exit_code = 1


class TaskInputError(OrchestratorError):
    """The task cannot use its arguments."""


class OutputError(OrchestratorError):
    """The result cannot be stored."""


class ScriptError(OrchestratorError):
    """A state script failed."""
