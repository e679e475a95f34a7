"""Would the tests notice? Each mutation plants one bug in the scripts; the engine's tests have to fail of it.

Slow (minutes), so only on request: `ORCHESTRATOR_TEST_MUTATIONS=1 pytest tests/engine/test_mutations.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator

ROOT = Path(__file__).parents[2]
TESTS = [
    *("finish", "claim", "settle", "beat", "heal", "reap", "nodes", "order", "fire", "create_run", "put_plan"),
    *(
        "cancel",
        "advance",
        "forget",
        "memory",
        "machine",
        "start_planned",
        "pass_over",
        "start_waiting",
        "drop_waiting",
    ),
    *("deliver", "offer", "definitions", "schedules", "starters_machine"),
]
MUTATIONS = {
    "finish has no fence": ("finish", " or this.ref ~= ref", ""),
    "finish answers no repetition": ("finish", "if op == this.op then", "if false then"),
    "finish takes late operations": ("finish", "op < this.op or ", ""),
    "finish does not write a removal first": ("finish", "slots.drop(this)", "redis.call('HSET', this.key, 'x', 1)"),
    "claim loses nothing": ("claim", "if this.ref then outcomes.lose(this.ref) end", ""),
    "claim forgets what it said": ("claim", "if op == this.op then", "if false then"),
    "claim counts no permit down": ("claim", "permits.arrived(route, class)", ""),
    "claim passes no permit on": ("claim", "if not ref then take.pass(subscriptions) end", ""),
    "settle leaves the slot": ("settle", "slots.drop(this)", ""),
    "a permit is lost": ("lib/ready", "  permits.add(route, class)\n", ""),
    "a member stays in the since set": ("lib/ready", "  redis.call('ZREM', keys.since(route), found)\n", ""),
    "the budget is one too large": ("lib/outcomes", "r.losses < LOST_BUDGET", "r.losses <= LOST_BUDGET"),
    "a returned attempt costs": ("lib/outcomes", "outcome == 'returned'", "false", 2),
    "losses are not told to the jobs behind": ("lib/outcomes", "    admit.ended(run, r, 0)\n  end", "  end"),
    "one overtaking too many": ("lib/fairness", "OVERTAKINGS = 9", "OVERTAKINGS = 10"),
    "patience is mixed up": ("lib/fairness", "{30000, 60000, 120000}", "{30000, 120000, 60000}"),
    "a worker that may not take sets the count back": ("lib/fairness", " and not barred", ""),
    "cancel leaves timers": ("advance", "      timers.drop('retry', records.ref(this, r))\n", ""),
    "cancel leaves the ready set": ("advance", "      ready.remove(this, r)\n", ""),
    "advance costs nothing": ("lib/decide", "  admit.left = admit.left - told\n", "", 2),
    "fire ignores the attempt": ("fire", "r.attempt ~= attempt or ", ""),
    "fire starts in a cancelled run": ("fire", "run and not run.requested_end and records", "run and records"),
    "fire keeps the timer": ("fire", "  redis.call('ZREM', keys.timers, timer)\n", ""),
    "a cancelled run's head is started": ("lib/claiming", "if run.requested_end then", "if false then"),
    "a run ends with running jobs": (
        "lib/run_end",
        "return final + run.counts[job.waiting + 1] == run.total",
        "return true",
    ),
    "a run ends with todo": ("lib/runs", "  if redis.call('LLEN', keys.todo(run.id)) > 0 then return end\n", ""),
    "a skip hides a failure": ("lib/decide", "if failed > 0 then", "if failed > 0 and skipped == 0 then"),
    "one beat is enough": ("beat", "MISSED_BEATS = 2", "MISSED_BEATS = 1"),
    "a beat kills nothing": ("beat", "if why then", "if false then"),
    "an outage is a death": ("reap", "OUTAGE, MOST = 3000", "OUTAGE, MOST = 300000"),
    "another server is no outage": ("reap", " or known[2] ~= server", ""),
    "a closed node keeps its attempts": ("lib/nodes", "if ref then lost = lost + outcomes.lose(ref, free) end", ""),
    "a closed node keeps its slots": (
        "lib/nodes",
        "  if known[3] then count_slots(known[1], -tonumber(known[2])) end\n",
        "",
    ),
    "leaving costs budget": ("leave", "nodes.close(node, true)", "nodes.close(node)"),
    "no bound on permits": ("lib/permits", "permits = math.min(permits, most - tonumber(known[1] or 0))", ""),
    "healing does not back off": (
        "lib/healing",
        "EAGER, PAUSE, LONG_PAUSE = 2000, 3",
        "EAGER, PAUSE, LONG_PAUSE = 2000, 30",
    ),
    "healing counts nobody's slots": ("lib/healing", "math.min(overdue, idle_slots(route, class))", "overdue"),
    "a key is not kept": ("create_run", "if key ~= '' then redis.call('SET'", "if false then redis.call('SET'"),
    "the deadline is not set": ("lib/new_run", "if plan.deadline > 0 then", "if false then"),
    "forget leaves counters": ("forget", "keys.records(run, b), keys.counters(run, b)", "keys.records(run, b)"),
    "the clock goes back": ("lib/clock", "math.max(now, mark)", "now"),
    "the clock is not kept": ("beat", "clock.keep()\n", ""),
    "an error outlives success": (
        "lib/outcomes",
        "if r.attempt > 1 then redis.call('HDEL'",
        "if false then redis.call('HDEL'",
    ),
    "an upload is sealed half": ("put_plan", "if not workflows.uploaded(plan) then return {'noplan'} end", ""),
    "a planned time starts twice": ("start_planned", " or s.next ~= planned", ""),
    "an old definition starts runs": ("start_planned", "s.generation ~= generation or ", ""),
    "the same time is planned again": (
        "start_planned",
        "  starters.plan(s, next, due)\n  past.started",
        "  past.started",
    ),
    "what is passed over is not told": ("pass_over", "past.note(s, last, word, detail)\n", ""),
    "what waits starts twice": ("start_waiting", " or starters.head(s) ~= occasion", ""),
    "what has come since is left behind": (
        "start_waiting",
        " or (count < most and part == 0)",
        "",
    ),
    "a batch does not wait": ("start_waiting", " or wakes.ripe(s, waiting) > clock.now", ""),
    "more live than may": ("start_waiting", " or starters.room(s) <= 0", ""),
    "the rest is not woken for": ("start_waiting", "wakes.arm(s)\n", ""),
    "what is dropped goes on waiting": ("drop_waiting", "redis.call('LTRIM', keys.waiting(id), count, -1)\n", ""),
    "a delivery is taken twice": (
        "deliver",
        "if redis.call('EXISTS', keys.delivery(delivery)) == 1 then",
        "if false then",
    ),
    "a delivery is not handed out": ("deliver", "timers.set('delivery', delivery, clock.now)\n", ""),
    "a delivery is offered twice": ("offer", "if redis.call('HGET', key, field) then return {'known'} end\n", ""),
    "a delivery is forgotten": (
        "offer",
        "for _, each in ipairs(whole) do redis.call('RPUSH', keys.waiting(id), each) end\n",
        "",
    ),
    "handed timers are gone with who has them": (
        "fire",
        "    timers.set(kind, ref, clock.now + LEASES[kind])\n",
        "",
    ),
    "an edit is refused to nobody": (
        "lib/change_ops",
        "  return op[2] == generation or",
        "  return true or op[2] == generation or",
    ),
    "generations come again": (
        "lib/pauses",
        "redis.call('HSET', key, 'generation', redis.call('HGET', keys.meta, 'edits'))",
        "redis.call('HINCRBY', key, 'generation', 1)",
    ),
    "an edit passes over in silence": ("lib/definitions", "  pauses.overtaken(id, given.next)\n", ""),
    "an old token still leads somewhere": ("lib/definitions", "redis.call('HDEL', keys.hooks, before[2])", ""),
    "a set of datasets outlives an edit": (
        "lib/definitions",
        "if before[3] ~= given.spec then heard.clear(id) end",
        "",
    ),
    "a run that is over lives on": (
        "lib/journal",
        "if redis.call('SREM', keys.living(run.starter), run.id) == 0 then return end",
        "",
    ),
    "the runs of another concern it": (
        "lib/journal",
        ", run.id) == 0 then return end",
        ", run.id) == 2 then return end",
    ),
    "the end of a run makes no room": ("lib/journal", "    wakes.arm(each)\n", ""),
    "the gate stays shut": ("lib/journal", "'last_end', run.state, ", "'last_end', state.failed, "),
    "the gate goes by any run": (
        "lib/journal",
        " or tonumber(run.occasion) < tonumber(known[2] or 0) then",
        " then",
    ),
    "two outcomes of one time": ("lib/journal", "  if is_planned(s) then past.lift(s, occasion) end\n", ""),
    "a shut gate is not asked for": ("lib/starters", "  if starters.closed(s) then return 0 end\n", ""),
    "the due time is not stored": ("lib/starters", "'next', next, 'due', due)", "'next', next)"),
    "debounce counts from the first": ("lib/start_timers", "came(s, -1)", "came(s, 0)"),
    "a pause wakes": ("lib/start_timers", " or not s.enabled", ""),
    "the newest is skipped": ("lib/overlaps", "return 'replace'", "return 'skip'"),
    "replacing cancels all": ("lib/overlaps", "math.min(over, #living)", "#living"),
    "a full queue takes more": ("lib/overlaps", " and waiting < starters.MOST", ""),
    "what gathers is skipped": (
        "lib/overlaps",
        "then return 'wait' end  -- it joins",
        "then return 'skip' end  -- it joins",
    ),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not os.environ.get("ORCHESTRATOR_TEST_MUTATIONS"), reason="on request only"),
]


@pytest.mark.parametrize("name", ["no bug", *MUTATIONS])
def test_the_bug_is_noticed(name: str, tmp_path: Path) -> None:
    shutil.copytree(Path(orchestrator.__file__).parent, tmp_path / "orchestrator")
    if name in MUTATIONS:
        script, right, wrong, *times = MUTATIONS[name]
        path = tmp_path / "orchestrator" / "state" / "scripts" / f"{script}.lua"
        text = path.read_text()
        assert text.count(right) == (times[0] if times else 1), f"{script} is not as this mutation expects"
        path.write_text(text.replace(right, wrong))
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider",
         *(f"tests/engine/test_{each}.py" for each in TESTS)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == (name in MUTATIONS), f"{result.stdout[-500:]} {result.stderr[-500:]}"
    print([line for line in result.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))])
