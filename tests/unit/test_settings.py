"""Settings: where they come from, and how wrong ones are told."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

from orchestrator.model.errors import SettingsError, StoreUnavailable
from orchestrator.model.urls import is_encrypted, is_local, mask_url, redis_broker_url
from orchestrator.servers.addresses import broker_url, store_url
from orchestrator.servers.checks import settings_checks
from orchestrator.settings import Settings, get_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("ORCHESTRATOR_"):
            monkeypatch.delenv(name)


def test_everything_has_a_default(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/var/lib/x")
    settings = Settings()
    assert settings.redis_url is None
    assert settings.broker_url is None
    assert settings.namespace == "default"
    assert settings.data_dir == Path("/var/lib/x/orchestrator")
    assert settings.output_limit == 1 << 20


def test_environment_wins_over_dotenv_and_that_over_pyproject(monkeypatch):
    Path("pyproject.toml").write_text('[tool.orchestrator]\nnamespace = "c"\nlog_level = "error"\nretention_days = 3\n')
    Path(".env").write_text("ORCHESTRATOR_NAMESPACE=b\nORCHESTRATOR_LOG_LEVEL=debug\nDJANGO_SECRET=x\n")
    monkeypatch.setenv("ORCHESTRATOR_NAMESPACE", "a")
    settings = Settings()
    assert (settings.namespace, settings.log_level, settings.retention_days) == ("a", "debug", 3)


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", "")
    assert Settings().redis_url is None


def test_an_address_can_stand_in_a_file(monkeypatch):
    Path("secret").write_text("redis://:pw@db:6379/0\n")
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL_FILE", "secret")
    assert Settings().redis_url == "redis://:pw@db:6379/0"
    monkeypatch.setenv("ORCHESTRATOR_REDIS_URL", "redis://other:6379")
    with pytest.raises(SettingsError, match=r"^ORCHESTRATOR_REDIS_URL_FILE: ORCHESTRATOR_REDIS_URL is set too"):
        Settings()


def test_settings_of_the_process_are_read_once(monkeypatch):
    get_settings.cache_clear()
    first = get_settings()
    monkeypatch.setenv("ORCHESTRATOR_NAMESPACE", "changed")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().namespace == "changed"
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("REDIS_URL", "http://u:secret@x", "'http://u:***@x': not an address of the form redis://"),
        ("REDIS_URL", "redis://x:port", "not an address"),
        ("REDIS_URL", "redis://", "not an address of the form"),
        ("REDIS_URL", "redis://[::1", "'***': not an address"),
        ("BROKER_URL", "unix:///run/redis.sock", "not an address of the form redis://"),
        ("NAMESPACE", "a b", "'a b': a namespace is 1 to 63"),
        ("NAMESPACE", "{x}", "a namespace is"),
        ("RETENTION_DAYS", "0", "'0': input should be greater than 0"),
        ("RETENTION_DAYS", "week", "'week': input should be a valid number"),
        ("OUTPUT_LIMIT", "1 kg", "could not interpret byte unit: kg"),
        ("LOG_LEVEL", "loud", "'loud': input should be 'debug', 'info'"),
        ("REDIS_URL_FILE", "/nowhere", "cannot read /nowhere: No such file or directory"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(monkeypatch, variable, value, said):
    monkeypatch.setenv(f"ORCHESTRATOR_{variable}", value)
    with pytest.raises(SettingsError) as caught:
        Settings()
    text = str(caught.value)
    assert text.startswith(f"ORCHESTRATOR_{variable}: ")
    assert said in text
    assert "\n" not in text
    assert "secret" not in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("file", "content", "place"),
    [
        (".env", "ORCHESTRATOR_NAMESPACE=a b\n", ".env, ORCHESTRATOR_NAMESPACE: "),
        (
            "pyproject.toml",
            '[tool.orchestrator]\nnamespace = "a b"\n',
            "pyproject.toml, [tool.orchestrator], namespace: ",
        ),
        (
            "pyproject.toml",
            '[tool.orchestrator]\nnamespcae = "a"\n',
            "pyproject.toml, [tool.orchestrator], namespcae: no such",
        ),
        ("pyproject.toml", "[tool.orchestrator\n", "pyproject.toml: not valid TOML"),
    ],
)
def test_a_wrong_line_in_a_file_is_told_with_the_file(file, content, place):
    Path(file).write_text(content)
    with pytest.raises(SettingsError) as caught:
        Settings()
    assert str(caught.value).startswith(place)


def test_what_other_programs_put_into_the_environment_is_no_mistake(monkeypatch):
    monkeypatch.setenv("ORCHESTRATOR_PORT", "tcp://10.0.0.1:8000")  # Kubernetes, for a service named orchestrator
    Settings()
    assert all(check.ok for check in settings_checks(os.environ))


def test_a_misspelt_variable_is_found_by_the_doctor():
    (check,) = settings_checks({"ORCHESTRATOR_REDIS_ULR": "redis://x"})
    assert not check.ok
    assert check.remedy == "did you mean ORCHESTRATOR_REDIS_URL?"


def test_passwords_are_never_shown():
    settings = Settings(redis_url="redis://u:hush@h:1/0", broker_url="amqp://u:hush@h//")
    assert "hush" not in f"{settings!r} {settings}"
    assert "redis://u:***@h:1/0" in repr(settings)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://:p@h:1/0", "redis://:***@h:1/0"),
        ("redis://u:p@q@h/0", "redis://u:***@h/0"),
        ("unix:///run/x.sock?db=1&password=p", "unix:///run/x.sock?db=1&password=***"),
    ],
)
def test_masking(url, masked):
    assert mask_url(url) == masked


def test_where_an_address_leads():
    assert is_local("redis://127.0.0.1:6379")
    assert is_local("unix:///run/redis.sock")
    assert is_local("redis://[::1]:6379")
    assert not is_local("redis://redis:6379")
    assert is_encrypted("rediss://h")
    assert not is_encrypted("amqp://h")


def test_the_broker_is_the_store_unless_set(tmp_path):
    settings = Settings(redis_url="redis://h:1/0", data_dir=tmp_path)
    assert broker_url(settings) == "redis://h:1/0"
    assert broker_url(Settings(redis_url="redis://h:1/0", broker_url="amqp://m//")) == "amqp://m//"
    assert redis_broker_url("unix://u:p@/run/r.sock?db=2") == "redis+socket://u:p@/run/r.sock?virtual_host=2"


def test_without_any_redis_the_remedy_is_told(tmp_path):
    with pytest.raises(StoreUnavailable, match="orchestrator up"):
        store_url(Settings(data_dir=tmp_path))


def test_the_reference_page_is_up_to_date(capsys):
    page = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert page["main"](["--check"]) == 0, capsys.readouterr().err
