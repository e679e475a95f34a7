"""Next times of cron expressions, worked out by an independent brute-force stepper."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest

from orchestrator.model.errors import DefinitionError
from orchestrator.timing.cron import Cron

VECTORS = json.loads((Path(__file__).parent / "data" / "cron_vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expr']} {v['tz']} {v['from'][:10]}")
def test_vector(vector):
    cron, wanted = Cron(vector["expr"], tz=vector["tz"]), vector["next"]
    start = datetime.fromisoformat(vector["from"])
    times = list(islice(cron.times(start), len(wanted)))
    assert [time.isoformat() for time in times] == wanted

    # Backwards from the end it is the same list.
    back = [times[-1]]
    while len(back) < len(wanted):
        back.append(cron.prev(back[-1]))
    assert back[::-1] == times


HISTORY = [
    # Samoa left 2011-12-30 out: what was planned on it happens at the first instant of the 31st.
    ("0 12 * * *", "Pacific/Apia", "2011-12-29T11:00:00-10:00",
     ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
    # Kwajalein left 1993-08-21 out, and the wildcard job with it.
    ("0 */12 * * *", "Pacific/Kwajalein", "1993-08-20T11:00:00-12:00",
     ["1993-08-20T12:00:00-12:00", "1993-08-22T00:00:00+12:00"]),
    # On 1969-10-01 it had come to the other side of the date line: 23 hours came twice.
    ("0 6 * * *", "Pacific/Kwajalein", "1969-09-29T12:00:00+11:00",
     ["1969-09-30T06:00:00+11:00", "1969-10-01T06:00:00-12:00"]),
    ("0 */6 * * *", "Pacific/Kwajalein", "1969-09-30T17:00:00+11:00",
     ["1969-09-30T18:00:00+11:00", "1969-09-30T06:00:00-12:00", "1969-09-30T12:00:00-12:00"]),
    # Monrovia's clock was 44 min 30 s behind until 1972.
    ("0 12 * * *", "Africa/Monrovia", "1971-02-01T00:00:00+00:00", ["1971-02-01T12:00:00-00:44:30"]),
    # Newfoundland's clock fell back at 00:01 to 23:01 of the day before: two days run into each other.
    ("30 23 * * *", "America/St_Johns", "2006-10-28T20:00:00-02:30", ["2006-10-28T23:30:00-02:30",
     "2006-10-29T23:30:00-03:30"]),
    ("*/30 23,0 * * *", "America/St_Johns", "2006-10-28T22:00:00-02:30",
     ["2006-10-28T23:00:00-02:30", "2006-10-28T23:30:00-02:30", "2006-10-29T00:00:00-02:30",
      "2006-10-28T23:30:00-03:30", "2006-10-29T00:00:00-03:30", "2006-10-29T00:30:00-03:30"]),
    # Several fixed times in one gap make one run, at its end, with the one planned there.
    ("0,15,30,45 2,3 * * *", "Europe/Paris", "2027-03-28T01:00:00+01:00",
     ["2027-03-28T03:00:00+02:00", "2027-03-28T03:15:00+02:00"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2027-10-03T00:00:00+10:30",
     ["2027-10-03T02:30:00+11:00", "2027-10-04T02:15:00+11:00"]),
    # A wildcard job with little else planned runs in both passes too.
    ("*/30 2 31 10 *", "Europe/Paris", "2027-10-31T01:00:00+02:00",
     ["2027-10-31T02:00:00+02:00", "2027-10-31T02:30:00+02:00", "2027-10-31T02:00:00+01:00",
      "2027-10-31T02:30:00+01:00", "2028-10-31T02:00:00+01:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "zone", "start", "wanted"), HISTORY)
def test_clocks_that_jump(expression, zone, start, wanted):
    cron = Cron(expression, tz=zone)
    times = list(islice(cron.times(datetime.fromisoformat(start)), len(wanted)))
    assert [time.isoformat() for time in times] == wanted
    for earlier, later in pairwise(times):
        assert cron.prev(later) == earlier


SYNTAX = [
    ("0 0 12 * * *", "2027-01-12T00:00:00+00:00"),  # the sixth field is the second; so these are 0 0 12 * *
    ("0 9 * * *  30", "2027-01-01T09:00:30+00:00"),
    ("0 0 * * 5L", "2027-01-29T00:00:00+00:00"),
    ("0 0 * * L5", "2027-01-29T00:00:00+00:00"),
    ("0 0 * * friL", "2027-01-29T00:00:00+00:00"),
    ("0 0 * * MON#1", "2027-01-04T00:00:00+00:00"),
    ("0 0 9W * *", "2027-01-08T00:00:00+00:00"),  # the 9th is a Saturday: the Friday before
    ("0 0 LW * *", "2027-01-29T00:00:00+00:00"),
    ("0 0 L * *", "2027-01-31T00:00:00+00:00"),
    ("5-5 9 * * *", "2027-01-01T09:05:00+00:00"),
    ("0 0 ? * MON", "2027-01-04T00:00:00+00:00"),
    ("0 0 */2 * MON", "2027-01-11T00:00:00+00:00"),  # and: one of the two starts with a star
    ("0 0 13 * FRI", "2027-01-08T00:00:00+00:00"),  # or: neither does
    ("0 22-2 * * *", "2027-01-01T01:00:00+00:00"),
    ("0 0 29 2 *", "2028-02-29T00:00:00+00:00"),
    ("@daily", "2027-01-02T00:00:00+00:00"),
    ("@hourly", "2027-01-01T01:00:00+00:00"),
    ("@weekly", "2027-01-03T00:00:00+00:00"),
    ("@monthly", "2027-02-01T00:00:00+00:00"),
    ("@yearly", "2028-01-01T00:00:00+00:00"),
]


@pytest.mark.parametrize(("expression", "wanted"), SYNTAX)
def test_syntax(expression, wanted):
    assert Cron(expression).next(datetime(2027, 1, 1, tzinfo=UTC)).isoformat() == wanted


FRIDAYS = ("2027-01-01", "2027-01-08", "2027-01-15", "2027-01-22", "2027-01-29")
UNIONS = [
    ("5,5#2", FRIDAYS),  # what is counted adds nothing to every Friday
    ("5L,fri", FRIDAYS),
    ("1,5L", ("2027-01-04", "2027-01-11", "2027-01-18", "2027-01-25", "2027-01-29")),
    ("mon-thu,L5", ("2027-01-04", "2027-01-05", "2027-01-06", "2027-01-07", "2027-01-11")),
    ("sun#1,7,5L", ("2027-01-03", "2027-01-10", "2027-01-17", "2027-01-24", "2027-01-29")),
    ("*,5L", ("2027-01-01", "2027-01-02", "2027-01-03", "2027-01-04", "2027-01-05")),
    ("*/2,5#2", ("2027-01-02", "2027-01-03", "2027-01-05", "2027-01-07", "2027-01-08")),
]


@pytest.mark.parametrize(("weekdays", "wanted"), UNIONS)
def test_counted_weekdays_beside_plain_ones_are_the_union(weekdays, wanted):
    times = islice(Cron(f"0 0 * * {weekdays}").times(datetime(2026, 12, 31, 12, tzinfo=UTC)), len(wanted))
    assert [f"{time:%Y-%m-%d}" for time in times] == list(wanted)


def test_hashes_are_drawn_from_the_id():
    assert Cron("H H * * *", hash_id="a").fields == Cron("H H * * *", hash_id="a").fields
    drawn = {Cron("H * * * *", hash_id=f"nightly-{n}").fields.minutes for n in range(60)}
    assert len(drawn) > 20
    assert Cron("@daily", hash_id="a").fields.hours == (0,)  # croniter would hash it
    with pytest.raises(DefinitionError, match="hash_id"):
        Cron("H * * * *").next(0)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("0 0 30 2 *", "never matches"),
        ("0 0 31 4,6,9,11 *", "never matches"),
        ("61 * * * *", "'61' cannot be read as minute (0 to 59)"),
        ("0 30 9 * * *", "'30' cannot be read as hour"),
        ("0 0 * * 8", "'8' cannot be read as day of week (0 to 7)"),
        ("0 0 * * 5,5#6", "'5,5#6' cannot be read as day of week (0 to 7)"),
        ("0 0 * * ,5#2", "',5#2' cannot be read as day of week (0 to 7)"),
        ("0 0 * * 5#2, 1", "'5#2,' cannot be read as day of week (0 to 7)"),
        ("0 0 * * ?,5#2", "'?,5#2' cannot be read as day of week (0 to 7)"),
        ("* * * *", "4 fields"),
        ("* * * * * * 2027", "7 fields"),
        ("", "0 fields"),
        ("@every 5m", "Every"),
        ("@reboot", "no boot"),
        ("R * * * *", "write H"),
        ("0 22-6/3 * * *", "write the numbers out"),
        ("*/0 * * * *", "cannot be read as minute"),
        ("1," * 400 + "1 * * * *", "over 500 characters"),
    ],
)
def test_bad_expressions_are_one_clear_line(expression, what):
    with pytest.raises(DefinitionError) as caught:
        Cron(expression)
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Europe/Pari", "", "../etc/passwd", "Europe", "x" * 300, "a\0b"])
def test_unknown_zones_are_refused(name):
    with pytest.raises(DefinitionError, match="there is no time zone"):
        Cron("* * * * *", tz=name)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "right/Europe/Paris", "posix/UTC"])
def test_a_zone_that_each_machine_sets_for_itself_is_refused(name):
    with pytest.raises(DefinitionError, match="is not the same on every machine") as refused:
        Cron("* * * * *", tz=name)
    assert refused.value.remedy == "name it as in Europe/Paris or UTC"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("GMT+3", "3 hours ahead of UTC is Etc/GMT-3, where the sign is reversed"),
        ("UTC+3", "3 hours ahead of UTC is Etc/GMT-3"),
        ("utc-05:00", "5 hours behind UTC is Etc/GMT+5"),
        ("+01", "1 hour ahead of UTC is Etc/GMT-1"),
        ("Etc/UTC-1", "1 hour behind UTC is Etc/GMT+1"),
        ("GMT+14", "14 hours ahead of UTC is Etc/GMT-14"),
        ("GMT-13", "no zone of the database has this fixed offset"),
        ("UTC+05:30", "no zone of the database has this fixed offset: name a place, as in Asia/Kolkata"),
        ("UTC+00:00", "write UTC"),
    ],
)
def test_a_fixed_offset_is_answered_with_the_name_of_its_zone(name, remedy):
    with pytest.raises(DefinitionError, match="there is no time zone") as refused:
        Cron("* * * * *", tz=name)
    assert refused.value.remedy.startswith(remedy)
    if "Etc/" in remedy:
        at = Cron("0 12 * * *", tz=remedy.split(" is ")[1].split(",")[0]).next(datetime(2027, 1, 1, tzinfo=UTC))
        hours = int(remedy.split()[0]) * (1 if "ahead" in remedy else -1)
        assert at.utcoffset() == timedelta(hours=hours)


def test_what_is_no_text_is_refused():
    with pytest.raises(DefinitionError, match="None is no cron expression"):
        Cron(None)
    with pytest.raises(DefinitionError, match="None is no time zone"):
        Cron("* * * * *", tz=None)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(DefinitionError, match="has no time zone"):
        Cron("* * * * *").next(datetime(2027, 1, 1))
    with pytest.raises(DefinitionError, match="has no time zone"):
        Cron("* * * * *").prev(datetime(2027, 1, 1))


def test_next_and_prev_are_strict_to_the_millisecond():
    cron = Cron("* * * * *")
    assert cron.next(0) == 60_000
    assert cron.next(-1) == 0
    assert cron.next(59_999) == 60_000
    assert cron.prev(60_000) == 0
    assert cron.prev(60_001) == 60_000
    assert cron.prev(datetime.fromisoformat("1970-01-01T00:00:00.000001+00:00")).timestamp() == 0


def test_the_calendar_ends():
    assert Cron("0 0 1 1 *").next(datetime(9998, 6, 1, tzinfo=UTC)) is None
