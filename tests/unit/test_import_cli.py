"""`orchestrator import`: documents on stdout that validate takes, what is left on stderr, and exit codes."""

from __future__ import annotations

import io
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery.exceptions import ImproperlyConfigured
from celery.schedules import solar as solar_of_celery

from orchestrator.cli import errors
from orchestrator.cli.commands.imports import local_zone
from orchestrator.cli.main import orchestrator
from orchestrator.definitions import files
from orchestrator.dsl.documents import load_all

DATA = Path(__file__).parents[1] / "data"
ADA = str(DATA / "crontabs" / "ada")

MODULE = """
from celery import Celery
from celery.schedules import crontab

timezone = "Europe/Paris"
beat_schedule = {"night": {"task": "shop.night", "schedule": crontab(hour=2, minute=30)}}
app = Celery("shop", broker="redis://", set_as_current=False)
app.conf.update(timezone="Asia/Tokyo", beat_schedule=beat_schedule)
nothing = 3
"""


def call(*arguments: str) -> int:
    return errors.run(lambda: orchestrator.main(list(arguments), standalone_mode=False))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module, importable from the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beat_of_shop.py").write_text(MODULE)
    yield "beat_of_shop"
    sys.modules.pop("beat_of_shop", None)


def test_what_is_printed_is_valid(tmp_path, capsys):
    assert call("import", "crontab", ADA, "--tz", "Europe/Paris") == 0
    told = capsys.readouterr()
    assert [workflow.name for workflow in load_all(told.out)] == ["pg_dump", "tidy", "mail", "shop.poll"]
    assert told.err.count("left: ") == 4
    assert f"left: {ADA}:14: @reboot /home/ada/bin/warm-cache: a schedule has no boot" in told.err
    file = tmp_path / "workflows.yaml"
    file.write_text(told.out)
    assert call("workflows", "validate", str(file)) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{file}: ok: pg_dump, 1 jobs, 1 schedules"


def test_json_has_the_workflows_and_what_is_left(capsys):
    assert call("import", "crontab", ADA, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [workflow["name"] for workflow in document["workflows"]] == ["pg_dump", "tidy", "mail", "shop.poll"]
    assert [left["where"] for left in document["left"]] == [f"{ADA}:{line}" for line in (6, 14, 17, 23)]
    assert set(document["left"][0]) == {"where", "what", "why"}


def test_strict_refuses_what_is_left(tmp_path, capsys):
    file = tmp_path / "workflows.yaml"
    assert call("import", "crontab", ADA, "--strict", "--output", str(file)) == 2
    assert not file.exists()
    whole = tmp_path / "tab"
    whole.write_text("#0 1 * * * old\n0 0 * * * x\n")
    assert call("import", "crontab", str(whole), "--strict", "-o", str(file)) == 0
    assert load_all(file.read_text())[0].name == "x"
    assert "wrote 1 workflows" in capsys.readouterr().err


def test_a_folder_takes_a_file_each(tmp_path, capsys):
    folder = tmp_path / "workflows"
    assert call("import", "crontab", ADA, "--output", f"{folder}/") == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["mail.yaml", "pg_dump.yaml", "shop.poll.yaml", "tidy.yaml"]
    assert call("workflows", "validate", *(str(folder / name) for name in names)) == 0
    assert call("import", "crontab", ADA, "--json", "-o", str(folder)) == 0
    assert json.loads((folder / "tidy.json").read_text())["name"] == "tidy"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("# of y\n61 * * * * y\n", "tab:2: bad minute '61'"),
        ("A=b\n\n* * * * *\n", "tab:3: there is no command"),
    ],
)
def test_a_malformed_crontab_is_one_error_and_writes_nothing(text, what, tmp_path, capsys):
    (tmp_path / "tab").write_text(text)
    assert call("import", "crontab", str(tmp_path / "tab"), "-o", str(tmp_path / "out.yaml")) == 2
    told = capsys.readouterr()
    assert what in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["tab"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("crontab", "/no/such/file"), "/no/such/file: there is no such file"),
        (("crontab", "/"), "/: cannot be read: Is a directory"),
        (("crontab", ADA, "--tz", "Mars/Base"), "no time zone 'Mars/Base'"),
        (("crontab", ADA, "-o", "/dev/null/x"), "cannot be written"),
        (("crontab",), "FILE"),
        (("celery-beat",), "name a FILE or MODULE:ATTRIBUTE"),
        (("celery-beat", "no.such:thing"), "no.such:thing: cannot be imported: ModuleNotFoundError"),
        (("celery-beat", "json:loads"), "json:loads: this is no beat schedule"),
        (("celery-beat", "json"), "has no beat_schedule"),
        (("celery-beat", str(DATA / "crontabs" / "ada")), "ada:1:1: not JSON"),
        (("celery-beat", "/no/such.json"), "no such file"),
        (("airflow", "x"), "no such command: airflow"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments, what, capsys):
    assert call("import", *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert what in told.err
    assert told.err.splitlines()[-1].startswith("error: ")


def test_dollars_and_braces_mean_to_every_reader_what_they_meant_to_cron(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands = ['tar czf "${DIR}/shop.tgz" /srv', "echo $${DIR} $$${DIR} ${DIR:-x} ${"]
    Path("tab").write_text("".join(f"# saves ${{DIR}}\nDIR=${{HOME}}/a\n0 0 * * * {command}\n" for command in commands))
    assert call("import", "crontab", "tab", "-o", "out.yaml") == 0
    assert call("import", "crontab", "tab", "--json", "-o", "json/") == 0
    assert call("import", "crontab", "tab", "-o", "yaml/") == 0
    Path("values.yaml").write_text("DIR: other\n")
    for paths in (["out.yaml"], ["json"], ["yaml"]):
        assert call("workflows", "validate", *paths, "--values", "values.yaml") == 0
        read = files.read(paths, "default", {"DIR": "other"}).workflows.values()
        loaded = [each for path in files.files(paths) for each in load_all(Path(path).read_bytes())]
        assert {each.name: each for each in read} == {each.name: each for each in loaded}
        kwargs = [each.jobs[0].kwargs for each in sorted(read, key=lambda each: each.name, reverse=True)]
        assert [each["argv"][2] for each in kwargs] == commands
        assert {each["env"]["DIR"] for each in kwargs} == {"${HOME}/a"}


def test_a_crontab_comes_from_stdin_too(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"@reboot a\n0 0 * * * b\n")))
    assert call("import", "crontab", "-") == 0
    told = capsys.readouterr()
    assert load_all(told.out)[0].name == "b"
    assert "left: stdin:1: @reboot a" in told.err


def test_an_empty_crontab_says_so(tmp_path, capsys):
    (tmp_path / "tab").write_text("# nothing\n")
    assert call("import", "crontab", str(tmp_path / "tab")) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "nothing to convert" in told.err


def test_times_follow_this_machine_s_zone(monkeypatch, capsys):
    monkeypatch.setenv("TZ", "America/Santiago")
    assert local_zone() == "America/Santiago"
    assert call("import", "crontab", ADA, "--json") == 0
    first = json.loads(capsys.readouterr().out)["workflows"][0]
    assert first["schedules"]["crontab"]["tz"] == "America/Santiago"
    monkeypatch.delenv("TZ")
    assert local_zone()


@pytest.mark.parametrize(
    ("arguments", "tz", "route"),
    [
        (("import", "celery-beat", "{module}:beat_schedule"), "Europe/Paris", None),
        (("import", "celery-beat", "{module}"), "Europe/Paris", None),
        (("import", "celery-beat", "{module}.py"), "Europe/Paris", None),
        (("import", "celery-beat", "./{module}.py:app"), "Asia/Tokyo", "celery"),
        (("import", "celery-beat", "{module}:app.conf.beat_schedule", "--tz", "Africa/Cairo"), "Africa/Cairo", None),
        (("-A", "{module}:app", "import", "celery-beat"), "Asia/Tokyo", "celery"),
        (("-A", "{module}:app", "import", "celery-beat", "{module}:beat_schedule"), "Asia/Tokyo", "celery"),
        (("-A", "{module}:app", "import", "celery-beat", "--tz", "UTC"), None, "celery"),
    ],
)
def test_a_schedule_in_python(arguments, tz, route, module, capsys):
    assert call(*(argument.format(module=module) for argument in arguments), "--json") == 0
    (document,) = json.loads(capsys.readouterr().out)["workflows"]
    assert document["name"] == "night"
    assert document["schedules"]["beat"] == {"cron": "30 2 * * *", **({"tz": tz} if tz else {})}
    assert document["jobs"]["night"].get("route") == route


def test_an_attribute_that_is_no_schedule(module, capsys):
    assert call("import", "celery-beat", f"{module}:nothing") == 2
    assert "it is of the type int" in capsys.readouterr().err


@pytest.mark.parametrize("raised", ["SystemExit(3)", "GeneratorExit", "ValueError('one\\ntwo')"])
def test_a_module_that_raises_anything_is_one_line(raised, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beat_that_booms.py").write_text(f"raise {raised}\n")
    for arguments in (
        ("import", "celery-beat", "beat_that_booms.py"),
        ("-A", "beat_that_booms", "import", "celery-beat"),
    ):
        assert call(*arguments) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert told.err.startswith("error: beat_that_booms")
    assert "beat_that_booms" not in sys.modules


def test_ctrl_c_while_a_module_is_imported(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow_beat.py").write_text("raise KeyboardInterrupt\n")
    assert call("import", "celery-beat", "slow_beat.py") == 130
    assert not capsys.readouterr().err.strip()


@pytest.mark.skipif(find_spec("ephem") is not None, reason="ephem is installed")
@pytest.mark.parametrize("configured", ["app.conf.beat_schedule = beat_schedule", "app.config_from_object(__name__)"])
def test_an_entry_of_the_sun_is_left_alone_without_ephem(configured, module, tmp_path, capsys):
    solar = """
from celery.schedules import solar
beat_schedule["dusk"] = {"task": "shop.dusk", "schedule": solar("sunset", 48.85, 2.35)}
try:
    import ephem
except ImportError:
    pass
else:
    raise AssertionError("ephem is not there")
"""
    (tmp_path / f"{module}.py").write_text(f"{MODULE}{solar}{configured}\n")
    for arguments in (("-A", f"{module}:app", "import", "celery-beat"), ("import", "celery-beat", f"{module}.py")):
        assert call(*arguments, "--json") == 0
        told = capsys.readouterr()
        document = json.loads(told.out)
        assert [workflow["name"] for workflow in document["workflows"]] == ["night"]
        assert [left["where"] for left in document["left"]] == ["dusk"]
        assert "left: dusk: <solar: sunset" in told.err
    with pytest.raises(ImproperlyConfigured):
        solar_of_celery("sunset", 48.85, 2.35)


@pytest.mark.parametrize("file", ["django.json", "redbeat.json"])
def test_exports_are_valid_as_they_are_printed(file, tmp_path, capsys):
    workflows = tmp_path / "workflows.yaml"
    assert call("import", "celery-beat", str(DATA / "beat" / file), "-o", str(workflows)) == 0
    assert call("workflows", "validate", str(workflows)) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(load_all(workflows.read_text()))
