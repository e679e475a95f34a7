"""What a program imports for what it uses: those that only send tasks pay for nothing."""

from __future__ import annotations

import subprocess
import sys

PRODUCER = "from celery import Celery; app = Celery('shop', broker='memory://'); app.connection_for_write"
LIGHT = ("runtime", "runtime.context", "runtime.installation", "runtime.installed")
OURS = {"orchestrator", *(f"orchestrator.{name}" for name in LIGHT)}
OTHERS = {"contextvars", "_contextvars"}


def imports(program: str, before: str = "") -> set[str]:
    """Run a program in a new interpreter; return the modules that it imports after the part before."""
    code = f"import sys\n{before}\nknown = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - known))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_install_imports_nothing_but_itself() -> None:
    found = imports("from orchestrator import install\ninstall(app)\ninstall(app)", PRODUCER)
    assert found <= OURS | OTHERS


def test_a_program_with_install_sends_tasks_without_more_of_ours() -> None:
    send = "from orchestrator import current, install\ninstall(app)\napp.send_task('shop.load')\ncurrent()"
    assert {name for name in imports(send, PRODUCER) if name.startswith("orchestrator")} == OURS


def test_the_package_imports_nothing() -> None:
    assert imports("import orchestrator", "import typing") <= {"orchestrator", "__future__"}


LISTS_RUNS = """
from orchestrator.client import Client
from orchestrator.cli.render import views
from orchestrator.settings import Settings
Client(Settings(redis_url='redis://127.0.0.1:1')).runs
"""
NOT_FOR_LISTS = (
    "celery", "kombu", "orchestrator.dsl", "orchestrator.expressions", "orchestrator.plan.compile",
    "orchestrator.plan.values", "orchestrator.scheduling", "orchestrator.starters",
    "orchestrator.state.transitions.runs", "orchestrator.timing.cron",
)  # fmt: skip


def test_a_list_of_runs_imports_nothing_that_makes_or_runs_them() -> None:
    found = imports(LISTS_RUNS)
    assert [name for name in NOT_FOR_LISTS if name in found] == []


def test_a_client_that_only_reads_reads_no_script_and_one_that_writes_reads_each_once() -> None:
    program = (
        "from collections import Counter; from pathlib import Path; read = Counter(); text = Path.read_text\n"
        "Path.read_text = lambda self, encoding: read.update([str(self)]) or text(self, encoding)\n"
        "from orchestrator.state.script import library, link, names\n"
        "from orchestrator.state.store import Store\n"
        "of_lua = lambda: {name: n for name, n in read.items() if name.endswith('.lua')}\n"
        "store = Store.connect('redis://127.0.0.1:1'); assert not of_lua(); library()\n"
        "for name in names(): link(name)\n"
        "assert len(of_lua()) > 50 and set(of_lua().values()) == {1}, read"
    )
    imports(program)
