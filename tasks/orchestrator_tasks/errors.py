"""The errors of the stock tasks, besides `TaskInputError` for arguments that they cannot use.

    OrchestratorError
    ├── CommandFailed       shell: the command ended with an exit code that is no success
    ├── CommandTimeout      shell: the command was still running at its `timeout`, and was killed
    ├── HttpFailed          http: no answer (connection, TLS, name, time)
    ├── HttpStatusError     http: an answer with a status that is no success
    └── Refused             python, http: this worker's settings do not allow it

Name them in a job's `RetryPolicy(retry_on=…, give_up_on=…)`.
"""

from __future__ import annotations

from orchestrator.model.errors import OrchestratorError


class CommandFailed(OrchestratorError):
    """The command failed."""


class CommandTimeout(OrchestratorError):
    """The command ran out of time."""


class HttpFailed(OrchestratorError):
    """The server did not answer."""


class HttpStatusError(OrchestratorError):
    """The server answered with an unexpected status."""


class Refused(OrchestratorError):
    """The settings of this worker do not allow it."""
