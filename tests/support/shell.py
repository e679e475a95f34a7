"""Runs the command line as people and scripts do: in a folder, with the settings of one installation and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support.shapes import misfits, shape_of

ORCHESTRATOR = [sys.executable, "-m", "orchestrator"]


class Shell:
    """A folder and an environment. No terminal is there: output is plain."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
        self.env |= {"COLUMNS": "120", **env}

    def write(self, name: str, text: str) -> None:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def __call__(self, *args: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command that must end with an exit code."""
        done = self.run([*ORCHESTRATOR, *args], stdin=stdin)
        assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done

    def run(self, command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run any program, whatever its exit code."""
        return subprocess.run(
            command, cwd=self.folder, env=self.env, input=stdin, capture_output=True, text=True, check=False, timeout=60
        )

    def json(self, *args: str, code: int = 0, stdin: str = "") -> Any:
        """Run a command with `--json` and return its document, which must have the shape that the command declares."""
        document = json.loads(self(*args, "--json", code=code, stdin=stdin).stdout)
        assert list(misfits(document, self.shape(*args))) == []
        return document

    def shape(self, *args: str) -> Any:
        """Return the shape that a command declares."""
        return shape_of(args)

    def refused(self, *args: str, stdin: str = "") -> str:
        """Run a command that must be refused by one line; return the line."""
        done = self(*args, code=2, stdin=stdin)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        return line

    def start(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command; the caller ends it."""
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **options}
        return subprocess.Popen([*ORCHESTRATOR, *args], cwd=self.folder, env=self.env, text=True, **given)
