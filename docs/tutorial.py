"""Writes the tutorial from the tests of `tests/fundamentals`, so that every line of it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

DOCS = Path(__file__).parent
TESTS = DOCS.parent / "tests" / "fundamentals"
PAGE = DOCS / "guides" / "tutorial.md"
HIDDEN = re.compile(r"\bsupport\b")
"""Imports of the helpers of our tests."""
FUTURE = "from __future__ import annotations\n"
INTRODUCTION = """<!-- Written by docs/generate.py from tests/fundamentals: `make docs`. -->
# Tutorial

One idea a chapter, from the first run to a worker that dies. Each chapter is a test of `tests/fundamentals`, on a real
Redis with a real worker. `client` is a `Client()`, `path` is the path of an empty file, and `wait_until` calls a
function until it returns something true.

The tasks are those of an ordinary Celery app in a module `tasks`. The worker is `celery -A tasks worker`. `orchestrator
scheduler` runs beside it.
"""


def tutorial() -> dict[Path, str]:
    """Return the text of the page by its path."""
    chapters = sorted(TESTS.glob("test_*.py"))
    parts = [INTRODUCTION, _block((TESTS / "tasks.py").read_text().partition(FUTURE)[2])]
    for number, path in enumerate(chapters, 1):
        parts += _chapter(number, path)
    return {PAGE: "\n".join(parts)}


def _chapter(number: int, path: Path) -> Iterator[str]:
    """Yield the heading of a chapter, and for each test its sentence and its code."""
    source = path.read_text()
    module = ast.parse(source)
    yield f"## {number}. {(ast.get_docstring(module) or '').rstrip('.')}\n"
    imports: list[str] = []
    others: list[str] = []
    for node in module.body[2:]:  # after the docstring and the import from __future__
        code = ast.get_source_segment(source, node) or ""
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports += [code.replace("fundamentals.tasks", "tasks")] if not HIDDEN.search(code) else []
        elif isinstance(node, ast.FunctionDef):
            body = source.splitlines()[node.body[0].end_lineno : node.end_lineno]
            yield f"{ast.get_docstring(node)}\n"
            gap = "\n\n\n" if others else "\n\n"
            yield _block(gap.join(["\n".join(imports), *others, dedent("\n".join(body)).strip()]))
            imports, others = [], []
        else:
            others.append(code)


def _block(code: str) -> str:
    return f"```python\n{re.sub(r'  # noqa.*', '', code).strip()}\n```\n"
