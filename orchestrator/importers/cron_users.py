"""Whether the jobs of a crontab name their users, as those of the system do, found out by its path and its lines."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Literal

from orchestrator.importers.commands import INTERPRETERS, PREPARATIONS, WRAPPERS
from orchestrator.importers.cron_lines import USER, CronJob, read_lines, split_word

USERS = frozenset({
    "root", "www-data", "nobody", "daemon", "postgres", "redis", "apache", "munin", "logcheck", "smmsp", "debian-spamd",
    "amavis", "clamav", "nagios", "jenkins", "ubuntu", "debian",
})  # fmt: skip
"""Users that a system crontab is likely to name, and whose names are no commands that a crontab would run."""
COMMANDS = frozenset({
    "cat", "chmod", "chown", "cp", "curl", "docker", "du", "find", "head", "install", "ln", "ls", "make", "mkdir", "mv",
    "rm", "rsync", "scp", "ssh", "tail", "tar", "touch", "wget", "which", "xargs",
})  # fmt: skip
"""Commands that are no users, and that the path of a program may follow."""
_PROGRAM = re.compile(r"(/usr(/local)?|/opt/[^\s/]+)?/s?bin/\S")
"""The path of a program that is installed."""
_COMMAND = re.compile(
    r"(cd|\[\[?|nice|ionice|chrt|nohup|flock|chronic|setsid|timeout|run-parts|systemd-cat|(python|perl|php|ruby|bash|sh)[\d.]*)"
    r"\s|test\s+(!\s+)?-[a-z]\s"
)
"""The beginning of a command that is no subcommand or argument of another."""

ReadAs = Literal["system", "own", "either"]


def find_user_field(data: bytes, source: str) -> tuple[bool, str]:
    """Return whether the jobs of a crontab name their users, and the reason to think so."""
    path = PurePath(source)
    if "cron.d" in path.parts[:-1] or path.match("etc/crontab"):
        return True, f"by its path, {path.parent.name}/{path.name}"
    if re.search(r"(^|[._-])cron\.d([._-]|$)", path.name):
        return True, f"by its name, {path.name}, as packages name what they put into cron.d"
    if "crontabs" in path.parts[:-1] or len({"spool", "cron", "tabs"} & set(path.parts[:-1])) > 1:
        return False, "by its path in the spool"
    jobs = [line for line in read_lines(data, source, user_field=False) if isinstance(line, CronJob)]
    found = {_read_as(job): job for job in reversed(jobs)}
    if "own" in found:
        return False, f"line {found['own'].line} has no user's name after its times"
    if "system" in found:
        job = found["system"]
        return True, f"line {job.line} has a user's name ({job.command.split(maxsplit=1)[0]}) after its times"
    return False, "no job has what can only be a user's name after its times"


def _read_as(job: CronJob) -> ReadAs:
    """Tell whether the command of a job, read as one of a user's own crontab, begins with a user's name."""
    user, rest = split_word(job.command)
    if job.options.strip("-") or not USER.fullmatch(user) or not rest or rest[0] in "<>|&;-#":
        return "own"
    if user in USERS:
        return "system"
    if user in WRAPPERS | PREPARATIONS | COMMANDS or INTERPRETERS.fullmatch(user):
        return "own"
    return "system" if _PROGRAM.match(rest) or _COMMAND.match(rest) else "either"
