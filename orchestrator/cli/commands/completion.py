"""`orchestrator completion`: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from orchestrator.cli.base import Command
from orchestrator.model import shapes

WHERE = {
    "bash": "~/.local/share/bash-completion/completions/orchestrator",
    "zsh": "a file _orchestrator in a folder of your $fpath",
    "fish": "~/.config/fish/completions/orchestrator.fish",
}


@click.command(cls=Command, shape=shapes.Completion)
@click.argument("shell", type=click.Choice(sorted(WHERE)))
def completion(shell: str, as_json: bool) -> None:
    """Print the completion script of a shell.

    \b
    bash   eval "$(orchestrator completion bash)"     in ~/.bashrc
    zsh    eval "$(orchestrator completion zsh)"      in ~/.zshrc
    fish   orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
    """
    from orchestrator.cli.main import orchestrator
    from orchestrator.cli.render.output import print_json

    made = get_completion_class(shell)
    assert made is not None
    script = made(orchestrator, {}, "orchestrator", "_ORCHESTRATOR_COMPLETE").source()
    if as_json:
        print_json(shapes.Completion(shell=shell, script=script, file=WHERE[shell]))
    else:
        click.echo(script)
