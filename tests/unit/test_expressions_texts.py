"""Calls that go through long texts are paid for by the size of the text."""

from __future__ import annotations

import pytest

from orchestrator.expressions.cost import Data, _Work
from orchestrator.expressions.language import Expression
from orchestrator.expressions.reader import read, words_of
from orchestrator.model.errors import TooMuchData

LONG = "ab" * 500_000  # 1 MB
SCANS = [
    "s" + ".upperAscii()" * 120 + " == ''",
    "s" + ".trim()" * 100 + " == ''",
    " || ".join(["s.contains('c')"] * 60),
    " || ".join(["s.indexOf(s) == 1"] * 40),
    " || ".join(["bytes(s) == b'c'"] * 40),
    "s.matches(r'a[ab]{40}c')",
    "s.matches(r'[ab]*a[ab]{20}c')",
    "l.exists(x, s.contains('c'))",
    "l.exists(x, (s + s).contains('c'))",
    "[s].map(x, x + x).map(x, x + x).exists(x, x.contains('c'))",
]


@pytest.mark.parametrize("text", SCANS)
def test_calls_that_go_through_a_long_text_are_refused_by_its_size(text):
    with pytest.raises(TooMuchData, match=r"could take too long on this data \([\d,]+ units of work, and 120,000 are"):
        Expression(text).value(s=LONG, l=list(range(10)))
    assert Expression(text).value(s="ab" * 20, l=[1]) in (True, False)


@pytest.mark.parametrize(
    "text", ["s.upperAscii() == 'AB'", "s.contains('c') && s.trim() == ''", "s.matches(r'^c+$')", "size(s) == 1"]
)
def test_a_long_text_may_be_gone_through_a_few_times(text):
    assert Expression(text).value(s=LONG) is False


@pytest.mark.parametrize(
    ("text", "per_kb"),
    [
        ("s.startsWith('a')", 0),
        ("s.upperAscii() == ''", 50),
        ("s.trim().lowerAscii() == ''", 100),
        ("s.matches(r'^a+$')", 50),
        ("s.matches(r'^[a-z]+-\\d{4}-\\d{2}$')", 50),
        ("s.matches(r'^\\d{4}-\\d{2}-\\d{2}T\\d{2}$')", 50 + 70 * 13),
    ],
)
def test_the_work_of_a_call_grows_with_the_text(text, per_kb):
    reading = read(text, words_of(text))
    small, large = (_Work(reading, Data({"s": "a" * size})).total() for size in (10_240, 20_480))
    assert large - small == pytest.approx(10 * (per_kb + 4))  # the variable itself is 4 units a KB


def test_only_letters_of_ascii_change_their_case():
    assert Expression("s.upperAscii() + s.lowerAscii()").value(s="aÉé€Z𝒳") == "AÉé€Z𝒳aÉé€z𝒳"
