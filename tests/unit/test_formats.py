"""Formats of JSON Schema: all that the standard names, with texts that are and texts that are not."""

from __future__ import annotations

import pytest
from jsonschema.exceptions import FormatError

from orchestrator.plan.formats import checker

TEXTS = {
    "date-time": ("2027-03-01T02:00:00Z 2027-03-01t02:00:00.5+01:00 2027-03-01T02:00:00 1998-12-31T23:59:60Z",
                  "tomorrow 2027-02-30T00:00:00Z 2027-03-01 2027-03-01T24:00:00Z 2027-03-01T02:00Z"),
    "date": ("2027-03-01", "2027-02-30 20270301 2027-3-1"),
    "time": ("02:00:00Z 23:59:59.5 02:00:00+01:00", "25:00:00 02:00 2am"),
    "duration": ("P1D PT1H30M P1Y2M3DT4H P2W PT0.5S", "P PT 1h P1 PT1D"),
    "email": ("ada@example.org", "ada @ a@ @b"),
    "idn-email": ("ädä@exämple.org", "ädä"),
    "hostname": ("example.org a-b.c localhost", "-a.b a_b a..b " + "a" * 64),
    "idn-hostname": ("exämple.org", "a..b"),
    "ipv4": ("192.0.2.1", "192.0.2 192.0.2.256 01.2.3.4 ::1"),
    "ipv6": ("2001:db8::1 ::1", "2001:db8 192.0.2.1 fe80::1%eth0 :::1"),
    "uri": ("https://example.org/a?b=c#d urn:a:b mailto:a@b", "example.org/a //a http://a:port/ http://ä/ a%zz:"),
    "uri-reference": ("/a?b#c a/b #x https://a", "a%zz \\a ä"),
    "iri": ("https://exämple.org/ä", "/ä http://a:port/"),
    "iri-reference": ("/ä ä#ä", "\\ä"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380 2eb8aa08-aa98-11ea-b4aa"),
    "uri-template": ("/a/{b}{?c*,d:3} {+x}", "/a/{b /a}{ {}"),
    "json-pointer": ("/a/b~0c~1d /", "a /~ /~2"),
    "relative-json-pointer": ("0 1/a 2#", "/a -1/a 01 a"),
    "regex": ("^a+$ [a-z]", "( [a *"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (good, _) in TEXTS.items() for text in good.split()])
def test_a_text_of_the_format_is_taken(name: str, text: str) -> None:
    checker().check(text, name)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (_, bad) in TEXTS.items() for text in bad.split()])
def test_another_text_is_refused(name: str, text: str) -> None:
    with pytest.raises(FormatError):
        checker().check(text, name)


def test_a_value_that_is_no_text_has_no_format_and_other_names_say_nothing() -> None:
    checker().check(7, "date")
    checker().check("x", "of-mine")
