"""The scripts' headers are their contracts: held here against `transitions`, the tables of moves, and their texts."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
import subprocess
import typing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import redis

from orchestrator.model.ids import AttemptRef, new_run_id
from orchestrator.model.states import JOB_MOVES, JobState, RunState
from orchestrator.state import limits, transitions
from orchestrator.state.keys import Keys
from orchestrator.state.script import fragments, header_of, link, names, source
from orchestrator.state.transitions.base import Transition, replies_of
from support.needs import require

FRAGMENTS = fragments()
LUA_TYPES = {"str": {str}, "int": {int}, "bytes": {bytes}}
REFUSALS = ("stale", "gone", "missing", "conflict", "exists", "noplan", "ended", "live")


@cache
def wrappers() -> dict[str, type[Transition[Any]]]:
    """Return the transition class of each script."""
    found: dict[str, type[Transition[Any]]] = {}
    for info in pkgutil.iter_modules(transitions.__path__, f"{transitions.__name__}."):
        importlib.import_module(info.name)
    for kind in Transition.__subclasses__():
        if "script" in vars(kind) and kind.__module__.startswith(transitions.__name__):
            # A dataclass with slots is made anew from the class as it is written: the newer one stands last.
            found[kind.script] = kind
    return found


def test_every_script_has_one_transition_class() -> None:
    assert sorted(wrappers()) == names()


@pytest.mark.parametrize("name", names())
def test_the_header_is_whole(name: str) -> None:
    assert set(link(name).header) == {"args", "returns", "moves", "keeps", "uses", "cost"}
    assert re.match(rf"-- {name}: \S.*\.\n--\n", source(name)), "the first line says what it does"
    assert source(name).count("-- writes") == 1
    assert set(link(name).header["keeps"].split()) <= set("1234567")


@pytest.mark.parametrize("name", names())
def test_arguments_are_the_fields_of_the_class(name: str) -> None:
    hints = typing.get_type_hints(wrappers()[name])
    fields = {field.name: hints[field.name] for field in dataclasses.fields(wrappers()[name])}
    assert [argument for argument, _ in link(name).arguments] == list(fields)
    for argument, kind in link(name).arguments:
        # What is no plain value in Python (subscriptions, slots, a permit) is a text for the script.
        plain = fields[argument] if fields[argument] in (str, int, bytes) else str
        # An incarnation is a number that scripts only compare, as text.
        assert plain in LUA_TYPES[kind] or (argument, kind) == ("incarnation", "str"), argument


@pytest.mark.parametrize("name", names())
def test_replies_are_those_that_the_class_declares(name: str) -> None:
    promised = sorted(tuple(reply.split()) for reply in link(name).header["returns"].split("|"))
    declared = [
        (reply.tag, *(field.name for field in dataclasses.fields(reply)))  # type: ignore[arg-type]
        for reply in replies_of(wrappers()[name])
    ]
    assert sorted(declared) == promised


@pytest.mark.parametrize("name", names())
def test_every_reply_in_the_text_is_promised(name: str) -> None:
    tags = {reply.split()[0] for reply in link(name).header["returns"].split("|")}
    assert set(re.findall(r"return \{'(\w+)'", source(name))) <= tags
    assert tags <= set(re.findall(r"'(\w+)'", source(name)))


@pytest.mark.parametrize("name", names())
def test_nothing_is_refused_below_the_line(name: str) -> None:
    """A script does not roll back: what it may refuse, it refuses before its first write."""
    _, below = source(name).split("-- writes", 1)
    refused = re.findall(rf"(?:return )?\{{'(?:{'|'.join(REFUSALS)})'", below)
    assert refused == []


@pytest.mark.parametrize("name", names())
def test_nothing_is_written_above_the_line(name: str) -> None:
    above, _ = source(name).split("\n-- writes", 1)
    while (function := re.search(r"^(local )?function .*?^end$", above, re.M | re.S)) is not None:
        above = above.replace(function[0], "")
    commands = set(re.findall(r"redis\.call\('(\w+)'", above))
    assert commands <= {"GET", "HGET", "HMGET", "HGETALL", "HKEYS", "EXISTS", "ZSCORE"}


def test_moves_are_those_of_the_table() -> None:
    promised = {
        (JobState[before], JobState[after], name)
        for name in names()
        for before, after in (move.split("->") for move in link(name).header["moves"].split())
    }
    table = {(before, after, name) for (before, after), scripts in JOB_MOVES.items() for name in scripts}
    assert promised == table


def test_every_fragment_is_used_and_says_what_it_is() -> None:
    used: set[str] = set()
    for text in [*map(source, names()), *(source(f"lib/{fragment}") for fragment in FRAGMENTS)]:
        used |= set(header_of(text).get("uses", "").split())
    assert used == set(FRAGMENTS)
    for fragment in FRAGMENTS:
        assert source(f"lib/{fragment}").startswith(f"-- {fragment}: ")


@pytest.mark.parametrize("name", [*names(), *(f"lib/{fragment}" for fragment in FRAGMENTS)])
def test_what_is_named_is_used_and_what_is_used_is_named(name: str) -> None:
    text = source(name)
    body = re.sub(r"--.*", "", text)
    own = name.rpartition("/")[2]
    mentioned = {fragment for fragment in FRAGMENTS if re.search(rf"(?<![\w.'\"]){fragment}\.\w", body)} - {own}
    assert mentioned == set(header_of(text).get("uses", "").split())


def test_only_the_clock_asks_for_the_time() -> None:
    asking = [name for name in [*names(), *(f"lib/{each}" for each in FRAGMENTS)] if "'TIME'" in source(name)]
    assert asking == ["lib/clock"]


def test_scripts_know_neither_json_nor_msgpack_nor_patterns_of_keys() -> None:
    for name in names():
        assert not re.search(r"cjson|cmsgpack|loadstring|'(KEYS|SCAN|EVAL|SPOP|SRANDMEMBER)'", link(name).text)


def test_linked_texts_pass_luacheck(tmp_path: Path) -> None:
    require("luacheck")
    for name in names():
        (tmp_path / f"{name}.lua").write_text(link(name).text)
    options = ["--std", "lua51", "--read-globals", "redis", "struct", "KEYS", "ARGV", "--no-color", "--codes"]
    checked = subprocess.run(["luacheck", *options, str(tmp_path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_states_become_the_models_numbers() -> None:
    text = link("finish").text
    assert not re.search(r"(?<![\w.])(job|state|limits)\.\w+", re.sub(r"--.*|'[^']*'", "", text))
    assert (
        f"record.state == {JobState.running.number}" in link("fire").text
        or f"record.state ~= {JobState.running.number}" in text
    )
    assert f"run.state >= {RunState.succeeded.number}" in text


def test_numbers_that_scripts_and_python_share_stand_in_one_table() -> None:
    """Scripts name no number of their own, and the table holds no number that no script uses."""
    texts = {name: source(name) for name in [*names(), *(f"lib/{each}" for each in FRAGMENTS)]}
    own = {name: re.findall(r"^local [A-Z_, ]+ = -?\d.*", text, re.M) for name, text in texts.items()}
    assert not any(own.values()), own
    used = {name for text in texts.values() for name in re.findall(r"(?<![\w.])limits\.(\w+)", text)}
    assert used == {name for name in vars(limits) if name.isupper()}


@pytest.mark.parametrize("instance", [None, 3])
def test_both_twins_read_the_same_references(redis_client: redis.Redis, instance: int | None) -> None:
    ref = AttemptRef(new_run_id(), 17, 2, instance)
    answer = redis_client.eval(f"{source('lib/refs')}\nreturn {{refs.parse(ARGV[1])}}", 0, str(ref))
    assert answer == [ref.run.encode(), 17, 2, *([] if instance is None else [3])]
    written = redis_client.eval(
        f"{source('lib/refs')}\nreturn refs.of({{id = ARGV[1]}}, {{index = 17, attempt = 2}})", 0, ref.run
    )
    assert written == str(ref._replace(instance=None)).encode()


ARGUMENTS = {
    "plan": ("d",), "plan_jobs": ("d", 3), "plan_edges": ("d", 4), "plan_wide": ("d",), "workflow": ("w",),
    "run": ("r",), "records": ("r", 5), "counters": ("r", 6), "outputs": ("r",), "errors": ("r",), "todo": ("r",),
    "starter": ("s",), "waiting": ("s",), "living": ("s",), "journal": ("s",), "dataset_joins": ("s",), "seen": ("s",),
    "delivery": ("e",), "ready": ("a route",), "since": ("a route",), "route": ("a route",), "node": ("n",),
    "key": ("k",),
}  # fmt: skip


def test_both_twins_give_the_same_keys(redis_client: redis.Redis) -> None:
    keys = Keys("a ns")
    plain = [name for name, value in vars(keys).items() if isinstance(value, str) and name != "namespace"]
    builders = [name for name, _ in inspect.getmembers(Keys, inspect.isfunction) if not name.startswith("_")]
    assert sorted(builders) == sorted(ARGUMENTS)
    assert set(re.findall(r"^function keys\.(\w+)", source("lib/keys"), re.M)) == {*ARGUMENTS, "bucket", "begin"}
    begin = source("lib/keys").partition("function keys.begin()")[2].partition("\nend")[0]
    assigned = (line.partition(" = ")[0] for line in begin.splitlines())
    assert {name for left in assigned for name in re.findall(r"keys\.(\w+)", left)} == set(plain)
    calls = [f"keys.{name}" for name in plain]
    calls += [f"keys.{name}({', '.join(map(repr, ARGUMENTS[name]))})" for name in builders]
    answer = redis_client.eval(f"{source('lib/keys')}\nkeys.begin()\nreturn {{{', '.join(calls)}}}", 1, keys.meta)
    expected = [getattr(keys, name) for name in plain]
    expected += [getattr(keys, name)(*ARGUMENTS[name]) for name in builders]
    assert [key.decode() for key in answer] == expected
