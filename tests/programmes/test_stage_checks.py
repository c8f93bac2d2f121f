"""Each rule of what a process may say: refused at its line, also deep inside of ways and paths, and allowed where it is right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.adapters.packs import read_pack
from services.errors import PackError
from services.process.pack_checks import check
from services.process.packs import Pack

PACK = Path(__file__).resolve().parents[1] / "packs" / "everything"
SIMPLE, RICH, REVIEW, ROOT = "processes/simple.yaml", "processes/rich.yaml", "processes/review.yaml", "programme.yaml"

Edit = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """Return a function that copies the pack and replaces the first occurrence of a text: (file, old, new)…"""

    def edit(*edits: tuple[str, str, str]) -> Path:
        folder = tmp_path / "pack"
        shutil.copytree(PACK, folder, dirs_exist_ok=True)
        for file, old, new in edits:
            text = (folder / file).read_text(encoding="utf-8")
            assert old in text, old
            (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return edit


def mistakes(folder: Path) -> list[tuple[str, str, str]]:
    """Return the file, the text of the line, and the sentence of every mistake."""
    with pytest.raises(PackError) as caught:
        read_pack(folder)
    found = []
    for problem in caught.value.problems:
        file = Path(problem["file"])
        line = file.read_text(encoding="utf-8").splitlines()[problem["line"] - 1]
        found.append((str(file.relative_to(folder)), line.strip(), str(problem["message"])))
    return found


COUNTERSIGN = "{all_of: [finance-office/clerk, teachers-office/clerk]}"
SEQUENCE = "{in_sequence: [guiding-unit/reviewer, guiding-unit/head]}"
QUORUM = "{quorum: 2, of: [finance-office/head, education-office/head, teachers-office/head]}"
WHEN = "when: {stage: plan, field: budget.total, at_least: 1000000}"
MARKS = "form: marks\n    within: 10wd"
OTHERWISE = "      - title: {zh: 一般, en: Usual}\n"

REFUSED = [
    # who acts: in every mode, in every place, at every depth
    (RICH, "all_of: [finance-office/clerk", "all_of: [finance-ofice/clerk", "by: {all_of", "did you mean finance-office?"),
    (RICH, "any_of: [education-office/clerk", "any_of: [education-office/clark", "by: {any_of", "did you mean clerk?"),
    (RICH, "in_sequence: [guiding-unit/reviewer", "in_sequence: [guiding-unit/reviwer", "by: {in_sequence", "did you mean reviewer?"),
    (RICH, "of: [finance-office/head", "of: [finance-office/boss", "by: {quorum", "position at the unit finance-office"),
    (RICH, "votes: {finance-office/head: 2", "votes: {finance-offices/head: 2", "votes: {finance-offices", "did you mean finance-office?"),
    (RICH, "{each: coach}", "{each: coaches}", "by: {each: coaches}", "did you mean coach?"),
    (RICH, "notify: [base-school/office]", "notify: [base-school/ofice]", "notify: [base-school/ofice]", "did you mean office?"),
    (RICH, "tell: [education-office/head]", "tell: [education-office/haed]", "tell: [education-office/haed]", "did you mean head?"),
    (RICH, "extension: {by: education-office/head", "extension: {by: education-office/chief", "extension:", "position at the unit education-office"),
    (RICH, "exceptions: education-office/head", "exceptions: education/head", "close:", "did you mean education-office?"),
    (RICH, "objections_to: education-office/clerk", "objections_to: clerk", "objections_to:", "position of a project group"),
    (RICH, "of: [finance-office/head, education-office/head", "of: [finance-office/head, finance-office/head", "by: {quorum", "for the second time"),
    (RICH, f"by: {COUNTERSIGN}", "by: chief-coach", "by: chief-coach", "nobody decides on their own submission"),
    (RICH, "{each: guiding-unit/expert, needed: 2}", "{each: guiding-unit/expert, needed: 4}", "by: {each: guiding-unit/expert, needed: 4}", "has 3 seats, so 4 can never sign"),
    (RICH, f"by: {COUNTERSIGN}", "by: {all: [finance-office/clerk]}", "by: {all:", "exactly one of all_of, any_of"),
    (RICH, f"by: {COUNTERSIGN}", "by: {quorum: 3, of: [finance-office/clerk]}", "by: {quorum: 3", "cannot be reached by 1 positions"),
    # forms
    (RICH, "form: materials", "form: matrials", "form: matrials", "did you mean materials?"),
    (REVIEW, MARKS, MARKS.replace("marks", "mark"), "form: mark", "did you mean marks?"),
    (RICH, "requires: [chief-coach, coach]", "requires: [chief-coach, coch]", "requires:", "did you mean coach?"),
    # where a stage leads
    (RICH, "return_to: [plan]\n            after", "return_to: [guidance]\n            after", "return_to: [guidance]", "known are plan"),
    (RICH, "fails: plan", "fails: commitment", "fails: commitment", "earlier stage “commitment”"),
    (RICH, "declined: plan", "declined: materials", "declined: materials", "earlier stage “materials”"),
    (RICH, "upheld: plan", "upheld: pause", "upheld: pause", "earlier stage “pause”"),
    (RICH, "failed: reject", "failed: posting", "failed: posting", "earlier stage “posting”"),
    (SIMPLE, "    return_to: [plan]\n", "", "- approve: guidance", "a dead end"),
    (RICH, "            fails: plan\n", "            return_to: [plan]\n", "- approve: quorum", "say where the case goes when too few approve"),
    (RICH, "            may_reject: true\n", "            fails: plan\n", "fails: plan", "one return decides here"),
    (RICH, "declined: plan", "fails: plan", "fails: plan", "nobody votes against"),
    (RICH, "- wait: pause", "- wait: reject", "- wait: reject", "another code"),
    # by when
    (RICH, "due: {within: 5wd}", "due: {at: season.due, within: 5wd}", "due:", "either at: season.due or within"),
    (REVIEW, "- assess: marks", "- submit: own\n    by: coach\n    form: marks\n    due: {at: season.due}\n  - assess: marks", "due: {at: season.due}", "no season"),
    (RICH, "at_most: 10wd", "at_most: 0wd", "extension:", "at least one day"),
    (RICH, "period: 5wd", "period: 0d", "period: 0d", "at least one day"),
    (RICH, "{after: 2d}", "{after: 0d}", "until: {after", "at least one day"),
    (RICH, "every: 1wd, tell", "every: 1wd, until: close, tell", "every: 1wd, until", "only a submit stage has a close"),
    (RICH, "    close: {after: 5wd, exceptions: education-office/head}\n", "", "every: 2wd, until: close", "give the stage a close"),
    # waiting, and processes inside of others
    (RICH, "{date: season.due}", '{date: "02-30"}', "until: {date", "no day “02-30”"),
    (REVIEW, "- complete: reviewed", "- wait: day\n    until: {date: season.due}\n  - complete: reviewed", "until: {date", "no season"),
    (RICH, "{case: simple}", "{case: simpel}", "until: {case", "did you mean simple?"),
    (RICH, "{case: simple}", "{case: rich}", "until: {case", "rich → rich"),
    (SIMPLE, "- file: filing", "- wait: other\n    until: {case: rich}\n  - file: filing", "until: {case: rich}", "simple → rich → simple"),
    (RICH, "runs: review", "runs: revew", "runs: revew", "did you mean review?"),
    (RICH, "runs: review", "runs: simple", "runs: simple", "opens by its own season"),
    (RICH, "runs: review", "runs: simple", "process: review", "review would never begin"),
    (REVIEW, "- complete: reviewed", "- process: again\n    runs: review\n    failed: reject\n  - complete: reviewed", "runs: review", "review → review"),
    (REVIEW, "- complete: reviewed", '- file: reviewed\n    number: "RV-{season}-{serial}"', "- file: reviewed", "no season whose numbers"),
    # beginning and end
    (SIMPLE, "- submit: plan\n    title: {zh: 提报, en: Plan}\n    by: chief-coach\n    form: plan\n    requires: [chief-coach, coach]\n    due: {at: season.due, returned: {at_least: 3wd}}", "- wait: plan\n    until: {after: 1d}", "- approve: guidance", "must be a submit stage"),
    (SIMPLE, "  - submit: plan", "  - publish: early\n    period: 5wd\n    objections_to: education-office/clerk\n    upheld: reject\n  - submit: plan", "- publish: early", "nothing is submitted yet"),
    (SIMPLE, "  - submit: plan", "  - assess: early\n    by: coach\n    form: marks\n    within: 5wd\n  - submit: plan", "- assess: early", "nothing is submitted yet"),
    (RICH, "      - title: {zh: 会签, en: Countersigning}\n", "      - stages: [{complete: early}]\n      - title: {zh: 会签, en: Countersigning}\n", "- stages: [{complete: early}]", "write it after reviews"),
    (RICH, "          - complete: done\n            title: {zh: 办结, en: Done}\n            notify: [chief-coach]", "          - wait: done\n            until: {after: 1d}", "- wait: done", "ends nowhere: after done"),
    (RICH, "        stages:\n          - complete: done\n            title: {zh: 办结, en: Done}\n            notify: [chief-coach]\n", "", "- when: {stage: materials", "ends nowhere: after ending"),
    (RICH, "- file: filing", "- complete: done-too\n          - file: filing", "- file: filing", "filing can never be reached"),
    (RICH, "  - branch: ending", "  - complete: done-too\n  - branch: ending", "- branch: ending", "ending can never be reached"),
    (SIMPLE, '"SI-{season}-{serial:03d}"', '"RI-{season}-{serial}"', "number:", "could write the same number"),
    (RICH, "RI-{season}-", "RI-", "number:", "no place for the season"),
    # branches
    (RICH, "stage: plan, field: budget.total", "field: budget.total", "field: budget.total", "several forms"),
    (RICH, "stage: plan, field: budget", "stage: commitment, field: budget", "stage: commitment", "earlier stage with a form"),
    (RICH, "stage: plan, field: budget", "stage: materials, field: budget", "stage: materials, field: budget", "known are plan"),
    (RICH, "field: budget.total", "field: budget.totl", "field: budget.totl", "did you mean budget.total?"),
    (RICH, "field: budget.total", "field: basics.kind", "field: basics.kind", "at_least compares integer, decimal and money"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.name, one_of: [a]", "field: basics.name", "one_of compares choices"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.name, equals: a", "field: basics.name", "equals compares choices"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.kind, equals: cmap", "field: basics.kind", "did you mean camp?"),
    (RICH, "one_of: [internal]", "one_of: [intrenal]", "one_of: [intrenal]", "did you mean internal?"),
    (RICH, "at_least: 1000000", "at_least: 2000, at_most: 1000", "at_most: 1000", "budget.total is never so"),
    (RICH, OTHERWISE, f"      - {WHEN}\n{OTHERWISE}", f"- {WHEN}", "a way before it takes all"),
    (RICH, OTHERWISE, f"      - {WHEN.replace('1000000', '5000000')}\n{OTHERWISE}", "5000000", "a way before it takes all"),
    (RICH, "one_of: [internal]}", "filled: true}\n        stages: [{complete: first}]\n      - when: {stage: materials, field: more.kind, filled: true}", "- when: {stage: materials, field: more.kind, filled: true}", "a way before it takes all"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "at", "says"), REFUSED)
def test_each_mistake_is_told_at_its_line(edited, file, old, new, at, says):  # noqa: PLR0917 - a table's columns
    found = mistakes(edited((file, old, new)))
    where = REVIEW if "never begin" in says else file
    assert any((place, says in words) == (where, True) and at in line for place, line, words in found), found


ALLOWED = [
    (RICH, "            return_to: [plan]\n            may_reject: true", "            may_reject: true"),
    (RICH, "return_to: [plan, materials]", "return_to: [plan, countersign, quorum, weighing]"),
    (RICH, "due: {within: 5wd}", "due: {at: season.due}"),
    (RICH, "{date: season.due}", '{date: "-1/12-31"}'),
    (RICH, "{each: guiding-unit/expert, needed: 2}", "{each: guiding-unit/expert, needed: 3}"),
    (RICH, "by: {each: guiding-unit/expert, needed: 2}\n    within: 5wd\n    return_to: [plan, materials]\n    fails: reject", "by: {each: guiding-unit/expert}\n    within: 5wd\n    may_reject: true"),
    (RICH, f"by: {COUNTERSIGN}", "by: finance-office/clerk"),
    (RICH, "declined: plan", "declined: reject"),
    (RICH, "declined: plan", "may_reject: true"),
    (RICH, "fails: plan", "fails: countersign"),
    (RICH, "one_of: [internal]", "equals: internal"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.trainees, equals: 20"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.starts, filled: true"),
    (RICH, "field: budget.total, at_least: 1000000", "field: basics.hours, at_least: 1.5, at_most: 40"),
    (RICH, OTHERWISE, f"      - {WHEN.replace('1000000', '500000')}\n{OTHERWISE}"),
    (RICH, OTHERWISE, f"      - when: {{stage: plan, field: basics.kind, equals: camp}}\n{OTHERWISE}"),
    # some ways end, the others go on
    (RICH, OTHERWISE, f"      - when: {{stage: plan, field: basics.kind, equals: camp}}\n        stages: [{{complete: camped}}]\n{OTHERWISE}"),
    (RICH, OTHERWISE, f"      - when: {{stage: plan, field: basics.kind, equals: camp}}\n{OTHERWISE}"),
    (SIMPLE, "- file: filing", "- branch: fork\n    ways:\n      - when: {field: basics.kind, equals: camp}\n        stages: [{complete: camped}]\n      - title: {zh: 其他, en: Other}\n  - file: filing"),
    (SIMPLE, "  - submit: plan", "  - wait: pause\n    until: {date: season.opens}\n  - submit: plan"),
    (SIMPLE, "    return_to: [plan]\n", "    may_reject: true\n"),
    (SIMPLE, '- file: filing\n    title: {zh: 备案, en: Filing}\n    number: "SI-{season}-{serial:03d}"', "- complete: filing"),
    (REVIEW, "- assess: marks", "- submit: own\n    by: coach\n    form: marks\n    due: {within: 5wd}\n  - assess: marks"),
    (REVIEW, "- approve: verdict\n    title: {zh: 评价审定, en: Verdict}\n    by: institute/head\n    within: 3wd\n    return_to: [marks]\n    may_reject: true\n  ", ""),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new"), ALLOWED)
def test_what_is_right_is_allowed(edited, file, old, new):
    try:
        read_pack(edited((file, old, new)))
    except PackError as error:
        pytest.fail(str([(problem["line"], str(problem["message"])) for problem in error.problems]))


def test_whoever_could_not_be_reached_any_more_is_told_once(edited):
    """One mistake makes one sentence, also where other rules look at what follows from it."""
    for file, old, new in [
        (RICH, "- file: filing", "- complete: done-too\n          - file: filing"),
        (RICH, "field: budget.total", "field: budget.totl"),
        (RICH, "form: materials", "form: matrials"),
        (RICH, "form: plan", "form: plans"),
        (RICH, "by: {each: coach}", "by: {each: [coach]}"),
        (RICH, f"by: {COUNTERSIGN}", "by: [finance-office/clerk]"),
        (RICH, f"by: {SEQUENCE}", "by: {in_sequence: [], needed: 2}"),
    ]:
        folder = edited((file, old, new))
        found = mistakes(folder)
        assert len({line for _, line, _ in found}) == 1, found
        assert len(found) <= 2, found
        shutil.rmtree(folder)


def test_what_is_no_value_deep_inside_is_told_at_its_line(edited):
    for old, new, at, says in [
        ("within: 10wd", "within: soon", "within: soon", "5wd"),
        ("            hand_to: position", "            hand_to: anybody", "hand_to: anybody", "did you mean nobody"),
        ("- approve: guidance", "- aprove: guidance", "- aprove: guidance", "submit, approve"),
        ("needed: 3", "needed: 9", "by:", "cannot be reached"),
        (
            "            within: 5wd\n            fails: plan\n",
            "            fails: plan\n",
            "- approve: quorum",
            "“within”",
        ),
        (QUORUM, "{quorum: two, of: [finance-office/head]}", "by: {quorum: two", "whole number"),
        (WHEN, "when: {stage: plan, field: budget.total}", "field: budget.total}", "say what the field must be"),
        ("{after: 2d}", "{after: 2d, case: simple}", "until: {after: 2d, case", "exactly one thing"),
        ("            fails: plan", "            fials: plan", "fials: plan", "did you mean fails?"),
    ]:
        found = mistakes(folder := edited((RICH, old, new)))
        assert any(says in words and at in line for _, line, words in found), (new, found)
        shutil.rmtree(folder)


def test_a_block_without_paths_and_a_branch_without_otherwise_are_refused(edited):
    text = (PACK / RICH).read_text(encoding="utf-8")
    start, end = text.index("      - title: {zh: 指导, en: Guidance}"), text.index("  - approve: either")
    found = mistakes(folder := edited((RICH, text[start:end], "")))
    assert found[0][1].startswith("paths:"), found
    shutil.rmtree(folder)
    found = mistakes(edited((RICH, OTHERWISE, f"      - {WHEN.replace('1000000', '1')}\n")))
    assert any("the last has none" in words and line == "- branch: size" for _, line, words in found), found


def test_a_province_with_a_thousand_groups_is_checked_soon():
    """Measured at 0.1 s, and 1.6 s with reading its files; what grows with the square of the groups takes minutes."""
    resolved = read_pack(PACK).resolved()
    title = {"zh": "x", "en": "x"}
    resolved["units"] += [{"code": f"s{n}", "kind": "school", "parent": "bureau", "title": title} for n in range(1_000)]
    resolved["groups"] = [
        {
            "code": f"g{n}",
            "title": title,
            "subjects": [{"code": f"s{n}", "title": title}],
            "guiding_unit": "institute",
            "base_unit": f"s{n}",
        }
        for n in range(1_000)
    ]
    for process, number in (("rich", "{group}-R-{season}-{serial}"), ("simple", "{group}-S-{season}-{serial}")):
        stages = next(each for each in resolved["processes"] if each["process"] == process)["stages"]
        last = stages[-1] if process == "simple" else stages[-1]["ways"][1]["stages"][0]
        last["number"] = number
    pack = Pack.model_validate(resolved)
    begun = process_time()
    assert check(pack) == []
    assert process_time() - begun < 5


def test_a_mistake_under_many_blocks_finds_its_line(edited):
    """What is looked for in blocks inside of blocks is looked for once, not twice at every depth."""
    depth, lines = 8, ["process: deep", "title: {zh: x, en: x}", "subject: project-group", "stages:"]
    for level in range(depth):
        pad = "    " * level
        lines += [
            f"{pad}- parallel: b{level}",
            f"{pad}  paths:",
            f"{pad}  - stages: [{{wait: w{level}, until: {{after: 1d}}}}]",
        ]
        lines += [f"{pad}  - stages:"]
    lines += [f"{'    ' * depth}- wait: last", f"{'    ' * depth}  until: {{after: soon}}"]
    folder = edited()
    (folder / "processes" / "deep.yaml").write_text("\n".join(lines), encoding="utf-8")
    begun = process_time()
    found = mistakes(folder)
    assert process_time() - begun < 5
    assert ("processes/deep.yaml", "until: {after: soon}") in [(file, line) for file, line, _ in found]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from([RICH, REVIEW]),
    cut=st.integers(0, 5_000),
    length=st.integers(0, 40),
    junk=st.sampled_from(["", "x", "reject", "plan", "[]", "{each: coach}", "5wd", ": ", "\n", "  ", "0"]),
)
def test_any_damage_is_a_mistake_or_harmless_but_never_breaks(tmp_path_factory, file, cut, length, junk):
    folder = tmp_path_factory.mktemp("damaged") / "pack"
    shutil.copytree(PACK, folder)
    text = (folder / file).read_text(encoding="utf-8")
    (folder / file).write_text(text[:cut] + junk + text[cut + length :], encoding="utf-8")
    try:
        read_pack(folder)
    except PackError as error:
        for problem in error.problems:
            assert problem["line"] >= 1
            assert problem["message"].in_("zh")
