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
