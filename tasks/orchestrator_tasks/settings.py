"""The settings that say what this worker lets the stock tasks do: nothing risky by default.

They belong to the *worker*, and are never arguments of a job: the author of a workflow cannot widen them.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]


class TaskSettings(BaseSettings):
    """The settings of the stock tasks, from the environment or `.env`; lists are separated by commas."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_", env_ignore_empty=True, env_file=".env", extra="ignore", frozen=True
    )

    python_modules: Names = ()
    """Modules whose functions the `python` task may call: `shop.jobs`, or `shop.*` for all below `shop`."""

    http_allow: Names = ()
    """Private places that the `http` task may reach: hosts (`api.internal`, `*.internal`), addresses, networks."""

    @field_validator("python_modules", "http_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


@cache
def task_settings() -> TaskSettings:
    """Return the worker's settings, read once a process."""
    return TaskSettings()
