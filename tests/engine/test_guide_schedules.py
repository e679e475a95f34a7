"""The guide to schedules tells the truth: its Python runs, and its commands are there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click

from orchestrator.cli.main import orchestrator

GUIDE = (Path(__file__).parents[2] / "docs/guides/schedules.md").read_text(encoding="utf-8")


def test_the_python_of_the_guide_runs(redis_url: str, ns: str, tmp_path: Path) -> None:
    program = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL))
    env = {**os.environ, "ORCHESTRATOR_REDIS_URL": redis_url, "ORCHESTRATOR_NAMESPACE": ns}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "event:order.paid:order-7 False ()" in ran.stdout


def test_the_commands_of_the_guide_are_there() -> None:
    context = click.Context(orchestrator)
    commands = re.findall(r"^\$ orchestrator (\S+) (\S+)(.*)$", GUIDE, re.MULTILINE)
    assert len(commands) > 8
    for group, name, rest in commands:
        found = orchestrator.get_command(context, group)
        assert isinstance(found, click.Group)
        command = found.commands[name]
        options = {option for param in command.params for option in param.opts}
        assert set(re.findall(r" (--?[a-z-]+)", rest.partition("#")[0])) <= options, (group, name)
