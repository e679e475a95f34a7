"""The constants that scripts and Python share: each stands here once.

Where a script says `limits.SLICE`, the linker puts the number in. A tuple becomes a Lua table, a text a string. Times
are in ms, sizes in bytes. What stands in stored data (BUCKET, SLICE, CLASS_SCORE …) changes in two releases: first the
readers, then the writers.
"""

from __future__ import annotations

from typing import Final

from orchestrator.model.states import LOST_BUDGET, JobState
from orchestrator.plan.plan import INHERIT_PRIORITY

# -- one script

SLICE: Final = 250
"""Jobs that one script touches. Plans store longer lists in chunks of so many entries."""
MOST_LOST: Final = 100
"""Lost attempts after which one `reap` closes no other node."""
MOST_FIRED: Final = 100
"""Timers that one `fire` applies."""
MOST_DROPPED_HEADS: Final = 50
"""Heads of cancelled runs that one claim drops."""
MOST_ARGUMENTS: Final = 1_000
"""Values that a script gives to one command: `unpack` fails at about 8,000."""
INLINE_INPUTS: Final = 65_536
"""Bytes of inputs that a claim returns; a worker reads larger inputs in slices."""

# -- stored layouts

BUCKET: Final = 128
"""Jobs in one hash of records, counters or plan entries: a hash of so many small values stays a listpack."""
JOB_STATES: Final = len(JobState)
"""Counts in a run's tally, of three bytes each."""
TALLY: Final = ">" + JOB_STATES * "I3"
"""The format of a run's tally, for `struct` of Lua."""
PLAN_ENTRY: Final = 16
"""Bytes of the fixed part of a plan entry; the lists follow it."""
USES_PARAMS: Final = 1
"""The flag of a plan entry whose job uses the parameters of its run."""
FETCH: Final = 2
"""The flag of a plan entry whose job has more inputs than are listed: its worker reads them."""
NODE_NAME: Final = 37
"""Bytes of a node's name in a record, so that a record has at most 64 bytes."""
QUARANTINED: Final = 1
"""The flag of a record whose job run lost too many workers."""
RUN_INDEX: Final = 16_777_215
"""Stands for the run itself where a transition has a job's index."""
NO_STATE: Final = 255
"""Stands for no state before, in the first transition of a run."""
MOST_EXTRA: Final = 65_535
"""Bytes of a transition's extra: its length is packed in two bytes."""
FAILED_COUNT: Final = 2**17
"""A counter is one integer of three 17-bit counts: of parents that succeeded, failed, were skipped."""
SKIPPED_COUNT: Final = 2**34
CLASS_SCORE: Final = 2**51
"""The score in a ready set is class, then rank, then the run's creation in ms: exact below 2^53."""
RANK_SCORE: Final = 2**43
LAST_RANK: Final = 255
"""The rank of a backfill's jobs: they come last in their class."""

# -- order and permits

PATIENCE_MS: Final = (30_000, 60_000, 120_000)
"""How long attempts of the classes high, normal and low wait before an overtaking counts."""
OVERTAKINGS: Final = 9
"""After so many overtakings in a row a claim serves the longest waiting."""
LEAST_PERMITS: Final = 16
"""Permits that may be out on a queue, however few its live slots are."""
PERMITS_PER_SLOT: Final = 4
"""Permits that may be out on a queue for each of its live slots."""
OVERDUE_MS: Final = 2_000
"""After so long beside idle slots a ready attempt gets a permit again."""
EAGER_ROUNDS: Final = 3
"""Rounds of healing before it backs off."""
HEAL_PAUSE_MS: Final = 2_000
HEAL_LONG_PAUSE_MS: Final = 60_000

PASS_ON_MS: Final = 500
PASSES_PER_NODE: Final = 4
"""Permits that nodes which do not know a task pass on in PASS_ON_MS, for each live node."""
UNKNOWN_TASK_MS: Final = 5_000
"""How long an attempt whose task no live node knows is parked, before the nodes are asked again."""

# -- nodes

LEASE_MS: Final = 10_000
"""How long a node lives without a beat."""
OUTAGE_MS: Final = 3_000
"""A longer gap between the reaper's own ticks is an outage of the store: all leases start afresh."""
MISSED_BEATS: Final = 2
"""Beats of a node that do not list a slot, after which the slot is gone."""
QUIET_MS: Final = 5_000
"""How long a node may miss its beats before another process may take over its name: two beats and some."""
NO_ATTEMPT: Final = "-"
"""Stands in a beat and in a slot's record for the attempt of an idle slot."""
SOME_ATTEMPT: Final = "?"
"""Stands in a beat for the attempt of a slot that is given one, or reports the end of one."""
NODE_KEPT_MS: Final = 3_600_000
"""How long the hash of a closed node is kept, for people."""

CLOCK_AHEAD_MS: Final = 60_000
"""How far the namespace's clock may be ahead of Redis. If it is further, Redis' clock was wrong: it is set back."""

# -- starters

MOST_WAITING: Final = 10_000
"""Occasions that wait at a starter."""
MOST_TOGETHER: Final = 1_000
"""Deliveries that one run is for."""
LONGEST_DEBOUNCE: Final = 10
"""A debounced trigger waits at most so many times its `wait_ms`: a steady stream does not hold it back for ever."""
JOURNAL_KEPT: Final = 1_000
"""Entries of a starter's journal."""
REVISIONS_KEPT: Final = 200
"""Revisions of the definitions that can be restored."""
HANDED_MS: Final = 2_000
"""A timer that is handed to a scheduler is due again after so long, in case that the scheduler dies."""
POLL_HANDED_MS: Final = 30_000
"""The same for a poll of a source, which takes longer."""

# -- what is forgotten

VERSIONS_KEPT: Final = 200
"""Registered versions of a workflow that are kept without runs: as many as revisions, which may go back to them."""
KEY_KEPT_MS: Final = 86_400_000
"""How long an idempotency key is kept after its run's creation."""

__all__ = ["INHERIT_PRIORITY", "LOST_BUDGET"]
