"""Expressions: what they give, what they refuse, and that they end; and what docs/reference/expressions.md shows."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.expressions.language import Expression, check_template, fill
from orchestrator.model.complaints import Complaint
from orchestrator.model.errors import DefinitionError, ExpressionError, ParameterError
from support.examples import examples

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text()
PLANNED = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
EVENT = {
    "id": "1",
    "name": "push",
    "time": PLANNED,
    "source": "hook",
    "payload": json.loads(PAGE.split("`event.payload` = `")[1].split("`")[0]),
}
VARIABLES = {"event": EVENT, "events": [EVENT], "planned": PLANNED}


def rows(head: str) -> list[list[str]]:
    """Return the cells of the table that begins with a head, backticks off."""
    lines = PAGE.split(head)[1].splitlines()[2:]
    table = lines[: next(index for index, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip().strip("`") for cell in re.split(r" \| ", line.strip("| "))] for line in table]


@pytest.mark.parametrize(("expression", "wanted"), rows("| expression | gives |"))
def test_examples_of_the_page(expression, wanted):
    assert Expression(expression).value(**VARIABLES) == json.loads(wanted)


@pytest.mark.parametrize(("function", "expression", "wanted"), rows("| function | example | gives |"))
def test_functions_of_the_page(function, expression, wanted):
    assert Expression(expression).value(**VARIABLES) == json.loads(wanted)


@pytest.mark.parametrize(("expression", "wanted"), rows("| expression | error |"))
def test_errors_of_the_page(expression, wanted):
    def checked_value():
        wrong = Expression(expression)
        wrong.check(VARIABLES)
        return wrong.value(**VARIABLES)

    with pytest.raises((DefinitionError, ExpressionError), match=re.escape(wanted)) as caught:
        checked_value()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("true || 1 / 0 > 1", True),
        ("1 / 0 > 1 || true", True),
        ("7 / 2", 3),
        ("1 == '1'", False),
        ("1 < 1.5", True),
        ("null", None),
        ("duration('500ms')", 0.5),
        ("// a remark\n 'a' + \"b\"", "ab"),
        ("type(null) == null_type && type([]) == list && type({}) == map", True),
        ("planned.getHours() == 1 && planned.getDayOfMonth('Asia/Tokyo') == 27", True),
        ("{'b': 1, 'a': {'d': 1, 'c': 2}}", {"a": {"c": 2, "d": 1}, "b": 1}),
    ],
)
def test_values(expression, wanted):
    assert Expression(expression).value(**VARIABLES) == wanted


def test_times_are_utc_to_an_expression_and_after():
    noon = datetime(2027, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert Expression("t.getHours()").value(t=noon) == 10
    assert Expression("[t, t + d]").value(t=noon, d=timedelta(hours=1)) == [
        "2027-03-01T10:00:00.000000+00:00",
        "2027-03-01T11:00:00.000000+00:00",
    ]


def test_keys_of_a_result_have_one_order():
    data = dict.fromkeys("zyxwvutsrqponmlkjihgfedcba", 1)
    assert list(Expression("m").value(m=data)) == sorted(data)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("event.payload.a == other[third]", {"event", "other", "third"}),
        ("l.map(x, x + y).filter(z, z > x)", {"l", "x", "y"}),
        ("x.exists(x, x.y)", {"x"}),
        ("a.all(x, b.exists(y, x == y)) && y", {"a", "b", "y"}),
        ("{a: b, 'c': d.e.f()}".replace(".f()", ""), {"a", "b", "d"}),
        ("'a.b' + r'c\\' + b'''d'''", set()),
        ("type(x) == int && has(m.x)", {"x", "m"}),
        ("x in y ? .a.b : size(z) // w", {"x", "y", "a", "z"}),
    ],
)
def test_names(expression, names):
    assert Expression(expression).names == names


def test_check_says_what_was_meant():
    with pytest.raises(DefinitionError, match=r"no variable 'plannd' \(did you mean 'planned'\?\)"):
        Expression("plannd < planned").check({"planned"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "column 1: not an expression: it ends too early"),
        ("1 +", "column 4: not an expression: it ends too early"),
        ("a\n && * b", "line 2, column 5: not an expression: unexpected"),
        ("'abc", "column 1: not an expression"),
        ("a b", "column 3: not an expression: unexpected 'b'"),
        ("a.?b", "column 2: not an expression: unsupported syntax"),
        ("99999999999999999999", "column 1: not an expression: invalid int"),
        ("nope(1)", "column 1: there is no function nope()"),
        ("1 + eval('x')", "column 5: there is no function eval()"),
        ("a.__class__()", "there is no function __class__()"),
        ("contains('a', 'b')", "it stands behind a value, as in value.contains(…)"),
        ("optional.of(1)", "there is no function of()"),
        ("Foo{a: 1}", "Foo{…} makes a message, and there are none"),
        ("a" * 2001, "2001 characters, and may have 2000"),
        ("+".join("1" * 400), "799 words and signs, and may have 500"),
        ("(" * 33 + "1" + ")" * 33, "column 33: the expression nests deeper than 32 brackets"),
        ("a.map(x, x.map(y, y.map(z, z)))", "column 21: more than 2 macros in each other"),
        ("a.matches(b)", "written as text in place"),
        ("a.matches('x' + 'y')", "written as text in place"),
        ("a.matches('(')", "column 11: not a regular expression"),
        ("a.matches('\\x5cw')", "write the regular expression as raw text"),
        ("a.matches(r'(a{99}){99}')", "takes too long to compile"),
        ("a.matches(r'\\w{999}')", "takes too long to compile"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text, words):
    with pytest.raises(DefinitionError) as caught:
        Expression(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "variables", "words"),
    [
        ("a", {}, "a: the variable 'a' has no value here"),
        ("a.b", {"a": {}}, "there is no key b"),
        ("a.b", {"a": None}, "the types do not fit"),
        ("a < 1", {"a": "x"}, "the types do not fit"),
        ("size(a)", {"a": 1}, "size() does not take what it gets here"),
        ("1.0 / 0.0", {}, "inf, which is not a JSON number"),
        ("b'a'", {}, "the result is bytes, which is not JSON"),
        ("{1: 2}", {}, "the key 1, and JSON has text only"),
        ("a", {"a": 1 << 64}, "a holds a number of more than 64 bits"),
        ("a", {"a": [float("nan")]}, "a holds nan, which is not a JSON number"),
        ("a", {"a": {"b": {1}}}, "a holds a set, which is not JSON"),
        ("a", {"a": {1: 1}}, "a holds the key 1, and JSON has text only"),
        ("a", {"a": "\ud800"}, "text that is not Unicode"),
        ("a", {"a": datetime(2027, 1, 1)}, "a time without a time zone"),
        ("a", {"a": ["x"] * 9000}, "the data is too large"),
        ("a", {"a": "x" * (2 << 20)}, "the data is too large"),
        ("duration('1d')", {}, "duration(): it takes text like '90s'"),
        (
            "timestamp(a).getHours('Nowhere')",
            {"a": "2027-01-01T00:00:00Z"},
            "getHours(): there is no time zone 'Nowhere'",
        ),
        ("timestamp(a).strftime('%c')", {"a": "2027-01-01T00:00:00Z"}, "strftime(): the format '%c'"),
        ("timestamp(a).strftime('%Y', '../../etc/passwd')", {"a": "2027-01-01T00:00:00Z"}, "there is no time zone"),
        ("'abc'.substring(2, 9)", {}, "substring(): there is no part from 2 to 9"),
        ("a.replace('x', a)", {"a": "x" * 1000}, "the text would be longer than 10,000 characters"),
        ("a.split(',')", {"a": "," * 100}, "there are more than 100 parts"),
        ("a.split('')", {"a": "b"}, "the separator is empty"),
    ],
)
def test_what_has_no_value_is_one_clear_line(text, variables, words, capfd):
    with pytest.raises(ExpressionError) as caught:
        Expression(text).value(**variables)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, ParameterError)
    assert caught.value.http_status == 422
    assert capfd.readouterr() == ("", "")


def test_data_deeper_than_the_library_can_bear_is_refused():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ExpressionError, match="nests deeper than 64"):
        Expression("a").value(a=deep)


def test_a_condition_is_a_boolean():
    assert Expression("a > 1").test(a=2) is True
    with pytest.raises(ExpressionError, match="a condition must be true or false, not a number"):
        Expression("a").test(a=1)


def test_only_what_is_named_is_taken_over():
    assert Expression("a").value(a=1, self=object(), text=object()) == 1


def test_expressions_are_values_and_shared_between_threads():
    assert Expression("a") == Expression("a")
    assert len({Expression("a"), Expression("a")}) == 1
    shared = Expression("l.map(x, x + a).size() + a")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda a: shared.value(a=a, l=[1, 2]), range(200))) == [a + 2 for a in range(200)]


# Time

BOMBS = [
    "l.map(x, l)",
    "l.all(x, l.all(y, x + y >= 0))",
    "l.map(x, l.map(y, x + y))",
    "[l]" + "".join(f".map({v}, [{v}, {v}])" for v in "abcdefghijklmnopqrstuvw"),
    "['ab']" + "".join(f".map({v}, {v} + {v})" for v in "abcdefghijklmnopqrstuvw"),
    "+".join(["s"] * 200) + " == ''",
    "[" + ",".join(["l"] * 200) + "]",
    "l.all(x, s.contains('b') || s.matches(r'\\w+\\w+\\w+$') || true)",
    "(l + l + l + l).filter(x, x in l)",
    "l.map(x, s.replace('a', 'b')).size()",
    "[l].map(x, x == x && x == x && x == x).size()",
    "l.map(x, {'a': l, 'b': s})",
]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("items", [5, 50, 500, 5000])
def test_what_could_take_long_is_refused_at_once(bomb, items):
    variables = {"l": list(range(items)), "s": "a" * items * 100}
    expression = Expression(bomb)
    took = []
    for _ in range(3):
        start = time.perf_counter()
        try:
            expression.value(**variables)
        except ExpressionError:
            pass
        took.append(time.perf_counter() - start)
    assert min(took) < 3  # unguarded, these take minutes or never end; how long they may take is measured apart


def test_what_people_write_is_not_refused():
    commit = {"id": "a" * 40, "message": "fix: " + "x" * 60, "url": "https://example.org/" + "a" * 40, "distinct": True}
    commits = [{**commit, "author": {"name": "Ada", "email": "a@b.c"}, "files": ["a", "b"]} for _ in range(50)]
    event = {"ref": "refs/heads/main", "commits": commits, "repository": {f"k{i}": "https://x" for i in range(100)}}
    for text in (
        "event.ref == 'refs/heads/main' && event.commits.exists(c, c.message.matches(r'^fix(\\(\\w+\\))?:'))",
        "event.commits.filter(c, c.distinct).map(c, {'id': c.id, 'who': c.author.name, 'url': c.url})",
        "event.commits.all(c, c.files.all(f, f.size() < 200))",
        "event.commits.map(c, c.message.split(':')[0])",
    ):
        assert Expression(text).value(event=event) is not None


# Anything at all


def _words(text):
    return st.sampled_from(text.split())


_ATOMS = _words(
    r"a b l m s t d x 1 0 -1 2u 1.5 9223372036854775807 'a' '' r'\' b'z' null true [] {} [1,2] {'a':1} {1:2} int"
)


def _grown(inner):
    pair = st.tuples(inner, inner)
    operators = _words("+ - * / % == != < >= && || in")
    macros = _words("map filter all exists exists_one")
    methods = _words(
        "contains startsWith endsWith size split join replace substring indexOf trim getHours getMonth strftime"
    )
    functions = _words("size int uint double string bytes bool timestamp duration type dyn")
    return st.one_of(
        st.tuples(operators, pair).map(lambda v: f"({v[1][0]} {v[0]} {v[1][1]})"),
        st.tuples(macros, pair).map(lambda v: f"{v[1][0]}.{v[0]}(x, {v[1][1]})"),
        st.tuples(methods, pair).map(lambda v: f"{v[1][0]}.{v[0]}({v[1][1]})"),
        st.tuples(methods, inner).map(lambda v: f"{v[1]}.{v[0]}()"),
        st.tuples(functions, inner).map(lambda v: f"{v[0]}({v[1]})"),
        pair.map(lambda v: f"{v[0]}[{v[1]}]"),
        pair.map(lambda v: f"[{v[0]}, {v[1]}]"),
        pair.map(lambda v: f"{{{v[0]}: {v[1]}}}"),
        st.tuples(inner, pair).map(lambda v: f"({v[0]} ? {v[1][0]} : {v[1][1]})"),
        inner.map(lambda v: f"{v}.a"),
        inner.map(lambda v: f"has({v}.a)"),
        inner.map(lambda v: f"-{v}"),
        inner.map(lambda v: f"!{v}"),
    )


_TEXTS = st.recursive(_ATOMS, _grown, max_leaves=12)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abc") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def _only_our_errors(text, variables):
    said = ""
    try:
        json.dumps(Expression(text).value(**variables), allow_nan=False)
    except (DefinitionError, ExpressionError) as error:
        said = str(error)
    assert "\n" not in said


@examples(400)
@given(text=_TEXTS, data=st.fixed_dictionaries(dict.fromkeys("ablmsx", _JSON)))
def test_well_formed_expressions_raise_only_our_errors(text, data):
    _only_our_errors(text, {**data, "t": PLANNED, "d": timedelta(hours=1)})


@examples(300)
@given(text=st.text(alphabet="ax1.0'\"()[]{}+-*/%!&|<>=?:, \\\nrb_u", max_size=40) | st.text(max_size=20), data=_JSON)
def test_any_text_raises_only_our_errors(text, data):
    _only_our_errors(text, {"a": data, "x": data})


# Templates


def test_fill_puts_values_at_any_depth():
    template = {
        "day": {"$expr": "planned.strftime('%Y-%m-%d')"},
        "list": [1, {"deep": {"$expr": "event.payload.size"}}],
        "kept": {"$literal": {"$expr": "as it is", "$other": 1}},
        "plain": "text",
    }
    assert fill(template, **VARIABLES) == {
        "day": "2027-03-28",
        "list": [1, {"deep": 12}],
        "kept": {"$expr": "as it is", "$other": 1},
        "plain": "text",
    }
    assert fill({"$expr": "template"}, template=1) == 1


def test_fill_names_the_place_of_what_fails():
    with pytest.raises(ExpressionError, match=r"params\[0\]: a\.b: there is no key b"):
        fill({"params": [{"$expr": "a.b"}]}, a={})
    with pytest.raises(DefinitionError, match=r"^a: the key '\$expr' begins with"):
        fill({"a": {"$expr": "1", "b": 1}})


def test_check_template_complains_of_everything_at_once():
    template = {
        "a": {"$expr": "plannd"},
        "b": [{"$expr": "1 +"}],
        "c": {"$expr": 1},
        "d": {"$output": "x"},
        "e": {"$expr": "planned"},
        "f": {"$literal": {"$expr": "1 +"}},
    }
    complaints = check_template(template, ["planned"], ("schedules", 0))
    assert [complaint.path for complaint in complaints] == [
        ("schedules", 0, "a", "$expr"),
        ("schedules", 0, "b", 0, "$expr"),
        ("schedules", 0, "c"),
        ("schedules", 0, "d"),
    ]
    assert complaints[1] == Complaint(
        ("schedules", 0, "b", 0, "$expr"), "column 4: not an expression: it ends too early"
    )


def test_a_template_too_deep_is_refused():
    deep: dict = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert "nests deeper than 64" in check_template(deep, [], ())[0].what
    with pytest.raises(DefinitionError, match="nests deeper than 64"):
        fill(deep)
