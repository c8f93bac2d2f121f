"""Forms: what is kept, what is refused, what is said, what changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.packs import read_pack
from services.errors import InvalidInputError
from services.process.forms import (
    ROW_ID,
    Change,
    FormContext,
    FormDefinition,
    clean,
    describe,
    diff,
    flatten,
    parse_form_post,
    shown,
    validate,
    yuan,
)
from services.process.forms.definition import AttachmentsField, ChoiceField, RowsField

PACK = Path(__file__).resolve().parents[2] / "programmes" / "qingdao-qiangji"
FORM = read_pack(PACK).form("annual-plan")
YEAR = FormContext.of_year(2027)

PLAN = {
    "goals": {"items": [{"goal": "省赛", "indicator": "一等奖人数", "target": "6", "unit": "人", "by": "2027-11-30"}]},
    "trainees": {
        "number": "50",
        "method": "written_test",
        "procedure": "学校推荐，\n项目组测试。",
        "conditions": [{"condition": "高一在读", "check": "学籍"}],
    },
    "management": {"rules": [{"matter": "考勤", "rule": "每次签到", "coach": "孟星河"}]},
    "training": {
        "sessions": [
            {
                "title": "数论",
                "mode": "offline",
                "starts": "2027-03-06",
                "ends": "2027-03-07",
                "hours": "12",
                "place": "一中",
                "teacher": "叶清秋",
            }
        ]
    },
    "budget": {
        "lines": [
            {"head": "daily", "item": "授课", "quantity": "120", "price": "900", "amount": "108,000.00"},
            {"head": "reward", "item": "奖励", "quantity": "12", "price": "1000", "amount": "１２０００"},
        ],
        "daily": "108000",
        "reward": "12000.00",
        "total": "120000",
    },
}


def plan(**changes: object) -> dict:
    """Return the raw plan with values replaced by path, `__` for the dots."""
    raw = copy.deepcopy(PLAN)
    for path, value in changes.items():
        *keys, last = [int(key) if key.isdigit() else key for key in path.split("__")]
        at: object = raw
        for key in keys:
            at = at[key]  # type: ignore[index]
        at[last] = value  # type: ignore[index]
    return raw


def problems(raw: dict) -> dict[str, tuple[str, str]]:
    found = validate(FORM, clean(FORM, raw), context=YEAR)
    assert len({problem.path for problem in found}) == len(found)
    return {problem.path: (problem.code, problem.message.in_("en")) for problem in found}


def test_a_complete_plan_has_no_problems():
    data = clean(FORM, PLAN)
    assert problems(PLAN) == {}
    assert data["budget"]["total"] == 12_000_000
    assert [line["amount"] for line in data["budget"]["lines"]] == [10_800_000, 1_200_000]
    assert data["attachments"] == {"files": []}
    json.dumps(data)


@pytest.mark.parametrize("part", ["goals", "trainees", "management", "training", "budget"])
@pytest.mark.parametrize("empty", [None, {}])
def test_each_of_the_five_parts_is_demanded(part, empty):
    """QD-14"""
    raw = plan(**{part: empty})
    assert problems(raw)[part][0] == "part-missing"


def test_attachments_may_be_missing():
    assert "attachments" not in problems(plan(attachments={"files": []}))


def test_a_51st_trainee_is_refused():
    """QD-02"""
    code, words = problems(plan(trainees__number="51"))["trainees.number"]
    assert code == "too-large"
    assert "at most 50" in words
    assert words.startswith("Trainees, Number of trainees")
    assert problems(plan(trainees__number="0"))["trainees.number"][0] == "too-small"


def test_a_budget_that_does_not_add_up_says_by_how_much():
    code, words = problems(plan(budget__total="118000"))["budget.total"]
    assert code == "sum"
    assert "120,000.00 yuan" in words
    assert "118,000.00 yuan" in words
    assert "2,000.00 yuan too little" in words
    too_much = problems(plan(budget__total="120000.01"))["budget.total"][1]
    assert "0.01 yuan too much" in too_much


def test_a_budget_problem_is_told_in_chinese():
    found = validate(FORM, clean(FORM, plan(budget__total="118000")), context=YEAR)
    words = found[0].message.in_("zh")
    assert "120,000.00" in words
    assert "经费安排" in words
    assert not any(word in words for word in ("yuan", "lines", "stated"))


def test_subtotals_must_agree_with_their_head():
    found = problems(plan(budget__daily="100000", budget__reward=None))
    assert "8,000.00 yuan too little" in found["budget.daily"][1]
    assert "0.00 yuan is stated" in found["budget.reward"][1]


def test_a_line_is_quantity_times_price():
    found = problems(plan(budget__lines__0__amount="108000.01", budget__total="120000.01", budget__daily="108000.01"))
    assert list(found) == ["budget.lines.0.amount"]
    assert found["budget.lines.0.amount"][1] == (
        "Budget, row 1, Amount (yuan): 120 × 900.00 makes 108,000.00 yuan, but 108,000.01 yuan is stated."
    )


def test_a_product_is_rounded_half_up_to_the_fen():
    raw = plan(budget__lines__0__quantity="0.5", budget__lines__0__price="0.01", budget__lines__0__amount="0.01")
    assert "budget.lines.0.amount" not in problems(raw)
    raw["budget"]["lines"][0]["amount"] = "0"
    assert problems(raw)["budget.lines.0.amount"][0] == "product"


def test_sums_are_silent_while_an_amount_is_unreadable():
    found = problems(plan(budget__lines__0__amount="many"))
    assert list(found) == ["budget.lines.0.amount"]
    assert found["budget.lines.0.amount"][0] == "unreadable"


def test_a_session_outside_the_project_year_is_refused():
    found = problems(plan(training__sessions__0__ends="2028-01-01"))
    assert found["training.sessions.0.ends"][0] == "outside-year"
    assert "from 2027-01-01 to 2027-12-31" in found["training.sessions.0.ends"][1]
    assert problems(plan(goals__items__0__by="2030-12-31")) == {}


def test_a_session_ends_after_it_starts():
    found = problems(plan(training__sessions__0__ends="2027-03-05"))
    assert found == {
        "training.sessions.0.ends": (
            "order",
            "Training, row 1, Last day: 2027-03-05 is before 2027-03-06 (First day); choose that day or a later one.",
        )
    }


def test_an_unreadable_date_has_no_order():
    assert list(problems(plan(training__sessions__0__starts="2027-13-01"))) == ["training.sessions.0.starts"]


def test_a_long_entry_is_quoted_shortly():
    words = problems(plan(budget__total="x" * 90_000))["budget.total"][1]
    assert len(words) < 200


def test_a_required_column_is_demanded_in_every_row():
    raw = plan()
    raw["management"]["rules"].append({"matter": "请假"})
    found = problems(raw)
    assert set(found) == {"management.rules.1.rule", "management.rules.1.coach"}
    assert (
        found["management.rules.1.coach"][1] == "Trainee management, row 2, Responsible coach: this must be filled in."
    )


def test_too_many_rows_are_told():
    raw = plan(goals__items=PLAN["goals"]["items"] * 51)
    assert problems(raw)["goals.items"][0] == "too-many-rows"


def test_attachments_that_were_not_uploaded_are_told():
    data = clean(FORM, plan(attachments={"files": ["a", "b"]}))
    known = FormContext.of_year(2027, files=frozenset({"a"}))
    assert [problem.code for problem in validate(FORM, data, context=known)] == ["unknown-file"]
    assert validate(FORM, data, context=YEAR) == []


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1,234.50", 123_450),
        ("１，２３４．５", 123_450),
        ("￥12", 1_200),
        ("12元", 1_200),
        (" 7 ", 700),
        (7, 7),
        ("-1", -100),
    ],
)
def test_money_is_read_as_people_type_it(typed, fen):
    assert clean(FORM, plan(budget__total=typed))["budget"]["total"] == fen


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("1.2万", "in full"),
        ("12k", "in full"),
        ("1.234", "decimal places"),
        ("12,00", "not a number"),
        ("5²", "not a number"),
        ("1e5", "not a number"),
        ("十二", "not a number"),
        ("9" * 60, "not a number"),
    ],
)
def test_what_is_no_amount_is_kept_and_explained(typed, says):
    data = clean(FORM, plan(budget__total=typed))
    assert data["budget"]["total"] == typed
    assert says in problems(plan(budget__total=typed))["budget.total"][1]


@pytest.mark.parametrize("typed", ["2027-2-30", "2027-13-01", "31.01.2027", "明天"])
def test_what_is_no_date_is_kept_and_explained(typed):
    raw = plan(training__sessions__0__starts=typed)
    assert clean(FORM, raw)["training"]["sessions"][0]["starts"] == typed
    assert problems(raw)["training.sessions.0.starts"][0] == "unreadable"


@pytest.mark.parametrize("typed", ["2027/3/6", "2027年3月6日", "２０２７-03-06", "2027.3.6"])
def test_dates_are_read_as_people_type_them(typed):
    assert clean(FORM, plan(training__sessions__0__starts=typed))["training"]["sessions"][0]["starts"] == "2027-03-06"


def test_choices_are_read_by_value_or_title():
    assert clean(FORM, plan(training__sessions__0__mode="线上"))["training"]["sessions"][0]["mode"] == "online"
    assert "线下" in str(
        validate(FORM, clean(FORM, plan(training__sessions__0__mode="x")), context=YEAR)[0].message.in_("zh")
    )


def test_text_keeps_emoji_and_writing_from_the_right_and_loses_control_characters():
    typed = "数学👩‍🏫\u200f שלום\x07\x1b\r\nzweite\tZeile\x85"
    data = clean(FORM, plan(trainees__procedure=typed, goals__items__0__goal=typed))
    assert data["trainees"]["procedure"] == "数学👩‍🏫\u200f שלום\nzweite\tZeile"
    assert data["goals"]["items"][0]["goal"] == "数学👩‍🏫\u200f שלום zweite Zeile"


@pytest.mark.parametrize("bad", ["a\0b", "\ud83d", "x" * 1_000_000])
def test_what_cannot_be_kept_is_refused_with_its_place(bad):
    with pytest.raises(InvalidInputError) as caught:
        clean(FORM, plan(trainees__procedure=bad))
    (problem,) = caught.value.problems
    assert problem["path"] == "trainees.procedure"
    assert problem["message"].in_("zh") != str(problem["message"])


def test_text_that_is_too_long_for_the_form_is_kept_and_told():
    raw = plan(trainees__procedure="字" * 20_001)
    assert len(clean(FORM, raw)["trainees"]["procedure"]) == 20_001
    assert "20,001 characters; at most 20,000" in problems(raw)["trainees.procedure"][1]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"budgett": {}}, "budgett"),
        ({"budget": []}, "budget"),
        ({"budget": {"totl": 1}}, "budget.totl"),
        ({"budget": {"total": {"a": 1}}}, "budget.total"),
        ({"budget": {"total": True}}, "budget.total"),
        ({"budget": {"total": 1.5}}, "budget.total"),
        ({"budget": {"lines": "x"}}, "budget.lines"),
        ({"budget": {"lines": ["x"]}}, "budget.lines.0"),
        ({"budget": {"lines": [{"amuont": 1}]}}, "budget.lines.0.amuont"),
        ({"budget": {"lines": [{}] * 1001}}, "budget.lines"),
        ({"attachments": {"files": [1]}}, "attachments.files"),
        ({"attachments": {"files": ["../etc"]}}, "attachments.files"),
    ],
)
def test_a_wrong_structure_is_refused_with_its_place(raw, path):
    with pytest.raises(InvalidInputError) as caught:
        clean(FORM, raw)
    assert [problem["path"] for problem in caught.value.problems] == [path]


def test_an_unknown_name_is_answered_with_the_one_meant():
    with pytest.raises(InvalidInputError) as caught:
        clean(FORM, {"budgett": {}})
    assert "did you mean budget?" in caught.value.problems[0]["message"]


def test_rows_keep_their_ids_and_new_ones_get_free_ones():
    rows = [
        {ROW_ID: "r7", "goal": "a"},
        {"goal": "b"},
        {ROW_ID: "r7", "goal": "c"},
        {ROW_ID: "own-1", "goal": "d"},
        {"goal": " "},
    ]
    data = clean(FORM, {"goals": {"items": rows}})
    assert [row[ROW_ID] for row in data["goals"]["items"]] == ["r7", "r8", "r9", "own-1"]


def test_a_post_is_read_in_the_order_of_its_numbers():
    items = [
        ("csrf", "x"),
        ("goals.items.10.goal", "b"),
        ("goals.items.2.goal", "a"),
        ("goals.items.x.goal", "never"),
        ("attachments.files", "f1"),
        ("attachments.files", "f2"),
        ("budget.total", "5"),
    ]
    data = clean(FORM, parse_form_post(FORM, items))
    assert [row["goal"] for row in data["goals"]["items"]] == ["a", "b"]
    assert data["attachments"]["files"] == ["f1", "f2"]
    assert data["budget"]["total"] == 500


def test_a_strange_post_is_refused_or_ignored_but_never_breaks():
    for items in (
        [("budget", "x")],
        [("budget.total.x.y.z", "1")],
        [("budget.lines", "x"), ("budget.lines.0.item", "y")],
        [("budget.total.0.x", "1")],
    ):
        try:
            clean(FORM, parse_form_post(FORM, items))
        except InvalidInputError:
            continue


def test_describe_names_a_place_in_both_languages():
    assert describe(FORM, "budget.lines.2.amount").in_("en") == "Budget, row 3, Amount (yuan)"
    assert describe(FORM, "budget.lines.2.amount").in_("zh") == "经费安排，第3行，金额（元）"
    assert describe(FORM, "trainees").in_("zh") == "学员条件及产生方式"
    assert describe(FORM, "nowhere.at.all").in_("zh") == "nowhere.at.all"


def test_diff_says_what_changed_row_by_row():
    before = clean(FORM, PLAN)
    raw = copy.deepcopy(before)
    lines = raw["budget"]["lines"]
    lines[1]["amount"] = 1_300_000
    gone = lines.pop(0)
    lines.append({"item": "新增", "amount": "1"})
    raw["trainees"]["number"] = 48
    raw["attachments"]["files"] = ["f1"]
    changes = diff(FORM, before, clean(FORM, raw))
    assert changes == [
        Change("trainees.number", "changed", 50, 48),
        Change("budget.lines.0.amount", "changed", 1_200_000, 1_300_000),
        Change(
            "budget.lines.1",
            "added",
            None,
            {"head": None, "item": "新增", "quantity": None, "price": None, "amount": 100},
        ),
        Change("budget.lines.0", "removed", {key: value for key, value in gone.items() if key != ROW_ID}, None),
        Change("attachments.files", "added", None, ["f1"]),
    ]
    assert diff(FORM, before, copy.deepcopy(before)) == []


def test_shown_is_what_people_read():
    total, mode = FORM.field("budget.total"), FORM.rows("training.sessions").column("mode")
    assert shown(total, 12_000_000, locale="zh") == "120,000.00"
    assert shown(total, "abc", locale="zh") == "abc"
    assert shown(mode, "online", locale="zh") == "线上"
    assert yuan(-5) == "-0.05"


def cleaned_or_refused(raw: object) -> dict | None:
    """Return the cleaned data, or None where it is refused with the places named."""
    try:
        return clean(FORM, raw)  # type: ignore[arg-type]
    except InvalidInputError as error:
        return None if error.problems else pytest.fail("refused without a reason")


# --- for all input ------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
TYPED = st.one_of(
    TEXT, st.integers(-(10**14), 10**14).map(str), st.decimals(-(10**9), 10**9, places=2).map(str), st.dates().map(str)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["budget", "lines", "total", "_id", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def _value(field: object) -> st.SearchStrategy:
    if isinstance(field, RowsField):
        row = st.fixed_dictionaries({column.field: _value(column) for column in field.columns})
        return st.lists(row, max_size=3)
    if isinstance(field, AttachmentsField):
        return st.lists(st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), max_size=3)
    if isinstance(field, ChoiceField):
        return st.sampled_from([option.value for option in field.options]) | TYPED
    return TYPED | st.none()


def raw_plans(form: FormDefinition) -> st.SearchStrategy:
    return st.fixed_dictionaries(
        {part.part: st.fixed_dictionaries({field.field: _value(field) for field in part.fields}) for part in form.parts}
    )


@settings(max_examples=60, deadline=None)
@given(raw_plans(FORM))
def test_cleaning_is_idempotent_and_survives_a_round_through_the_page(raw):
    data = clean(FORM, raw)
    assert clean(FORM, data) == data
    assert clean(FORM, json.loads(json.dumps(data))) == data
    assert clean(FORM, parse_form_post(FORM, flatten(FORM, data))) == data
    assert diff(FORM, data, data) == []
    for problem in validate(FORM, data, context=YEAR):
        assert describe(FORM, problem.path).in_("zh") != problem.path
        assert "{" not in problem.message.id.format_map(dict.fromkeys(problem.message.values, ""))


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_cleaned_or_refused_but_never_breaks(value):
    data = cleaned_or_refused(value)
    if data is not None:
        json.dumps(data).encode()
        validate(FORM, data, context=YEAR)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.from_regex(r"(budget|goals)(\.(lines|items|total|[0-9]{1,3}|amount)){0,4}", fullmatch=True), TEXT),
        max_size=8,
    )
)
def test_any_post_is_read_or_refused_but_never_breaks(items):
    cleaned_or_refused(parse_form_post(FORM, items))
