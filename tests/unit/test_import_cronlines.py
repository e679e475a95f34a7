"""A crontab's lines are read as cron reads them: quotes, percent signs, and what it would refuse."""

from __future__ import annotations

import pytest

from orchestrator.importers.cron_lines import Comment, CronJob, Setting, Unreadable, read_lines, split_command


def lines(text: str | bytes, user_field: bool = False) -> list:
    data = text.encode() if isinstance(text, str) else text
    return list(read_lines(data, "tab", user_field))


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("MAILTO=root", "MAILTO", "root"),
        ("  A  =  b c  ", "A", "b c"),
        ("A=", "A", ""),
        ('A=""', "A", ""),
        ("A='  kept  '  ", "A", "  kept  "),
        ("\"A\" = 'b'", "A", "b"),
        ("A=it's", "A", "it's"),
        ("A=b#c", "A", "b#c"),
        ("A=$HOME/bin", "A", "$HOME/bin"),
        ("A=x=y", "A", "x=y"),
    ],
)
def test_settings_are_unquoted_as_cron_does_it(text, name, value):
    (line,) = lines(text + "\n")
    assert isinstance(line, Setting)
    assert (line.name, line.value) == (name, value)


@pytest.mark.parametrize(
    ("text", "command", "stdin"),
    [
        ("date +\\%F", "date +%F", ""),
        ("cat%one%two", "cat", "one\ntwo\n"),
        ("cat%one%", "cat", "one\n"),
        ("cat%", "cat", ""),
        ("cat%%", "cat", "\n"),
        ("cat%50\\% off", "cat", "50% off\n"),
        ("cat%a\\b", "cat", "a\\b\n"),
        ("grep '\\.py$' \\\\x", "grep '\\.py$' \\\\x", ""),
        ("a\\\\%b", "a\\\\", "b\n"),
        ("cat%a\\\\%b", "cat", "a\\%b\n"),
        ("cat%tail\\", "cat", "tail\\\n"),
    ],
)
def test_percent_signs_are_newlines_of_stdin(text, command, stdin):
    assert split_command(text) == (command, stdin)


def test_a_job_keeps_its_command_to_the_last_blank():
    (job,) = lines('*/5 1-3,5 * jan,mar mon-fri\tA="b  c"  /bin/x  # not a comment  ')
    assert job.when == "*/5 1-3,5 * jan,mar mon-fri"
    assert job.command == 'A="b  c"  /bin/x  # not a comment  '
    assert job.user is None


def test_a_system_crontab_names_the_user():
    (job,) = lines("@daily  www-data\t php x.php", user_field=True)
    assert (job.when, job.user, job.command) == ("@daily", "www-data", "php x.php")


def test_options_of_other_crons_are_taken_apart():
    first, second = lines("-*/15 * * * * true\n0 0 * * * -n -q true\n")
    assert (first.options, first.command) == ("-", "true")
    assert (second.options, second.command) == ("nq", "true")


def test_a_setting_is_never_taken_for_a_job_nor_a_job_for_a_setting():
    assert isinstance(lines("0=5 * * * * x")[0], Setting)
    assert isinstance(lines("0 5 * * * X=y z")[0], CronJob)


def test_what_is_not_utf_8_is_told_by_its_line():
    data = "# café\n0 0 * * * echo caf\xe9\n1 0 * * * echo ok\n".encode("latin-1")
    comment, job, good = lines(data)
    assert comment == Comment(1, " caf\\xe9")
    assert job == Unreadable(2, "0 0 * * * echo caf\\xe9", "it is not UTF-8 (byte 19)")
    assert good.command == "echo ok"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("60 * * * * x", "bad minute '60': it takes 0 to 59"),
        ("* 24 * * * x", "bad hour '24'"),
        ("* * 0 * * x", "bad day of month '0'"),
        ("* * * 13 * x", "bad month '13': it takes 1 to 12 and jan to dec"),
        ("* * * * 8 x", "bad day of week '8'"),
        ("* * * * frid x", "bad day of week 'frid'"),
        ("jan * * * * x", "bad minute 'jan'"),
        ("*/0 * * * * x", "a step is a number from 1 on"),
        ("5/15 * * * * x", "a step goes with a range or with *"),
        ("1,,2 * * * * x", "'' is no number, range or step"),
        ("H * * * * x", "bad minute 'H'"),
        ("* * L * * x", "bad day of month 'L'"),
        ("* * * * *", "there is no command"),
        ("* * * * * * x", "there is no command"),
        ("* * *", "there is no month"),
        ("@dayly x", "cron has no '@dayly'"),
        ("@daily", "there is no command"),
        ("nonsense", "bad minute 'nonsense'"),
        ("* * * * * a\0b", "zero byte"),
    ],
)
def test_what_cron_refuses_is_told_by_its_line_and_the_others_are_read(text, what):
    _, wrong, good = lines(f"# first\n{text}\n0 0 * * * good\n")
    assert isinstance(wrong, Unreadable)
    assert wrong.line == 2
    assert what in wrong.why
    assert good.command == "good"


def test_a_missing_user_is_told_with_what_to_do():
    for text in ("* * * * * backup", "* * * * * /srv/backup now"):
        (wrong,) = lines(text, user_field=True)
        assert "--no-user-field" in wrong.why
