"""Reading packs: the Qingdao pack as the policy has it, and every mistake at once with its line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.adapters.packs import read_pack, read_roster
from services.errors import PackError
from services.process.packs import Pack

PACK = Path(__file__).resolve().parents[2] / "programmes" / "qingdao-qiangji"
PROCESS, FORM, ROOT = "processes/annual-filing.yaml", "forms/annual-plan.yaml", "programme.yaml"

Edit = Callable[..., Path]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return read_pack(PACK)


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Return a function that copies the pack and replaces texts: (file, old, new)…"""

    def edit(*edits: tuple[str, str, str]) -> Path:
        folder = tmp_path / "pack"
        shutil.copytree(PACK, folder, dirs_exist_ok=True)
        for file, old, new in edits:
            text = (folder / file).read_text(encoding="utf-8")
            assert old in text, old
            (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit


def mistakes(folder: Path) -> list[tuple[str, int, str]]:
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    return [
        (str(Path(problem["file"]).relative_to(folder)), problem["line"], str(problem["message"]))
        for problem in caught.value.problems
    ]


def line_of(file: str, text: str) -> int:
    lines = (PACK / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_six_groups_and_who_guides_them(pack):
    """QD-01, QD-33"""
    guided = {group.code: group.guiding_unit for group in pack.groups}
    assert guided.pop("informatics") == "equipment-information-center"
    assert set(guided) == {"math", "physics", "chemistry", "biology", "humanities"}
    assert set(guided.values()) == {"education-research-institute"}
    assert [subject.code for subject in pack.group("humanities").subjects] == ["history", "philosophy", "palaeography"]


def test_the_working_group_has_six_members(pack):
    """QD-32"""
    assert len([unit for unit in pack.units if unit.kind in ("office", "institute")]) == 6


def test_seats_of_a_group(pack):
    """QD-02"""
    chief, coach = pack.position("chief-coach", at="group"), pack.position("coach", at="group")
    assert (chief.seats.min, chief.seats.max) == (1, 1)
    assert (coach.seats.min, coach.seats.max) == (2, 5)
    assert pack.process("annual-filing").stage("plan").requires == ("chief-coach", "coach")


def test_the_last_day_does_not_roll_forward(pack):
    assert pack.settings.roll_forward is False
    assert pack.process("annual-filing").season.due == "01-31"


def test_a_resolved_pack_is_the_pack_again_with_the_same_digest(pack):
    again = Pack.model_validate(pack.resolved())
    assert again == pack
    assert again.digest() == pack.digest() == read_pack(PACK / ROOT).digest()


def test_the_digest_follows_what_is_said_and_not_how(pack, edited):
    assert read_pack(edited((ROOT, "# Facts follow", "# The facts follow"))).digest() == pack.digest()
    assert read_pack(edited((PROCESS, "within: 5wd", "within: 6wd"))).digest() != pack.digest()


def test_every_actor_has_a_position_at_every_place(pack):
    places = {(place.unit, place.group, place.role) for place in pack.places()}
    assert ("education-research-institute", None, "reviewer") in places
    assert {group for _, group, role in places if role == "chief-coach"} == {group.code for group in pack.groups}
    assert ("bureau", None, "administrator") in places


@pytest.mark.parametrize(
    ("file", "old", "new", "at", "says"),
    [
        (ROOT, "settings:", "setings:", "settings:", "did you mean settings?"),
        (ROOT, "timezone: Asia/Shanghai", "timezone: Asia/Shangai", "timezone", "Asia/Shanghai"),
        (ROOT, 'remind_at: "09:00"', "remind_at: 9:00", "remind_at", "in quotes"),
        (ROOT, "{code: physics, title", "{code: math, title", "{code: physics, title", "belongs to the group math already"),
        (ROOT, "  - code: physics", "  - code: math", "- code: physics", "second time"),
        (ROOT, "base_unit: demo-school-2", "base_unit: demo-shool-2", "base_unit: demo-school-2", "did you mean demo-school-"),
        (ROOT, "seats: {min: 2, max: 5}", "seats: {min: 2, max: 1}", "seats: {min: 2", "at least 2"),
        (PROCESS, "form: annual-plan", "form: anual-plan", "form: annual-plan", "did you mean annual-plan?"),
        (PROCESS, "by: chief-coach", "by: chef-coach", "by: chief-coach", "did you mean chief-coach?"),
        (PROCESS, "by: guiding-unit/reviewer", "by: guiding-unit/reviwer", "by: guiding-unit/reviewer", "did you mean reviewer?"),
        (PROCESS, "all_of: [basic-education-office", "all_of: [basic-education-ofice", "all_of", "did you mean basic-education-office?"),
        (PROCESS, "return_to: [plan]", "return_to: [bureau]", "return_to: [plan]", "known are plan"),
        (PROCESS, "    return_to: [plan]\n", "", "approve: guidance", "a dead end"),
        (PROCESS, "-{serial:03d}", "", "number:", "no place for the serial"),
        (PROCESS, "{serial:03d}", "{serial:03q}", "number:", "cannot be filled in"),
        (PROCESS, "{season}-", "", "number:", "no place for the season"),
        (PROCESS, "{serial:03d}", "{serial:999999999d}", "number:", "cannot be filled in"),
        (PROCESS, "{season}-", "{season.__class__}-", "number:", "cannot be filled in"),
        (PROCESS, "{season}-", "{programme}-", "number:", "season, serial, group"),
        (PROCESS, "{season}-", "{year}-", "number:", "season, serial"),
        (PROCESS, "within: 5wd", "within: 5 days", "within: 5wd", "5wd"),
        (PROCESS, "within: 5wd", "witin: 5wd", "within: 5wd", "did you mean within?"),
        (PROCESS, "approve: guidance", "aprove: guidance", "approve: guidance", "submit, approve, sign"),
        (PROCESS, "approve: bureau", "approve: guidance", "processes", "guidance stands twice"),
        (PROCESS, 'due: "01-31"', 'due: "02-30"', "season:", "no day"),
        (PROCESS, 'opens: "-1/11-15"', 'opens: "11-15"', "season:", "-1/11-15"),
        (PROCESS, "until: done, tell: [guiding-unit/reviewer]", "until: close, tell: [guiding-unit/reviewer]", "every: 1wd", "only a submit stage has a close"),
        (FORM, "type: integer", "type: number", "- field: number", "known are text"),
        (FORM, "equals: budget.total}", "equals: budget.totl}", "equals: budget.total}", "did you mean budget.total?"),
        (FORM, "sum: {of: budget.lines.amount, equals", "sum: {of: budget.lines.item, equals", "sum: {of: budget.lines.amount, equals", "“item”"),
        (FORM, "- order:", "- ordre:", "- order:", "sum, product, order"),
        (FORM, "part: trainees", "part: goals", "form: annual-plan", "goals stands twice"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_at_its_line(edited, file, old, new, at, says):  # noqa: PLR0917 - a table's columns
    found = mistakes(edited((file, old, new)))
    told = [
        message for where, line, message in found if where == file and (at == "processes" or line == line_of(file, at))
    ]
    assert any(says in message for message in told), found


def test_a_ladder_until_a_close_that_is_not_there_is_refused(edited):
    line = "    close: {after: 5wd, from: visit-due, exceptions: basic-education-office/head}\n"
    found = mistakes(edited((PROCESS, line, "")))
    assert [message.partition(";")[0] for _, _, message in found] == ["this stage has no close"] * 2


def test_a_duplicate_key_is_refused(edited):
    found = mistakes(edited((ROOT, "  near_days: 7", "  near_days: 7\n  near_days: 8")))
    line = line_of(ROOT, "near_days")
    assert found == [(ROOT, line + 1, f"“near_days” was already written in line {line}; keep one of them")]


def test_stages_in_an_impossible_order_are_refused(edited):
    text = (PACK / PROCESS).read_text(encoding="utf-8")
    head, _, stages = text.partition("stages:\n")
    submit, guidance, bureau, file = ("  - " + each for each in stages.removeprefix("  - ").split("\n  - "))
    folder = edited()

    def told(*order: str) -> str:
        (folder / PROCESS).write_text(
            head + "stages:\n" + "\n".join(each.rstrip("\n") for each in order) + "\n", encoding="utf-8"
        )
        return " ".join(message for _, _, message in mistakes(folder))

    assert "must be a submit stage" in told(guidance, submit, bureau, file)
    assert "bureau can never be reached: the process ends with filing" in told(submit, guidance, file, bureau)
    assert "ends nowhere" in told(submit, guidance, bureau)


def test_all_mistakes_of_all_files_are_told_at_once(edited):
    found = mistakes(
        edited(
            (ROOT, "roll_forward: false", "roll_forward: maybe"),
            (ROOT, "guiding_unit: equipment-information-center", "guiding_unit: equipment-centre"),
            (ROOT, "near_days: 7", "near_days: 7\n  near_days: 8"),
            (PROCESS, "by: chief-coach\n", "by: chef-coach\n    colour: red\n"),
            (PROCESS, "within: 5wd", "within: soon"),
            (PROCESS, "return_to: [plan, guidance]", "return_to: [plan, filing]"),
            (PROCESS, "-{serial:03d}", ""),
            (PROCESS, "form: annual-plan", "form: anual-plan"),
            (FORM, "equals: budget.total}", "equals: budget.totl}"),
            (FORM, "type: integer", "type: number"),
        )
    )
    said = " | ".join(message for _, _, message in found)
    for words in (
        "maybe",
        "equipment-centre",
        "keep one",
        "chef-coach",
        "colour",
        "soon",
        "“filing”",
        "serial",
        "anual-plan",
        "budget.totl",
        "“number”",
    ):
        assert words in said, (words, found)
    assert len(found) == 11
    assert [place[:2] for place in found] == sorted(place[:2] for place in found)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: [1\nb: {", "not YAML"),
        (b"", "empty"),
        (b"- 1\n", "named values"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: \x07", "not YAML"),
        (b"a: &x 1\nb: *x", "write the value out"),
        (b"a: !!python/object:os.system x", "tag"),
        (b"? [1]\n: 2", "key must be a word"),
        (b"a: 2027-13-45", "quotes"),
        (b"[" * 5000, "too deeply"),
    ],
)
def test_what_is_no_pack_at_all_is_told_too(edited, content, says):
    folder = edited()
    (folder / ROOT).write_bytes(content)
    assert any(says in message for file, _, message in mistakes(folder) if file == ROOT)


def test_a_folder_without_a_pack_is_told(tmp_path):
    assert mistakes(tmp_path) == [(ROOT, 1, "there is no programme.yaml here; name the folder of a programme pack")]


def test_a_file_that_would_be_overlooked_is_told(edited):
    folder = edited()
    (folder / "forms" / "more.yml").write_text("form: more", encoding="utf-8")
    assert mistakes(folder) == [("forms/more.yml", 1, "this file is not read; give it the ending .yaml")]


def test_calendar_years_of_a_pack_are_read(edited):
    days = "years:\n  - year: 2027\n    document: notice 1\n    days:\n      - {date: 2027-01-01, kind: holiday, name: New Year}\n"
    pack = read_pack(edited(("calendars/own.yaml", "years: []\n", days)))
    assert [year.year for year in pack.calendar.years] == [2027]
    assert pack.calendar.zone == "Asia/Shanghai"
    folder = edited(("calendars/own.yaml", "years: []\n", days.replace("holiday", "holyday")))
    assert any(
        file == "calendars/own.yaml" and "did you mean holiday?" in message for file, _, message in mistakes(folder)
    )


def test_demo_people_fill_the_seats(pack):
    roster = read_roster(PACK / "people" / "demo.yaml", pack)
    for group in pack.groups:
        assert len(roster.holders("chief-coach", group=group.code)) == 1
        assert 2 <= len(roster.holders("coach", group=group.code)) <= 5
        assert roster.holders(f"{group.guiding_unit}/reviewer")
        assert roster.holders(f"{group.base_unit}/office")
    assert roster.holders("bureau/administrator")
    assert roster.holders("bureau/audit-administrator")
    without = [person for person in roster.people if person.email is None]
    assert [person.login for person in without] == ["biology-chief"]
    assert all(person.email is None or person.email.endswith("@example.test") for person in roster.people)


def test_people_in_seats_that_are_not_there_are_told(pack, tmp_path):
    file = tmp_path / "people.yaml"
    chief = "{position: chief-coach, group: math}"
    file.write_text(
        f"people:\n  - {{login: a, name: A, holds: [{chief}]}}\n  - {{login: ab, name: A, holds: [{chief}]}}\n"
        f"  - {{login: abc, name: B, holds: [{chief}]}}\n  - {{login: abc, name: C, unit: nowhere, holds: [{{position: bureau/king}}]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(PackError) as caught:
        read_roster(file, pack)
    assert [problem["line"] for problem in caught.value.problems] == [2]
    file.write_text(file.read_text().replace("login: a,", "login: aa,"))
    with pytest.raises(PackError) as caught:
        read_roster(file, pack)
    said = [(problem["line"], str(problem["message"])) for problem in caught.value.problems]
    assert [line for line, _ in said] == [3, 5, 5, 5]
    assert "has 1 seats; 3 people" in said[0][1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from([ROOT, PROCESS, FORM]),
    cut=st.integers(0, 4_000),
    junk=st.text("abc:-{}[],\"'\n #|>&*!?0\t\0é", max_size=12),
)
def test_any_damage_is_a_mistake_or_harmless_but_never_breaks(tmp_path_factory, file, cut, junk):
    folder = tmp_path_factory.mktemp("damaged") / "pack"
    shutil.copytree(PACK, folder)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text[:cut] + junk + text[cut + 3 :], encoding="utf-8")
    try:
        read_pack(folder)
    except PackError as error:
        for problem in error.problems:
            assert problem["line"] >= 1
            assert problem["message"].in_("zh")
