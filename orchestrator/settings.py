"""Settings: environment variables `ORCHESTRATOR_*`, a `.env` file, `[tool.orchestrator]` in pyproject.toml.

The first source that has a value wins, in that order; an empty variable counts as unset. The two addresses, which hold
passwords, can also be read from a file (`ORCHESTRATOR_REDIS_URL_FILE=/run/secrets/redis_url`), as Docker and Kubernetes
mount secrets. `.env` and pyproject.toml are those of the current folder.

A wrong value raises one `SettingsError` that names the place it came from.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
)

from orchestrator.model.errors import SettingsError
from orchestrator.model.urls import mask_url

PREFIX = "ORCHESTRATOR_"
STORE_SCHEMES = ("redis", "rediss", "unix", "redis+cluster")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps")
WEB_PORT = 8080
FROM_FILES = ("redis_url", "broker_url")
"""The settings that a file may hold, named by the variable with `_FILE` behind it."""


def default_data_dir() -> Path:
    """Return the default of `data_dir`, after the XDG base directory specification."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "orchestrator"


def _address(schemes: tuple[str, ...]) -> AfterValidator:
    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"not an address: {error}") from error
        if parts.scheme not in schemes or not (parts.hostname or parts.path.strip("/")):
            raise ValueError(f"not an address of the form {' or '.join(f'{scheme}://…' for scheme in schemes)}")
        return url

    return AfterValidator(check)


def _checked_namespace(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name) is None:
        raise ValueError("a namespace is 1 to 63 letters, digits, '_', '.' or '-', a letter or digit first")
    return name


def _without_link(port: Any) -> Any:
    """Overlook what Kubernetes sets where a service is called `orchestrator-web`: an address of that service."""
    return WEB_PORT if isinstance(port, str) and port.startswith("tcp://") else port


class Settings(BaseSettings):
    """Everything that can be set, with its default. Each field is the variable `ORCHESTRATOR_<NAME>`.

    The texts below the fields are those of the reference (docs/generate.py). Pydantic would take 30 ms to read them.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",  # .env is shared with other programs, and Kubernetes adds ORCHESTRATOR_PORT and the like
        pyproject_toml_table_header=("tool", "orchestrator"),
    )

    redis_url: Annotated[str, _address(STORE_SCHEMES)] | None = None
    """The Redis that holds the state: `redis://`, `rediss://`, `unix://` or, for a Redis Cluster, `redis+cluster://`.
    Unset: the embedded server that `orchestrator up` runs in `data_dir`."""
    broker_url: Annotated[str, _address(BROKER_SCHEMES)] | None = None
    """The broker of Celery: Redis (`redis://`, `rediss://`, `redis+socket://`) or RabbitMQ (`amqp://`, `amqps://`).
    Unset: the Redis that holds the state."""
    namespace: Annotated[str, AfterValidator(_checked_namespace)] = "default"
    """The tenant whose runs this process sees: 1 to 63 letters, digits, `_`, `.` or `-`, a letter or digit first."""
    data_dir: Annotated[Path, Field(default_factory=default_data_dir)]
    """The folder of the embedded Redis.
    Unset: `$XDG_DATA_HOME/orchestrator`, else `~/.local/share/orchestrator`."""
    retention_days: Annotated[float, Field(gt=0, le=36_500)] = 7.0
    """Days for which a finished run stays in Redis."""
    output_limit: Annotated[ByteSize, Field(ge=1024, le=64 << 20)] = ByteSize(1 << 20)
    """The largest result of a job, as JSON, in bytes or with a unit (`2MiB`). A larger one fails its attempt."""
    input_limit: Annotated[ByteSize, Field(ge=1024, le=512 << 20)] = ByteSize(16 << 20)
    """The largest sum of the results that one job is given by its parents, in bytes or with a unit."""
    web_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The address on which `orchestrator web` listens. Beyond loopback, put a proxy that speaks HTTPS before it."""
    web_port: Annotated[int, BeforeValidator(_without_link), Field(ge=0, le=65_535)] = WEB_PORT
    """The port on which `orchestrator web` listens; 0 takes a free one."""
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    """What is logged: this level and above."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _explained(error, values) from None

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        """Name every value for `repr` and `str`, with the passwords in addresses hidden."""
        return [(name, mask_url(value) if name in FROM_FILES and value else value) for name, value in self]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, files that it names, `.env`, pyproject.toml."""
        return (
            init_settings,
            env_settings,
            _NamedFiles(settings_cls),
            dotenv_settings,
            _Pyproject(settings_cls),
        )


class _NamedFiles(PydanticBaseSettingsSource):
    """Reads `ORCHESTRATOR_REDIS_URL_FILE` and its like: the value is the file's text, stripped."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if field_name not in FROM_FILES or not path:
            return None, field_name, False
        if os.environ.get(variable):
            raise SettingsError(f"{variable} is set too", where=f"{variable}_FILE", remedy="unset one of them")
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SettingsError(f"cannot read {path}: {reason}", where=f"{variable}_FILE") from None

    def __call__(self) -> dict[str, Any]:
        values = {name: self.get_field_value(None, name)[0] for name in FROM_FILES}
        return {name: value for name, value in values.items() if value is not None}


class _Pyproject(PyprojectTomlConfigSettingsSource):
    """Reads `[tool.orchestrator]`, which is ours alone: an unknown key there is a mistake, and is told."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        try:
            super().__init__(settings_cls)
        except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError
            raise SettingsError(f"not valid TOML: {error}", where="pyproject.toml") from None
        known = sorted(settings_cls.model_fields)
        for name in self.toml_data:
            if name not in known:
                where = f"pyproject.toml, [tool.orchestrator], {name}"
                raise SettingsError("no such setting", where=where, remedy=f"there are {', '.join(known)}")


def _explained(error: ValidationError, values: dict[str, Any]) -> SettingsError:
    """Return the first complaint of pydantic as one line that names the variable and hides passwords."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    message = first["msg"].removeprefix("Value error, ")
    given = mask_url(str(first["input"])) if name in FROM_FILES else str(first["input"])
    return SettingsError(f"{given!r}: {message[:1].lower()}{message[1:]}", where=_place(name, values))


def _place(name: str, values: dict[str, Any]) -> str:
    """Name the source that a setting's value came from."""
    variable = f"{PREFIX}{name.upper()}"
    environment = {key.upper() for key, value in os.environ.items() if value}
    if name in values:
        return name
    if variable in environment:
        return variable
    if f"{variable}_FILE" in environment:
        return f"{variable}_FILE"
    try:
        in_dotenv = variable in Path(".env").read_text(encoding="utf-8").upper()
    except (OSError, UnicodeDecodeError):
        in_dotenv = False
    return f".env, {variable}" if in_dotenv else f"pyproject.toml, [tool.orchestrator], {name}"


@cache
def get_settings() -> Settings:
    """Return the settings of this process, read once; `get_settings.cache_clear()` makes it read them again."""
    return Settings()
