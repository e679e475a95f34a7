"""Would the tests notice? Each mutation plants one bug in the scripts; the engine's tests have to fail of it.

Slow (minutes), so only on request: `ORCHESTRATOR_TEST_MUTATIONS=1 pytest tests/engine/test_mutations.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "orchestrator" / "state" / "scripts"
RUNS = [
    *("finish", "claim", "settle", "beat", "heal", "reap", "nodes", "order", "fire", "create_run", "put_plan"),
    *("cancel", "advance", "forget", "memory", "ended"),
]
STARTERS = [
    *("start_planned", "pass_over", "start_waiting", "drop_waiting", "deliver", "offer", "definitions", "end_timers"),
    *("plan_poll", "seen", "forget_delivery", "schedules"),
]
MODELS = ["machine", "starters_machine"]
OF_STARTERS = {"starters", "definitions", "events", "sources"}
"""Folders of the scripts and fragments that the tests of starters are for."""
MUTATIONS: dict[str, tuple[str, ...]] = {
    "finish has no fence": ("finish-fence", " or slot.ref ~= ref", ""),
    "finish answers no repetition": ("finish-repeated", "op == slot.op", "false"),
    "finish takes late operations": ("finish-fence", "op < slot.op or ", ""),
    "finish does not write a removal first": (
        "finish-first-write",
        "slots.drop(slot)",
        "redis.call('HSET', slot.key, 'x', 1)",
    ),
    "claim loses nothing": ("claim-lost",),
    "claim forgets what it said": ("claim-repeated", "op == slot.op", "false"),
    "claim counts no permit down": ("claim-permit", "permits.arrived(route, class)", ""),
    "claim passes no permit on": ("claim-pass-on",),
    "settle leaves the slot": ("settle-slot",),
    "a permit is lost": ("ready-permit",),
    "a member stays in the since set": ("ready-since",),
    "the budget is one too large": ("lost-budget", "<", "<="),
    "a returned attempt costs": ("returned-free", "delay, true", "delay, false"),
    "losses are not told to the jobs behind": ("lost-end",),
    "one overtaking too many": ("overtakings", ">=", ">"),
    "patience is mixed up": ("patience", "[behind]", "[behind == 1 and 1 or 5 - behind]"),
    "a worker that may not take sets the count back": ("overtaken-barred", " and not barred", ""),
    "cancel leaves timers": ("cancel-timers",),
    "cancel leaves the ready set": ("cancel-ready",),
    "advance costs nothing": ("spread-cost",),
    "fire ignores the attempt": ("fire-fence", "not current or ", "not record or "),
    "fire starts in a cancelled run": ("fire-may-start",),
    "fire keeps the timer": ("fire-removes",),
    "a cancelled run's head is started": ("admission",),
    "a run ends with running jobs": ("is-over", "final + run.counts[job.waiting + 1] == run.total", "true"),
    "a run ends with todo": ("end-todo",),
    "a skip hides a failure": ("all-success", "failed > 0", "failed > 0 and skipped == 0"),
    "one beat is enough": ("beat-missed", "limits.MISSED_BEATS", "1"),
    "a beat kills nothing": ("beat-kills", "why", "false"),
    "an outage is a death": ("reap-outage", "limits.OUTAGE_MS", "100 * limits.OUTAGE_MS"),
    "another server is no outage": ("reap-outage", " or known[2] ~= server", ""),
    "a closed node keeps its attempts": ("close-attempts",),
    "a closed node keeps its slots": ("close-slots",),
    "leaving costs budget": ("leave-free", ", true", ""),
    "no bound on permits": ("permits-bound",),
    "healing does not back off": ("heal-pause", "limits.EAGER_ROUNDS", "30"),
    "healing counts nobody's slots": ("heal-idle", "math.min(overdue, idle_slots(route, class))", "overdue"),
    "a key is not kept": ("create-key",),
    "the deadline is not set": ("new-deadline",),
    "forget leaves counters": ("forget-counters", ", keys.counters(run_id, b)", ""),
    "the clock goes back": ("clock-mark", "math.max(now, mark)", "now"),
    "the clock is not kept": ("beat-clock",),
    "an error outlives success": ("ok-error",),
    "an upload is sealed half": ("put-uploaded",),
    "a planned time starts twice": ("planned-fence", " or starter.next ~= planned", ""),
    "an old definition starts runs": ("fence", "starter.generation == generation and ", ""),
    "the same time is planned again": ("planned-next",),
    "what is passed over is not told": ("passed-note",),
    "what waits starts twice": ("waiting-fence", " or starters.head(starter) ~= occasion", ""),
    "what has come since is left behind": ("waiting-group", " or (count < most and part == 0)", ""),
    "a batch does not wait": ("waiting-ripe",),
    "more live than may": ("waiting-room", " or starters.room(starter) <= 0", ""),
    "the rest is not woken for": ("waiting-rest",),
    "what is dropped goes on waiting": ("dropped-waiting",),
    "a delivery is taken twice": ("deliver-fence",),
    "a delivery is not handed out": ("deliver-timer",),
    "a delivery is offered twice": ("offer-fence",),
    "a delivery is forgotten": ("offer-waits",),
    "handed timers are gone with who has them": ("fire-ahead",),
    "an edit is refused to nobody": ("edit-fence", "return op[2] == generation", "return true or op[2] == generation"),
    "generations come again": (
        "edit-generation",
        "redis.call('HSET', key, 'generation', redis.call('HGET', keys.meta, 'edits'))",
        "redis.call('HINCRBY', key, 'generation', 1)",
    ),
    "an edit passes over in silence": ("edit-overtaken",),
    "an old token still leads somewhere": ("edit-token",),
    "a set of datasets outlives an edit": ("edit-joins",),
    "a run that is over lives on": ("ended-living",),
    "the runs of another concern it": ("ended-living", "== 0", "== 2"),
    "the end of a run makes no room": ("ended-room",),
    "the gate stays shut": ("last-end", "'last_end', run.state", "'last_end', state.failed"),
    "the gate goes by any run": ("last-end-order", " or tonumber(run.occasion) < tonumber(known[2] or 0)", ""),
    "two outcomes of one time": ("started-lift",),
    "a shut gate is not asked for": ("room-closed",),
    "the due time is not stored": ("plan-due", ", 'due', due", ""),
    "debounce counts from the first": ("debounce", "came(starter, -1)", "came(starter, 0)"),
    "a pause wakes": ("arm", " or not starter.enabled", ""),
    "the newest is skipped": ("overlap-replace", "'replace'", "'skip'"),
    "replacing cancels all": ("replace-count", "math.min(over, #living)", "#living"),
    "a full queue takes more": ("overlap-queue", " and waiting < limits.MOST_WAITING", ""),
    "what gathers is skipped": ("overlap-joins", "'wait'", "'skip'"),
    "an attempt of an instance ends the job itself": ("current", " and not instance", ""),
    "a deadline outlives its run": ("follow-deadline", "timers.drop('deadline', run.id)", ""),
    "nobody hears of a run's end": ("follow-listeners", "== 1", "== 2"),
    "a timer of another kind is ended": ("end-kind", "kind ..", "'delivery' .."),
    "a paused trigger is polled": ("poll-fence", " or not starter.enabled", ""),
    "an earlier poll is put off": ("poll-earlier",),
    "a deleted trigger remembers": ("seen-fence",),
    "a delivery that waits is deleted": ("delivery-waits",),
    "a delivery is deleted too early": ("delivery-age",),
    "the todo of a run is dropped": ("todo-fence",),
    "an upload is dated anew": ("date-fence", " or tonumber(met) > 0", ""),
    "an upload that was begun anew is dropped": ("upload-fence",),
    "an upload is dropped too early": ("upload-age",),
}
"""What is wrong → the line where it is planted (`--@name` in a script), and the text that is replaced in it.

Where no text is given, the line is left out.
"""

on_request = pytest.mark.skipif(not os.environ.get("ORCHESTRATOR_TEST_MUTATIONS"), reason="on request only")


def order_for(script: Path) -> list[str]:
    """Return all tests, those first that are the likeliest to notice a bug in a script."""
    of_starters = script.parent.name in OF_STARTERS
    tests = [*STARTERS, *RUNS, *reversed(MODELS)] if of_starters else [*RUNS, *STARTERS, *MODELS]
    return sorted(tests, key=lambda each: each != script.stem)


def plant(scripts: Path, place: str, right: str = "", wrong: str = "") -> Path:
    """Plant a bug in the line of that name, and return the script that has it."""
    mark = re.compile(rf"^(.*?)\s*--@{place}$", re.M)
    (path,) = (path for path in scripts.rglob("*.lua") if mark.search(path.read_text()))
    text = path.read_text()
    (found,) = mark.finditer(text)
    line = found[1]
    assert line.count(right) == 1 or not right, f"{place} is not as this mutation expects: {line}"
    path.write_text(text.replace(found[0], line.replace(right, wrong) if right else ""))
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
@on_request
@pytest.mark.parametrize("name", ["no bug", *MUTATIONS])
def test_the_bug_is_noticed(name: str, tmp_path: Path) -> None:
    shutil.copytree(Path(orchestrator.__file__).parent, tmp_path / "orchestrator")
    script = SCRIPTS / "no bug"
    if name in MUTATIONS:
        script = plant(tmp_path / "orchestrator" / "state" / "scripts", *MUTATIONS[name])
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
         f"--basetemp={tmp_path}/tests", *(f"tests/engine/test_{each}.py" for each in order_for(script))],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == (name in MUTATIONS), f"{result.stdout[-500:]} {result.stderr[-500:]}"
    print([line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))])


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_bug_can_be_planted(name: str, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(Path(orchestrator.__file__).parent / "state" / "scripts", scripts)
    plant(scripts, *MUTATIONS[name])


def test_every_name_in_a_script_is_of_a_bug() -> None:
    named = [name for path in SCRIPTS.rglob("*.lua") for name in re.findall(r"--@([a-z-]+)$", path.read_text(), re.M)]
    assert sorted(named) == sorted({place for place, *_ in MUTATIONS.values()})
