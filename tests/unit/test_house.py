"""The house keeps its shape: small files, and a wheel that takes no name but its own."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = tomllib.loads((ROOT / "tests" / "house.toml").read_text())
PACKAGES = {"orchestrator", "orchestrator_tasks", "orchestrator_workers"}


def files() -> list[Path]:
    """Return the files that git knows or would add, as paths from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(line) for line in listed.splitlines() if (ROOT / line).is_file()]


def limit(path: Path) -> int | None:
    """Return the limit of a file: the last pattern that fits is the most particular."""
    fitting = [lines for pattern, lines in HOUSE["limits"].items() if path.match(pattern)]
    return fitting[-1] if fitting else None


def test_files_are_small():
    too_long = []
    for path in files():
        allowed = HOUSE["exceptions"].get(str(path), {}).get("lines", limit(path))
        lines = len((ROOT / path).read_bytes().splitlines()) if allowed is not None else 0
        if allowed is not None and lines > allowed:
            too_long.append(f"{path}: {lines} lines, at most {allowed}")
    assert not too_long, "split these, or name them with a reason in tests/house.toml:\n" + "\n".join(too_long)


def test_exceptions_are_needed_and_explained():
    for name, exception in HOUSE["exceptions"].items():
        lines = len((ROOT / name).read_bytes().splitlines())
        usual = limit(Path(name))
        assert exception["reason"], name
        assert usual is not None, f"{name} has no limit to be excepted from"
        assert lines > usual, f"{name} has {lines} lines: its exception can go"


def test_no_files_import_each_other_in_a_circle():
    """Imports inside functions and for types count too: import-linter's layers say nothing about files of one room."""
    modules = {module(path): path for path in files() if path.suffix == ".py" and PACKAGES & set(path.parts)}
    imports = {name: imported(path, modules.keys()) for name, path in modules.items()}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail("these files import each other: " + " <- ".join(error.args[1]))


def module(path: Path) -> str:
    """Return the name under which a file of the packages is imported."""
    start = next(at for at, part in enumerate(path.parts) if part in PACKAGES)
    return ".".join(path.with_suffix("").parts[start:]).removesuffix(".__init__")


def imported(path: Path, modules: Collection[str]) -> set[str]:
    """Return the modules that a file imports, wherever in it that stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in modules else node.module)
    return found & set(modules)


def test_no_package_takes_a_users_name():
    """`tasks` and `workers` are folders: as packages they would hide the user's own modules of these names."""
    for name in ("tasks", "workers", "tests", "ops"):
        assert not (ROOT / name / "__init__.py").exists()


@pytest.mark.slow
def test_the_wheel_holds_what_is_needed_and_no_name_too_many(tmp_path):
    wheel = build_wheel(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    shipped = {name for name in names if name.endswith((".lua", ".json", ".csv", "py.typed"))}
    kept = {str(path) for path in files() if path.parts[0] == "orchestrator" and path.suffix in {".lua", ".typed"}}
    assert kept <= shipped

    python = install(wheel, tmp_path / "venv")
    check = (
        "import importlib.util as u\n"
        "import orchestrator, orchestrator_tasks, orchestrator_workers\n"
        "from orchestrator.state.script import link\n"
        "assert all(u.find_spec(n) is None for n in ('tasks', 'workers', 'tests', 'ops'))\n"
        "print(link('claim').text)"
    )
    ran = subprocess.run([python, "-I", "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "redis.call" in ran.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of what git knows, so that nothing in the work tree is written to."""
    source = folder / "source"
    for path in files():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, source / path)
    run(*pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)))
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, venv: Path) -> str:
    """Install the wheel alone into a clean environment that sees this one's packages, and return its Python.

    The dependencies stand already in the environment that runs the tests; a `.pth` file lends them, but for the
    editable install of this repository, which another `.pth` file makes.
    """
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    python = str(venv / "bin" / "python")
    run(*pip(sys.executable, "--python", python, "install", "--no-deps", str(wheel)))
    (packages,) = (venv / "lib").glob("python*/site-packages")
    lenders = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "lent.pth").write_text("\n".join(lenders))
    return python


def pip(python: str, *arguments: str) -> list[str]:
    return [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]


def run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
