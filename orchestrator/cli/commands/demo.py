"""`orchestrator demo`: a real workflow, on a stack of its own, from start to end."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path

import click

from orchestrator.cli.base import Command
from orchestrator.model import shapes

WORKFLOW = "orchestrator_tasks.examples.sales"
"""The module of the workflow. It is a name only: the engine never imports the tasks."""
NEXT = (
    ("orchestrator up", "an engine of your own, in this terminal"),
    (f"orchestrator submit {WORKFLOW}:nightly_sales", ""),
    ("", "the same run there, from another terminal"),
    ("orchestrator runs list", "what has run"),
)


@click.command(cls=Command, shape=shapes.Demo)
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"),
              show_default=True, metavar="DIR", help="Where the report goes.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True, metavar="N", help="Worker nodes.")
@click.pass_context
def demo(ctx: click.Context, output: Path, workers: int, as_json: bool) -> None:
    """Watch a real workflow run: the nightly sales report, on Celery workers that are started for it.

    It reads the files of five shops in parallel, checks them, adds them up and writes a page with a chart. One of its
    jobs fails once, and is retried. Everything that was started is stopped at the end.
    """
    from orchestrator.cli.processes.signals import stop_on_signals
    from orchestrator.cli.processes.stack import Stack
    from orchestrator.cli.render.gantt import gantt
    from orchestrator.cli.render.live import watch_run
    from orchestrator.cli.render.output import console, print_json, say
    from orchestrator.cli.render.times import now_ms
    from orchestrator.model.states import RunState
    from orchestrator.settings import Settings

    workflow = import_module(WORKFLOW).nightly_sales
    with tempfile.TemporaryDirectory(prefix="orchestrator-demo-") as scratch, stop_on_signals() as stop:
        settings = Settings(redis_url=None, broker_url=None, namespace="default", data_dir=Path(scratch))
        say("starting Redis, a scheduler and workers …")
        with Stack(settings, workers=workers, app=None, tell=say) as stack:

            def tend() -> None:
                stack.tend()
                if stop.is_set():
                    raise KeyboardInterrupt

            assert stack.client is not None
            while not stack.ready:
                tend()
                stop.wait(0.05)
            run = stack.client.submit(workflow, output=str(output.resolve()))
            if as_json:
                while not run.refresh().state.final:
                    tend()
                    stop.wait(0.1)
            else:
                watch_run(stack.client, run, tend)
            jobs, info = run.jobs(), run.refresh().info
            if info.state is not RunState.succeeded:
                say(f"error: {run.failure()}")
                ctx.exit(1)
            report = run.output("report")
        if as_json:
            print_json(shapes.Demo(run=info.to_json(), report=report["report"]))
            return
        print_out = console().print
        print_out()
        print_out(*gantt(jobs, min(console().width, 100), now_ms=now_ms()), sep="\n")
        print_out()
        print_out(f"The report: {report['report']}", soft_wrap=True)
        print_out()
        print_out("What to try next:", style="bold")
        for command, why in NEXT:
            print_out(f"  {command:<36}{why}")
