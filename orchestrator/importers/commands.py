"""A short name for a shell command, as people choose it: `cd /srv && nice -n 10 ./backup.sh --all` is `backup`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

SEPARATORS = re.compile(r"&&|\|\||[;|&\n]")
WORD = re.compile(r""""([^"]*)"|'([^']*)'|([^\s"'()`<>{}]+)""")
PREPARATIONS = frozenset({
    "cd", "test", "[", "[[", "export", "set", "unset", ".", "source", "umask", "ulimit", "sleep", "exit", "if", "then",
    "else", "fi", "do", "done", "for", "while", "command", "true", "false", ":", "echo", "printf", "return", "!",
})  # fmt: skip
"""Commands that stand before or after the main command of a line."""
WRAPPERS = frozenset({
    "sudo", "doas", "nice", "ionice", "chrt", "env", "exec", "eval", "nohup", "time", "timeout", "flock", "chronic",
    "setsid", "setlock", "cronlock", "systemd-cat", "stdbuf", "xvfb-run", "bundle", "npx", "uv", "poetry", "run-parts",
})  # fmt: skip
"""Commands that run the command behind them."""
INTERPRETERS = re.compile(r"(python|perl|ruby|php|node|java|bash|sh|dash|zsh|ksh|rscript)[\d.]*", re.I)
SUFFIX = re.compile(r"\.(sh|bash|py|pl|rb|php|js|jar|r)$", re.I)


def program_of(command: str) -> str:
    """Return the name of the program that a command runs, empty if there is none."""
    for part in SEPARATORS.split(command):
        words = [next(filter(None, found), "") for found in WORD.findall(part)]
        name = _name(words)
        if name:
            return name
    return ""


def _name(words: list[str]) -> str:
    wrapper = interpreter = ""
    for word in words:
        base = PurePosixPath(word).name
        if not base or re.match(r"-|[\d.]+[smhd]?$|[A-Za-z_]\w*=", word):
            continue
        if wrapper == "flock":  # its first word is the lock
            wrapper = "locked"
        elif base in WRAPPERS:
            wrapper = base
        elif base in PREPARATIONS and not interpreter:
            return ""
        elif INTERPRETERS.fullmatch(base) and not interpreter:
            interpreter = base
        else:
            return SUFFIX.sub("", base)
    return interpreter
