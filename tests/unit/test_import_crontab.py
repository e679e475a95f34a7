"""Crontabs become workflows with schedules: nothing is lost in silence, and commands run as cron would run them."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import pytest
from croniter import croniter
from hypothesis import assume, example, given
from hypothesis import strategies as st

from orchestrator.dsl.documents import load, load_all, to_document
from orchestrator.dsl.dollars import escape
from orchestrator.dsl.yaml12 import dump_yaml
from orchestrator.importers.commands import program_of
from orchestrator.importers.cron_users import find_user_field
from orchestrator.importers.crontab import read_crontab
from orchestrator.importers.report import Imported
from orchestrator.model.errors import DocumentError
from orchestrator.starters.schedule import Schedule
from orchestrator_tasks.shell import shell
from support.examples import examples

CRONTABS = Path(__file__).parents[1] / "data" / "crontabs"


def read(text: str | bytes, source: str = "tab", **options: Any) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return read_crontab(data, source, **{"tz": "UTC", **options})


def arguments(document: dict[str, Any]) -> dict[str, Any]:
    kwargs: dict[str, Any] = document["jobs"]["run"]["kwargs"]
    return kwargs


def schedule(document: dict[str, Any]) -> Schedule:
    return Schedule.read("crontab", document["schedules"]["crontab"])


def whys(imported: Imported) -> dict[str, str]:
    return {remark.where.rpartition(":")[2]: remark.why for remark in imported.left}


def test_a_users_crontab():
    imported = read((CRONTABS / "ada").read_bytes(), "ada", tz="Europe/Paris")
    dump, tidy, mail, poll = imported.workflows
    assert dump["name"] == "pg_dump"
    assert dump["description"] == "Nightly dump,\nkept for a week"
    assert dump["schedules"] == {"crontab": {"cron": "15 2 * * *", "tz": "Europe/Paris", "misfire": "skip"}}
    assert dump["jobs"]["run"]["task"] == "orchestrator.shell"
    assert arguments(dump) == {
        "argv": ["/bin/bash", "-c", 'pg_dump shop | gzip > "/srv/dump/$(date +%F).sql.gz"'],
        "env": {
            "SHELL": "/bin/bash",
            "PATH": "/home/ada/bin:/usr/local/bin:/usr/bin:/bin",
            "MAILTO": "ada@example.org",
            "GREETING": "  hello, it's noon  ",
        },
    }
    assert tidy["schedules"]["crontab"]["cron"] == "@daily"
    assert "description" not in tidy
    assert arguments(mail)["stdin"] == "Joe,\n\nWhere are your kids?\n"
    assert poll["name"] == "shop.poll"
    assert poll["schedules"]["crontab"]["tz"] == "Asia/Tokyo"
    assert arguments(poll)["env"]["CRON_TZ"] == "Asia/Tokyo"

    left = whys(imported)
    assert list(left) == ["6", "14", "17", "23"]
    assert "nothing is mailed yet" in left["6"]
    assert "a schedule has no boot" in left["14"]
    assert "0~59 is drawn by chance" in left["17"]
    assert "never matches" in left["23"]
    notes = {remark.where: remark for remark in imported.notes}
    assert notes["ada:22"].what == "0 5 * * 1 tar czf /backup/home.tgz /home/ada"
    assert notes["ada:24"].what == "Nobody reads this"
    assert any("user's own" in remark.what for remark in imported.notes)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("etc/crontab", ["cron.hourly", "cron.daily", "cron.weekly", "cron.monthly"]),
        ("etc/cron.d/e2scrub_all", ["e2scrub_all_cron", "e2scrub_all"]),
        ("etc/cron.d/sysstat", ["debian-sa1", "debian-sa1-2"]),
        ("etc/cron.d/popularity-contest", ["popularity-contest"]),
    ],
)
def test_system_crontabs_are_found_out_and_left_disabled(file, names):
    path = CRONTABS / file
    imported = read(path.read_bytes(), str(path))
    assert [document["name"] for document in imported.workflows] == names
    for document in imported.workflows:
        assert document["schedules"]["crontab"]["enabled"] is False
        assert "root" in document["schedules"]["crontab"]["description"]
        assert arguments(document)["argv"][2].split()[0] != "root"
    assert len(imported.left) == len(names)
    assert all("cron ran it as root" in remark.why for remark in imported.left)
    assert load_all(imported.to_yaml()) == [load(dump_yaml(document)) for document in imported.workflows]


def test_the_picture_of_the_fields_describes_no_job():
    imported = read((CRONTABS / "etc/crontab").read_bytes(), "/etc/crontab")
    assert all("description" not in document for document in imported.workflows)
    assert imported.to_yaml().startswith("# The system's crontab.")


@pytest.mark.parametrize(
    ("text", "source", "found"),
    [
        ("0 0 * * * root x y\n", "tab", True),
        ("0 0 * * * root x y\n0 1 * * * ada backup now\n", "tab", True),
        ("0 0 * * * tar czf x y\n", "tab", False),
        ("0 0 * * * root x y\n0 0 * * * alone\n", "tab", False),
        ("0 0 * * * root x y\n0 0 * * * /bin/x y\n", "tab", False),
        ("0 0 * * * backup now\n", "/etc/cron.d/backup", True),
        ("0 0 * * * root x\n", "/var/spool/cron/crontabs/ada", False),
        ("# nothing\n", "tab", False),
        ("15 3 * * *\tshopd\t/usr/bin/shop-nightly --all\n", "debian/shop.cron.d", True),
        ("15 3 * * * shopd nightly --all\n", "debian/shop.cron.d", True),
        ("15 3 * * * shopd nightly --all\n", "files/cron.d/linux/shop.in", True),
        ("15 3 * * * shopd nightly --all\n", "packaging/shop", False),
        ("15 3 * * *\tshopd\t/usr/bin/shop-nightly --all\n", "packaging/shop", True),
        ("15 3 * * * shopd cd /srv/shop && ./nightly\n", "stdin", True),
        ("15 3 * * * shopd test -x /srv/nightly && /srv/nightly\n", "stdin", True),
        ("15 3 * * * shopd php /srv/nightly.php\nbad\n", "stdin", True),
        ("*/5 * * * * http --check-status GET https://example.org\n", "stdin", False),
        ("*/5 * * * * http example.org\n10 3 * * * curl -fsS https://example.org\n", "stdin", False),
        ("*/5 * * * * http GET example.org\n", "tab", False),
        ("*/5 * * * * http /usr/bin/php -f /srv/cron.php\n", "tab", True),
        ("0 0 * * * mysql shop < clean.sql\n0 0 * * * nginx -s reload\n", "stdin", False),
        ("0 0 * * * redis-cli set a b\n0 1 * * * git pull\n", "stdin", False),
        ("0 0 * * * python3 /usr/bin/poll\n0 1 * * * cp /usr/bin/a /srv\n", "stdin", False),
        ("0 0 * * * root x y\n", "/var/cron/tabs/ada", False),
        ("0 0 * * * root x y\n", "stdin", True),
    ],
)
def test_whether_jobs_name_users(text, source, found):
    assert find_user_field(text.encode(), source)[0] is found
    said = [remark for remark in read(text, source).notes if "--user-field" in remark.why]
    assert len(said) == 1
    said = [remark for remark in read(text, source, user_field=found).notes if "--user-field" in remark.why]
    assert not said


def test_a_bad_line_does_not_lose_the_file():
    imported = read("0 0 * * * one\nnonsense\n60 * * * * two\n# of three\n0 0 * * * three\n0 0 * * * a\0b\n")
    assert [document["name"] for document in imported.workflows] == ["one", "three"]
    assert imported.workflows[1]["description"] == "of three"
    assert [(remark.where, remark.what) for remark in imported.left] == [
        ("tab:2", "nonsense"), ("tab:3", "60 * * * * two"), ("tab:6", "0 0 * * * a\\0b"),
    ]  # fmt: skip
    assert "bad minute '60': it takes 0 to 59" in whys(imported)["3"]


def test_a_line_of_the_system_without_a_user_is_left():
    imported = read("0 0 * * * root one\n0 1 * * * /srv/two now\n0 2 * * * three\n", "/etc/cron.d/shop")
    assert [document["name"] for document in imported.workflows] == ["one"]
    assert "'/srv/two' is no user's name" in whys(imported)["2"]
    assert "--no-user-field" in whys(imported)["3"]


@pytest.mark.parametrize(
    ("text", "where"), [("# first\nnonsense\n", "tab:2"), (b"\x7fELF\0\0\n\0\xff\n", None), ("a b\nc d\n", None)]
)
def test_a_file_without_a_readable_line_is_no_crontab(text, where):
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.where == where
    assert "2 things are wrong" in str(caught.value) or where


def test_settings_hold_for_the_lines_below_only():
    first, second = read("0 0 * * * one\nSHELL=/bin/dash\nHOME=/srv\n0 0 * * * two\n").workflows
    assert arguments(first)["argv"][0] == "/bin/sh"
    assert "cwd" not in arguments(first)
    assert arguments(second)["argv"][0] == "/bin/dash"
    assert arguments(second)["cwd"] == "/srv"


def test_a_command_gets_cron_s_own_defaults():
    (document,) = read("0 0 * * * one\n").workflows
    assert arguments(document)["env"] == {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}


def test_a_comment_belongs_to_the_line_right_below():
    imported = read(
        "# of nothing\n\n# =====\n# of the job\n#\n# and more\n# =====\n0 0 * * * x\n# of the setting\nA=b\n"
    )
    assert imported.workflows[0]["description"] == "of the job\n\nand more"
    assert [remark.what for remark in imported.notes if "above no job" in remark.why] == [
        "of nothing",
        "of the setting",
    ]


def test_jobs_that_are_commented_out_stay_comments_of_the_yaml():
    imported = read("# of on\n#0 3 * * * off\n0 0 * * * on\n\n#@daily last\n")
    (document,) = imported.workflows
    assert document["description"] == "of on"
    assert imported.to_yaml().startswith("# 0 3 * * * off\n# @daily last\nname: 'on'\n")
    assert load_all(imported.to_yaml()) == [load(dump_yaml(document))]
    off = [remark for remark in imported.notes if "commented out" in remark.why]
    assert [(remark.where, remark.what) for remark in off] == [("tab:2", "0 3 * * * off"), ("tab:5", "@daily last")]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("MAILTO=\n0 0 * * * x\n", None, ""),
        ("MAILTO=root\n", None, ""),
        ("a-b=c\n0 0 * * * x\n", "1", "names of letters"),
        ("CRON_TZ=Mars/Base\n0 0 * * * x\n", "2", "no time zone 'Mars/Base'"),
        ("RANDOM_DELAY=never\n0 0 * * * x\n", "1", "no number of minutes"),
        ("0 22-6 * * * x\n", "1", "the range 22-6 goes backwards"),
        ("0 0 * * fri-wed x\n", "1", "the range fri-wed goes backwards"),
        ("0 0 * * * -n x\n", "1", "mails the output of failures only"),
    ],
)
def test_what_cannot_be_said_is_named_by_its_line(text, line, why):
    left = whys(read(text))
    assert list(left) == ([line] if line else [])
    assert why in "".join(left.values())


def test_what_other_crons_have_and_a_schedule_too():
    delayed, single, last = read("RANDOM_DELAY=30\n0 0 * * * a\n0 0 * * * -s b\n0 0 $ * * c\n").workflows
    assert delayed["schedules"]["crontab"]["jitter"] == "30m"
    assert single["schedules"]["crontab"]["overlap"] == "skip"
    assert last["schedules"]["crontab"]["cron"] == "0 0 L * *"


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("""0 0 * * * echo "it's  $GREETING" 'and "$1"' \\$x""", 'it\'s  hi there and "$1" $x\n'),
        ("0 0 * * * cat; echo $0%one%two \\% three", "one\ntwo % three\n/bin/bash\n"),
        ("0 0 * * * for i in 1 2; do printf '\\%d;' $i; done", "1;2;"),
        ("0 0 * * * echo \\\\ $(echo sub | tr a-z A-Z) `echo tick`", "\\ SUB tick\n"),
    ],
)
def test_the_stock_shell_task_runs_the_command_as_cron_would(line, output):
    (document,) = read(f"SHELL=/bin/bash\nGREETING='hi there'\n{line}\n").workflows
    (job,) = load(dump_yaml(document)).jobs
    assert shell(**job.kwargs)["stdout"] == output


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --all", "backup"),
        ("cd /srv/app && FOO=bar nice -n 10 python3 -m shop.poll", "shop.poll"),
        ("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "cron.daily"),
        ("flock -n /tmp/lock /opt/sync.py", "sync"),
        ("[ -d /x ] && find /x -delete", "find"),
        ("/usr/bin/php -q /var/www/cron.php", "cron"),
        ("timeout 5m curl -fsS https://example.org", "curl"),
        ("true", ""),
        ("$(which x)", "$"),
    ],
)
def test_names_say_what_a_command_is_about(command, name):
    assert program_of(command) == name


def test_names_are_valid_and_unique():
    imported = read("0 0 * * * x\n0 1 * * * x\n0 2 * * * ---\n0 3 * * * 'ü'\n0 4 * * * true\n")
    assert [document["name"] for document in imported.workflows] == ["x", "x-2", "cron-job", "cron-job-2", "cron-job-3"]


FIELDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


@st.composite
def expressions(draw: st.DrawFn) -> str:
    fields = []
    for low, high in FIELDS:
        number = st.integers(low, high)
        span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
        step = st.integers(1, high).map(lambda n: f"/{n}")
        part = st.one_of(number.map(str), span, st.builds("".join, st.tuples(span, step)), step.map(lambda s: f"*{s}"))
        fields.append(draw(st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))))
    return " ".join(fields)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), max_size=30)


def escaped(text: str) -> str:
    return text.replace("%", "\\%")


@examples(100)
@example("* * * * *", "a\x85b\u2028c \u2029", ["\x85", "d\r"], "")
@example("* * * * *", " ${A} $${A} $$${ ${", ["${A"], "")
@given(expressions(), texts, st.none() | st.lists(texts, min_size=1, max_size=3), st.sampled_from(["", "root"]))
def test_any_line_keeps_its_command_bytes_and_its_expression(expression, command, stdin, user):
    command = f"x{command}"
    # Cron has no way to write a backslash in front of a percent sign, or at the end of what % ends.
    assume(not any("\\%" in text or text.endswith("\\") for text in (command, *(stdin or ()))))
    line = f"{expression} {user} {escaped(command)}" + "".join(f"%{escaped(part)}" for part in stdin or ())
    imported = read(f"{line}\n", user_field=bool(user))
    assume(imported.workflows)  # 30 February
    (document,) = imported.workflows
    definition = load(imported.to_yaml())
    assert escape(to_document(definition)) == document
    kwargs = definition.jobs[0].kwargs
    assert kwargs["argv"] == ["/bin/sh", "-c", command]
    given_lines = "\n".join(stdin or ())
    assert kwargs.get("stdin", "") == (
        given_lines if not given_lines or given_lines[-1] == "\n" else f"{given_lines}\n"
    )
    assert document["schedules"]["crontab"]["cron"] == expression


@examples(100)
@given(expressions(), st.datetimes(datetime(2025, 1, 1), datetime(2035, 1, 1)), st.booleans())
def test_it_fires_when_croniter_says_so(expression, start, by_month):
    fields = expression.split()
    fields[4 if by_month else 2] = "*"  # of days of month and week together croniter has another opinion than cron
    assume(not re.search(r"\b(\d+)-\1\b", expression))  # and 5-5 is every day to it
    imported = read(f"{' '.join(fields)} x\n")
    assume(imported.workflows)
    start = start.replace(tzinfo=UTC)
    timing = schedule(imported.workflows[0]).planned("x/crontab", {})
    theirs = croniter(" ".join(fields), start)
    assert list(islice(timing.times(start), 5)) == [theirs.get_next(datetime) for _ in range(5)]


def test_days_of_month_and_week_are_either_or_as_in_vixie_s_cron():
    either, both = read("0 0 13 * 5 x\n0 0 */13 * 5 x\n").workflows
    start, end = datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=n) for n in range(1, 365)]

    def fired(document: dict[str, Any]) -> list[datetime]:
        times = schedule(document).planned("x/crontab", {}).times(start)
        return list(takewhile(lambda time: time < end, times))

    assert fired(either) == [day for day in days if day.day == 13 or day.weekday() == 4]
    assert fired(both) == [day for day in days if day.day in (1, 14, 27) and day.weekday() == 4]


def test_letters_of_all_kinds_survive_in_comments_and_names():
    imported = read(f"# {string.printable.replace(chr(10), '')}\n\n# böse: [x] {{y}} 'z\n0 0 * * * échø 'naïve'\n")
    (definition,) = load_all(imported.to_yaml())
    assert definition.description == "böse: [x] {y} 'z"
