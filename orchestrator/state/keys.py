"""The names of all keys of a namespace. The fragment `scripts/lib/core/keys.lua` is its twin; a test compares the two.

All keys of a namespace share a hash tag: a namespace lives in one slot of a Redis Cluster, and a script may build the
names that it learns only while it runs.
"""

from __future__ import annotations


class Keys:
    """Key names of one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.prefix = f"o:{{{namespace}}}:"
        self.meta = f"{self.prefix}meta"
        """hash: clock, set_back, set_back_at, tick, server, incarnation, schema"""
        self.transitions = f"{self.prefix}transitions"
        """stream: an entry has the transitions that one script made in one run (see `state.layouts.records`)"""
        self.timers = f"{self.prefix}timers"
        """zset: `kind/ref` by due ms"""
        self.nodes = f"{self.prefix}nodes"
        """zset: open nodes by lease deadline in ms"""
        self.gone = f"{self.prefix}gone"
        """zset: nodes that were lost in the last hour, by the ms at which they were given up"""
        self.live = f"{self.prefix}live"
        """zset: runs that are not over, by creation in ms"""
        self.ended = f"{self.prefix}ended"
        """zset: runs that are over, by end in ms"""
        self.todos = f"{self.prefix}todos"
        """zset: runs with lines in their `todo`, by the ms of the last touch"""
        self.uploads = f"{self.prefix}uploads"
        """zset: `plan jobs` of uploads that are not sealed, by their date in ms: when a scheduler first met them"""
        self.routes = f"{self.prefix}routes"
        """set: every route that a stored plan uses"""
        self.workflows = f"{self.prefix}workflows"
        """set: every workflow's name"""
        self.schedules = f"{self.prefix}schedules"
        """set: every schedule's id, `workflow/name`"""
        self.triggers = f"{self.prefix}triggers"
        """set: every trigger's id, `workflow/name`"""
        self.backfills = f"{self.prefix}backfills"
        """set: every backfill's id, `workflow/schedule~n`"""
        self.agenda = f"{self.prefix}agenda"
        """zset: schedules by the ms at which they are due next"""
        self.calendars = f"{self.prefix}calendars"
        """hash: a calendar's name → its document as JSON"""
        self.revisions = f"{self.prefix}revisions"
        """hash: a revision's number → the definitions that were applied (see `state.layouts.change_ops`)"""
        self.deliveries = f"{self.prefix}deliveries"
        """zset: deliveries by the ms at which they came"""
        self.hooks = f"{self.prefix}hooks"
        """hash: a webhook's token → its trigger"""
        self.watched = f"{self.prefix}watched"
        """set: workflows with a listener for the ends of their runs"""

    def plan(self, digest: str) -> str:
        """Hash: the head of a plan (see `state.layouts.plans`)."""
        return f"{self.prefix}plan:{digest}"

    def plan_jobs(self, digest: str, bucket: int) -> str:
        """Hash: job index → packed plan entry."""
        return f"{self.prefix}plan:{digest}:{bucket}"

    def plan_edges(self, digest: str, job: int) -> str:
        """Hash: chunk → packed successors, of a job with more than a slice of them."""
        return f"{self.prefix}plan:{digest}:e:{job}"

    def plan_wide(self, digest: str) -> str:
        """Set: the jobs whose successors stand in `plan_edges`."""
        return f"{self.prefix}plan:{digest}:wide"

    def workflow(self, workflow: str) -> str:
        """Hash: latest; v:<version> → digest; d:<digest> → version."""
        return f"{self.prefix}workflow:{workflow}"

    def run(self, run: str) -> str:
        """Hash: the run's own record (see `state.reads.runs`)."""
        return f"{self.prefix}run:{run}"

    def records(self, run: str, bucket: int) -> str:
        """Hash: job index → packed record; a job that only waits has none."""
        return f"{self.prefix}run:{run}:j:{bucket}"

    def counters(self, run: str, bucket: int) -> str:
        """Hash: job index → three counts of ended parents in one integer."""
        return f"{self.prefix}run:{run}:c:{bucket}"

    def outputs(self, run: str) -> str:
        """Hash: job index → output as JSON, only where there is one."""
        return f"{self.prefix}run:{run}:out"

    def errors(self, run: str) -> str:
        """Hash: job index → last error as JSON, only where there is one."""
        return f"{self.prefix}run:{run}:err"

    def todo(self, run: str) -> str:
        """List: work that scripts left for `advance`, a line `kind job offset` each."""
        return f"{self.prefix}run:{run}:todo"

    def ready(self, route: str) -> str:
        """Zset: the route's ready set, `ready_ms:ref` by class, number and run's start."""
        return f"{self.prefix}ready:{route}"

    def since(self, route: str) -> str:
        """Zset: the same members by class and ready ms."""
        return f"{self.prefix}since:{route}"

    def route(self, route: str) -> str:
        """Hash: slots; debt; out:<class>; healing_at:<class> → not again before ms.

        rounds:<class> → how often, and the ids of the broker of the last time.
        """
        return f"{self.prefix}route:{route}"

    def node(self, node: str) -> str:
        """Hash: incarnation, subscriptions, slots, idle, info; slot:<name> → last operation; missed:<name> → beats."""
        return f"{self.prefix}node:{node}"

    def starter(self, starter: str) -> str:
        """Hash: a schedule, trigger or backfill: kind, generation, spec, next … (see `state.layouts.change_ops`)."""
        return f"{self.prefix}starter:{starter}"

    def waiting(self, starter: str) -> str:
        """List: occasions (planned times, deliveries) that wait for room, the oldest first."""
        return f"{self.prefix}starter:{starter}:waiting"

    def living(self, starter: str) -> str:
        """Set: its runs that are not over."""
        return f"{self.prefix}starter:{starter}:living"

    def journal(self, starter: str) -> str:
        """Zset: the results of its occasions, by planned ms (of a trigger: by the ms at which it came)."""
        return f"{self.prefix}starter:{starter}:journal"

    def dataset_joins(self, starter: str) -> str:
        """Hash: dataset → ms and last delivery, of a trigger that waits for several."""
        return f"{self.prefix}starter:{starter}:joins"

    def seen(self, starter: str) -> str:
        """Hash: name → value that was last seen in a trigger's source (see `state.reads.source_memory`)."""
        return f"{self.prefix}starter:{starter}:seen"

    def delivery(self, delivery: str) -> str:
        """Hash: topic, source, body, at; s:<trigger> → its run there, or a word."""
        return f"{self.prefix}delivery:{delivery}"

    def key(self, idempotency: str) -> str:
        """String: run id and request digest."""
        return f"{self.prefix}key:{idempotency}"
