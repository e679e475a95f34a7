"""Who runs a command, and which commit its files are of: as the environment, git and the system say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 10.0
_QUIET = ("-c", "core.fsmonitor=false", "--no-optional-locks")
"""With these options git starts no program that a checkout names, and writes nothing."""


def user() -> str:
    """Return who runs the command: by the environment, else by git, else by the account. Empty if nothing names it."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or _git(Path.cwd(), "config", "user.name") or _account()


def _account() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a user that has no name
        return ""


def commit(paths: Sequence[str]) -> str:
    """Return the commit of the checkout in which the first path is, with `+dirty` if the paths are not as committed.

    Empty where there is no checkout, or no git.
    """
    if not paths:
        return ""
    first = Path(paths[0]).resolve()
    folder = first if first.is_dir() else first.parent
    head = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not head:
        return ""
    changed = _git(folder, "status", "--porcelain", "--", *(str(Path(path).resolve()) for path in paths))
    return f"{head}+dirty" if changed else head


def _git(folder: Path, *args: str) -> str:
    import shutil
    import subprocess

    git = shutil.which("git")
    if git is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 — git itself, with arguments of ours; paths stand behind `--`
            [git, "-C", str(folder), *_QUIET, *args], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
