"""What all commands share: `--json`, groups that load a command when it is called, the Celery app, the client."""

from __future__ import annotations

import difflib
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from orchestrator.model.errors import DefinitionError

if TYPE_CHECKING:
    from celery import Celery

    from orchestrator.client import Client

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Command(click.Command):
    """A command with `--json`, which its function takes as `as_json`. `shape` is what it prints then, see `shapes`."""

    def __init__(self, *args: Any, shape: object, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shape = shape
        self.context_settings = {**CONTEXT_SETTINGS, **self.context_settings}
        self.params.append(click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."))


class Group(click.Group):
    """A group of commands that answers an unknown name with the right ones."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context_settings = {**CONTEXT_SETTINGS, **self.context_settings}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are written."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is refused with the nearest names, or all."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], names)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
            raise click.UsageError(f"no such command: {args[0]}; {hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose commands are named as `module:attribute` with their short help, and imported when called."""

    def __init__(self, *args: Any, lazy: dict[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of their table."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table alone: help must not import them all."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.lazy.items()])


class AppContext:
    """The value of `ctx.obj` under our own command: it imports the Celery app when somebody asks for it.

    Under `celery -A proj orchestrator`, `ctx.obj` is Celery's own object, which has `app` too.
    """

    def __init__(self, name: str | None) -> None:
        self.name = name
        self._app: Celery | None = None

    @property
    def app(self) -> Celery | None:
        """The app that `-A` or `CELERY_APP` names, None without."""
        if self.name and self._app is None:
            from celery.app.utils import find_app

            see_here()
            try:
                self._app = find_app(self.name)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a module may call sys.exit()
                what = " ".join(f"cannot load the Celery app: {_text_of(error)}".split())
                raise DefinitionError(what, where=self.name, remedy="name it as celery -A does") from error
        return self._app


def _text_of(error: BaseException) -> str:
    """Return the text of an error. One that is no `Exception`, such as SystemExit, has its type before it."""
    return str(error) if isinstance(error, Exception) else f"{type(error).__name__}: {error}"


def celery_app() -> Celery | None:
    """Return the Celery app that `-A` or `CELERY_APP` names, None without.

    Raises:
        DefinitionError: the app cannot be loaded.
    """
    app: Celery | None = click.get_current_context().find_root().obj.app
    return app


def app_name() -> str | None:
    """Return the name of the Celery app, as `-A` or `CELERY_APP` gives it; None without."""
    root = click.get_current_context().find_root()
    name: str | None = root.params.get("app")
    return name


def client() -> Client:
    """Return a client that acts for the user, and is closed when the command ends."""
    from orchestrator.cli.provenance import user
    from orchestrator.client import Client

    ctx = click.get_current_context()
    made = Client(app=celery_app()).acting(who=user(), via="cli")
    ctx.call_on_close(made.close)
    return made


def tell_elsewhere(made: Client) -> None:
    """Say on stderr, in one line, that the workers listen to another broker than this process publishes to."""
    from orchestrator.cli.render.output import say
    from orchestrator.model.errors import OrchestratorError

    try:
        line = made.nodes.elsewhere()
    except OrchestratorError:
        return  # no broker is known: whoever publishes says so, and doctor
    if line:
        say(line)


def see_here() -> None:
    """Let names be imported from the current folder, as `celery` and `python` do."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
