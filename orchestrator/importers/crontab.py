"""A crontab as workflows. Each line is one, with a schedule and a single job that runs the command in cron's shell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from orchestrator.importers.commands import program_of
from orchestrator.importers.cron_lines import Blank, Comment, CronJob, Line, Setting, Unreadable, read_job, read_lines
from orchestrator.importers.cron_users import find_user_field
from orchestrator.importers.report import Imported, fit_name
from orchestrator.model.complaints import listing
from orchestrator.model.errors import DefinitionError, DocumentError
from orchestrator.timing.cron import Cron

DEFAULTS = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
"""The variables of a job whose crontab does not set them."""
MAIL = ("MAILTO", "MAILFROM", "CONTENT_TYPE", "CONTENT_TRANSFER_ENCODING")
FIT_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
EXPLANATION = re.compile(
    r"[|│][|│\s]*$|(\*\s+){4}\*\s*$|[-+.|│┌└─]+\s*(min(ute)?|hour|day|month|weekday)\b"
    r"|(minute|hour|day of \w+|month)s? *\(\d|m\s+h\s+d|.*\bcommand to be executed",
    re.IGNORECASE,
)
"""Lines of the usual picture that explains the five fields, and the heading above them."""
RULER = re.compile(r"[-=*#~_+\s]*")


def read_crontab(data: bytes, source: str, *, tz: str, user_field: bool | None = None) -> Imported:
    """Convert a crontab.

    `source` is its path. `tz` is the zone that its times follow where no `CRON_TZ` says another. `user_field` tells
    whether each job names its user, as in /etc/crontab and /etc/cron.d; with None this is found out and noted.

    A line that cron would refuse is left, with the reason, and the others are converted. (Cron refuses the whole file.)

    Raises:
        DocumentError: no job can be read, and some lines cannot: this is no crontab.
    """
    imported = Imported()
    if user_field is None:
        user_field, why = find_user_field(data, source)
        how = "read as a system crontab" if user_field else "read as a user's own crontab"
        imported.note(source, how, f"{why} (--user-field or --no-user-field says otherwise)")
    lines = list(read_lines(data, source, user_field))
    unreadable = [line for line in lines if isinstance(line, Unreadable)]
    if unreadable and not any(isinstance(line, CronJob) for line in lines):
        wrong = [DocumentError(line.why, where=f"{source}:{line.line}") for line in unreadable]
        raise wrong[0] if len(wrong) == 1 else DocumentError(listing(wrong))
    _Reader(imported, source, tz).read(lines)
    return imported


def _is_job(text: str) -> bool:
    """Tell whether a line is a job of a user's own crontab."""
    try:
        read_job(0, text.strip(" \t"), "", user_field=False)
    except DocumentError:
        return False
    return True


class _Reader:
    """Converts the lines in their order. A setting holds for the jobs below it, a comment describes the next line."""

    def __init__(self, imported: Imported, source: str, tz: str) -> None:
        self.imported = imported
        self.source = source
        self.tz = tz
        self.variables: dict[str, str] = {}
        self.comments: list[Comment] = []

    def read(self, lines: Sequence[Line]) -> None:
        """Convert all lines."""
        jobs = [line for line in lines if isinstance(line, CronJob)]
        for line in lines:
            if isinstance(line, Comment):
                self.comments.append(line)
                continue
            comments = self._description()
            match line:
                case CronJob():
                    self._job(line, comments)
                case Setting():
                    self._setting(line, any(job.line > line.line for job in jobs))
                case Unreadable():
                    self._leave(line, line.why)
                case Blank():
                    pass
            if not isinstance(line, CronJob):
                self._loose(comments)
        self._loose(self._description())
        if jobs:
            how = "clock changes are met as by Vixie's and Debian's cron: no fixed time is lost or doubled"
            self.imported.note(self.source, f"times follow {self.tz} where no CRON_TZ stands above", how)
            what = "cron starts commands in the home folder of its user and mails what they print"
            why = (
                "a worker starts them in its own folder (the job's cwd says another), and keeps the output with the run"
            )
            self.imported.note(self.source, what, why)

    def _description(self) -> list[Comment]:
        """Take the comments right above a line, without commented-out jobs and without explanations of the fields."""
        comments, self.comments = self.comments, []
        pictures = [
            at
            for at, comment in enumerate(comments)
            if comment.text.strip() and EXPLANATION.match(comment.text.strip())
        ]
        if pictures:
            self._loose(comments[: pictures[-1] + 1])
            comments = comments[pictures[-1] + 1 :]
        kept = []
        for comment in comments:
            if _is_job(comment.text):
                why = "a job that is commented out: not imported"
                self.imported.comment(self._where(comment), comment.text.strip(), why)
            else:
                kept.append(comment)
        return kept

    def _loose(self, comments: list[Comment]) -> None:
        if any(comment.text.strip() for comment in comments):
            lines = [comment.text.removeprefix(" ") for comment in comments]
            self.imported.comment(self._where(comments[0]), "\n".join(lines).strip("\n"))

    def _setting(self, line: Setting, used: bool) -> None:
        name, value = line.name, line.value
        if not FIT_VARIABLE.fullmatch(name):
            self._leave(line, "a task's variables have names of letters, digits and '_', so jobs go without this one")
            return
        self.variables[name] = value
        if not used:
            return
        if name in MAIL and value:
            self._leave(line, "nothing is mailed yet; the variable is kept in the job's env")
        elif name == "RANDOM_DELAY" and not _delay(value):
            self._leave(line, "it is no number of minutes from 0 to 1440, so runs are not delayed")
        elif name == "TZ" and "CRON_TZ" not in self.variables:
            self.imported.note(self._where(line), line.text, "the zone of the commands; the times do not follow it")

    def _job(self, line: CronJob, comments: list[Comment]) -> None:
        reason = self._refusal(line)
        if reason:
            self._leave(line, reason)
            self._loose(comments)
            return
        document: dict[str, Any] = {"name": fit_name(program_of(line.command), "cron-job")}
        texts = [comment.text.strip() for comment in comments]
        description = "\n".join("" if RULER.fullmatch(text) else text for text in texts).strip()
        if description:
            document["description"] = description
        document["schedules"] = {"crontab": self._schedule(line)}
        document["jobs"] = {"run": {"task": "orchestrator.shell", "kwargs": self._arguments(line)}}
        if not self.imported.add(document, self._where(line), line.text):
            self._loose(comments)
            return
        if line.user is not None:
            why = f"cron ran it as {line.user}, a worker runs commands as its own user: the schedule is left disabled"
            self._leave(line, why)
        if "n" in line.options:
            self._leave(line, "-n mails the output of failures only, and nothing is mailed yet")
        if set(line.options) & {"-", "q"}:
            self.imported.note(self._where(line), line.text, "the leading - or -q is about cron's log only")
        if line.command.endswith("\r"):
            self.imported.note(self._where(line), line.text, "the command ends with a carriage return, as in cron")

    def _refusal(self, line: CronJob) -> str | None:
        """Return why a line cannot be a schedule, None if it can."""
        if line.when == "@reboot":
            return "a schedule has no boot: submit the workflow when the service starts"
        if line.doubt:
            return line.doubt
        try:
            Cron(_expression(line), self.variables.get("CRON_TZ") or self.tz)
        except DefinitionError as error:
            return error.what
        return None

    def _schedule(self, line: CronJob) -> dict[str, Any]:
        tz = self.variables.get("CRON_TZ") or self.tz
        schedule: dict[str, Any] = {"cron": _expression(line)}
        if tz != "UTC":
            schedule["tz"] = tz
        delay = _delay(self.variables.get("RANDOM_DELAY", "0"))
        if delay:
            schedule["jitter"] = f"{delay}m"
        if "s" in line.options:
            schedule["overlap"] = "skip"
        schedule["misfire"] = "skip"  # cron skips the times at which it did not run
        if line.user is not None:
            schedule["enabled"] = False
            schedule["description"] = f"Disabled by the import: cron ran it as {line.user}, a worker as its own user."
        return schedule

    def _arguments(self, line: CronJob) -> dict[str, Any]:
        variables = {**DEFAULTS, **self.variables}
        arguments: dict[str, Any] = {"argv": [variables["SHELL"], "-c", line.command], "env": variables}
        if variables.get("HOME"):
            arguments["cwd"] = variables["HOME"]
        if line.stdin:
            arguments["stdin"] = line.stdin
        return arguments

    def _leave(self, line: CronJob | Setting | Unreadable, why: str) -> None:
        self.imported.leave(self._where(line), line.text, why)

    def _where(self, line: Line) -> str:
        return f"{self.source}:{line.line}"


def _expression(line: CronJob) -> str:
    """Return the expression as `Cron` reads it: `$` for the last day of the month becomes `L`."""
    fields = line.when.split()
    return " ".join("L" if at == 2 and field == "$" else field for at, field in enumerate(fields))


def _delay(value: str) -> int | None:
    """Return cronie's RANDOM_DELAY in minutes, None if cronie would not take it."""
    found = re.match(r"\s*(\d{1,5})", value, re.ASCII)
    return int(found[1]) if found and int(found[1]) <= 24 * 60 else None
