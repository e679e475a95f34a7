"""Secrets by reference: a definition says where a secret lies, never what it is.

`env:NAME` is a variable of the process that uses the secret, `file:/path` a file on its host, as Docker and Kubernetes
mount secrets. The reference is stored, shown and compared; the secret is read when it is needed, so that a new one
counts from its next use.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from orchestrator.model.errors import DefinitionError, SettingsError

MAX_BYTES = 64 << 10
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_FILE = re.compile(r"file:(/[^\0]+)")
_SETTINGS = "ORCHESTRATOR_"


def check_reference(reference: str) -> None:
    """Tell by a `DefinitionError` what is wrong with a reference. Nothing is read.

    The text is not repeated: what is no reference may well be the secret itself. Our own settings, with the addresses
    and passwords of the engine, are nobody's secret to use.
    """
    env = _ENV.fullmatch(reference)
    if env is None and _FILE.fullmatch(reference) is None:
        raise DefinitionError("a secret is named, not written out", remedy="give env:NAME or file:/path")
    if env is not None and env[1].upper().startswith(_SETTINGS):
        raise DefinitionError(f"{env[1]} is a setting of the engine", remedy="give the secret a variable of its own")


def resolve(reference: str) -> str:
    """Read the secret that a reference names, without the line break at its end.

    Raises `SettingsError`, which names the reference, where there is no such secret here or it is empty; also for what
    is no reference, which `check_reference` should have told whoever wrote it.
    """
    try:
        check_reference(reference)
    except DefinitionError as error:
        raise SettingsError(error.what, remedy=error.remedy) from None
    kind, _, name = reference.partition(":")
    secret = _variable(name) if kind == "env" else _file(reference, Path(name))
    secret = secret.removesuffix("\n").removesuffix("\r")
    if not secret.strip():
        raise SettingsError("there is no secret here", where=reference, remedy="set it where this process runs")
    return secret


def _variable(name: str) -> str:
    return os.environ.get(name, "")


def _file(reference: str, path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise SettingsError("the secret is no file", where=reference)
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SettingsError(f"the secret has over {MAX_BYTES >> 10} KiB", where=reference)
        return content.decode()
    except OSError as error:
        raise SettingsError(f"the secret cannot be read: {error.strerror}", where=reference) from None
    except UnicodeDecodeError:
        raise SettingsError("the secret is not UTF-8 text", where=reference) from None
