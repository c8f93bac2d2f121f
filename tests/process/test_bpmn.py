"""Exported processes against an engine that is not ours: SpiffWorkflow reads them, and walks them as our rules would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser, BpmnValidator
from SpiffWorkflow.bpmn.specs.defaults import ServiceTask
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from services.adapters.packs import read_pack
from services.process.bpmn import BPMN, BPMNDI, OWN, bpmn
from services.process.bpmn_conditions import condition_expression, duration, variable
from services.process.definitions import Condition, ProcessDefinition, Span
from services.process.engine.conditions import holds, value_at
from services.process.packs import Pack
from services.process.stage_words import exits
from tests.process_samples import APPROVE, FILE, MODES, SAMPLES, SUBMIT, definition, judging, pack, title

PACK = pack()
SHIPPED = [
    read_pack(each.parent) for each in sorted((Path(__file__).parents[2] / "programmes").glob("*/programme.yaml"))
]
EVERY = [(PACK, each) for each in SAMPLES.values()] + [
    (each, process) for each in SHIPPED for process in each.processes
]
NAMES = [process.process for _, process in EVERY]
PAST = "2020-01-01"
VALIDATOR = BpmnValidator()


def parser_of(*documents: str) -> BpmnParser:
    """Return a parser that has read these documents and held them against the schema of BPMN 2.0."""
    parser = BpmnParser(validator=VALIDATOR)
    for document in documents:
        parser.add_bpmn_str(document.encode())
    return parser


def elements(document: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(document).iter(f"{{{BPMN}}}{tag}"))


def by_id(document: str, name: str) -> ET.Element:
    return next(each for each in ET.fromstring(document).iter() if each.get("id") == name)


# --- walking ----------------------------------------------------------------------------------------------------------


class Walk:
    """A run of a process by SpiffWorkflow. acts: stage -> what each of its tasks adds to the data, one after the other."""

    def __init__(
        self,
        process: ProcessDefinition,
        acts: dict[str, list[dict[str, Any]]] | None = None,
        *,
        owner: Pack = PACK,
        **data: Any,
    ) -> None:
        documents = [bpmn(owner, process, locale="zh"), PLACES]
        # Nobody waits five workdays in a test; what is waited for is over at once.
        documents = [re.sub(r'"P\d+D"', '"P0D"', each) for each in documents]
        parser = parser_of(*documents)
        self.workflow = BpmnWorkflow(parser.get_spec(process.process), parser.get_subprocess_specs(process.process))
        self.acts, self.stages = {code: list(each) for code, each in (acts or {}).items()}, list[str]()
        self.data = {"submitted": {"plan": {}, "": {}}, "dates": Dates(), "cases": Cases(), **assumed(process), **data}

    def go(self, most: int = 400) -> Walk:
        start = self.workflow.get_next_task(state=TaskState.READY)
        start.data.update(self.data)
        for _ in range(most):
            self.workflow.do_engine_steps()
            self.workflow.refresh_timers()
            self.workflow.do_engine_steps()
            task = next(iter(self._waiting()), None)
            if task is None:
                break
            self._do(task)
        assert self.workflow.completed, self.stages
        return self

    def _waiting(self) -> list[Any]:
        """Return what somebody or something has to do: people's tasks and the recording of a number."""
        people = [each for each in self.workflow.get_tasks(state=TaskState.READY) if each.task_spec.manual]
        started = self.workflow.get_tasks(state=TaskState.STARTED)
        return [*people, *(each for each in started if isinstance(each.task_spec, ServiceTask))]

    def _do(self, task: Any) -> None:
        code = task.task_spec.name.partition(" ")[0].removeprefix("stage_")
        self.stages.append(code)
        outcome = f"{code.replace('-', '_')}_outcome"
        mine = self.acts.get(code)
        task.data.update({outcome: "forward"} | (mine.pop(0) if mine else {}))
        task.complete() if isinstance(task.task_spec, ServiceTask) else task.run()

    @property
    def end(self) -> str:
        """Return the end event that was reached."""
        done = [each.task_spec.name for each in self.workflow.tasks.values() if each.state == TaskState.COMPLETED]
        return next(name for name in done if name.startswith("end_"))


class Dates(dict):
    def __missing__(self, _key: str) -> str:
        return PAST


class Cases(dict):
    def get(self, _key: str, _default: Any = None) -> str:
        return "filed"


def assumed(process: ProcessDefinition) -> dict[str, Any]:
    """Return the variables of every stage as they are when everybody agrees."""
    data: dict[str, Any] = {}
    for stage in process.all_stages:
        if list(exits(stage)):
            data |= {variable(stage, "outcome"): "forward", variable(stage, "members"): 3}
            data |= {variable(stage, "for"): 0, variable(stage, "against"): 0}
    return data


PLACES = bpmn(PACK, SAMPLES["places-request"], locale="zh")


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("owner", "process"), EVERY, ids=NAMES)
def test_spiffworkflow_reads_every_process(owner, process):
    others = {PLACES} if process.process == "rich" else set()
    spec = parser_of(bpmn(owner, process, locale="zh"), *others).get_spec(process.process)
    stages = [stage for stage in process.all_stages if stage.kind not in ("branch", "parallel", "complete")]
    assert {f"stage_{stage.code}" for stage in stages} <= set(spec.task_specs)


@pytest.mark.parametrize(("owner", "process"), EVERY, ids=NAMES)
def test_every_element_is_in_the_diagram_once(owner, process):
    root = ET.fromstring(bpmn(owner, process, locale="zh"))
    inside = [each.get("id") for each in root.find(f"{{{BPMN}}}process") if each.get("id")]
    drawn = [each.get("bpmnElement") for tag in ("BPMNShape", "BPMNEdge") for each in root.iter(f"{{{BPMNDI}}}{tag}")]
    assert sorted(drawn) == sorted(inside)
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("owner", "process"), EVERY, ids=NAMES)
def test_every_stage_says_what_it_is_in_words_and_in_facts(owner: Pack, process):
    root = ET.fromstring(bpmn(owner, process, locale="en"))
    facts = list(root.iter(f"{{{OWN}}}stage"))
    assert {each.get("code") for each in facts} == set(process.places)
    documented = [
        parent for parent in root.iter() if parent.find(f"{{{BPMN}}}extensionElements/{{{OWN}}}stage") is not None
    ]
    assert all(parent.findtext(f"{{{BPMN}}}documentation") for parent in documented)


@pytest.mark.parametrize(
    ("code", "sequential", "cardinality", "completion"),
    [
        ("approve-any-of", "false", "2", "True"),
        ("approve-all-of", "false", "3", 'approve_all_of_outcome != "forward"'),
        ("sign-in-sequence", "true", "3", 'sign_in_sequence_outcome != "forward"'),
        ("approve-quorum", "false", "3",
         'approve_quorum_outcome != "forward" or approve_quorum_for >= 2 or approve_quorum_against > 1'),
        ("approve-votes", "false", "3",
         'approve_votes_outcome != "forward" or approve_votes_for >= 3 or approve_votes_against > 1'),
        ("assess-each", "false", "assess_each_members", 'assess_each_outcome != "forward"'),
        ("assess-each-needed", "false", "assess_each_needed_members",
         'assess_each_needed_outcome != "forward" or assess_each_needed_for >= 2 or assess_each_needed_against > assess_each_needed_members - 2'),
    ],
)  # fmt: skip
def test_a_mode_is_a_task_done_several_times(code, sequential, cardinality, completion):
    task = by_id(bpmn(PACK, SAMPLES["modes"], locale="en"), f"stage_{code}")
    loop = task.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics")
    assert loop.get("isSequential") == sequential
    assert [loop[0].text, loop[1].text] == [cardinality, completion]


def test_one_signer_is_a_plain_task():
    task = by_id(bpmn(PACK, SAMPLES["modes"], locale="en"), "stage_approve-one")
    assert task.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics") is None


def test_signers_are_resources_with_their_titles():
    document = bpmn(PACK, SAMPLES["rich"], locale="en")
    named = {each.get("id"): each.get("name") for each in elements(document, "resource")}
    owners = [each.text for each in by_id(document, "stage_safety").iter(f"{{{BPMN}}}resourceRef")]
    assert [named[each] for each in owners] == ["Office A: Clerk", "Office B: Clerk", "Office C: Clerk"]


def test_a_return_out_of_a_path_says_what_else_ends():
    flow = by_id(bpmn(PACK, SAMPLES["rich"], locale="en"), "back_teaching.plan")
    assert flow.findtext(f"{{{BPMN}}}documentation") == "What was begun on the other paths after that stage ends too"
    assert by_id(bpmn(PACK, SAMPLES["rich"], locale="en"), "back_board.plan").find(f"{{{BPMN}}}documentation") is None


def test_hostile_titles_are_text():
    hostile = title("</bpmn:process>\x00<x>&\"'", "]]><!--")
    document = bpmn(PACK, definition({**SUBMIT, "title": hostile}, {**APPROVE, "title": hostile}, FILE), locale="zh")
    parser_of(document).get_spec("sample")
    assert by_id(document, "stage_plan").get("name") == "</bpmn:process><x>&\"'"


@pytest.mark.parametrize(
    ("span", "iso"), [("10d", "P10D"), ("5wd", "P7D"), ("1wd", "P2D"), ("10wd", "P14D"), ("0d", "P0D")]
)
def test_a_length_is_a_duration(span, iso):
    n, unit = re.fullmatch(r"(\d+)(.+)", span).groups()
    assert duration(Span(n=int(n), unit=unit)) == f'"{iso}"'


ANYTHING = ["a", "b", 3, 0, 2.5, "3", "", None, True, [], ["x"]]
NUMBERS = [3, 0, 2.5, "3", "2.5", "", None]
"""What a number's field may hold: a number, one written as text, or nothing."""
TESTS = [
    *(({"equals": each}, ANYTHING) for each in ("a", 3, True)),
    ({"one_of": ["a", "3"]}, ANYTHING),
    *(({"filled": each}, ANYTHING) for each in (True, False)),
    *((each, NUMBERS) for each in ({"at_least": 3}, {"at_most": 2.5}, {"at_least": 1, "at_most": 3})),
]


@pytest.mark.parametrize(("test", "value"), [(test, value) for test, values in TESTS for value in values])
def test_an_exported_condition_holds_when_ours_does(test, value):
    condition = Condition(stage="plan", field="part.field", **test)
    data = {"part": {"field": value}}
    found = eval(condition_expression(condition), {"submitted": {"plan": data}})
    assert found == holds(condition, value_at(data, condition.field))


def test_an_exported_condition_of_what_is_missing_does_not_hold():
    condition = Condition(field="part.field", at_least=1)
    assert eval(condition_expression(condition), {"submitted": {}}) is False


# --- walking ----------------------------------------------------------------------------------------------------------


def test_spiffworkflow_walks_the_shipped_filing():
    """Returned once by the guiding unit, then signed by both offices and filed."""
    acts = {"guidance": [{"guidance_outcome": "return to plan"}]}
    walk = Walk(SHIPPED[0].process("annual-filing"), acts, owner=SHIPPED[0]).go()
    assert walk.stages == ["plan", "guidance", "plan", "guidance", "bureau", "bureau", "filing"]
    assert walk.end == "end_filing"


@pytest.mark.parametrize(
    ("plan", "way"),
    [({"budget": {"total": 20_000_000}}, "experts"), ({"budget": {"total": 5, "kind": "none"}}, None), ({}, "small")],
)
def test_spiffworkflow_takes_the_way_that_our_rules_take(plan, way):
    walk = Walk(SAMPLES["rich"], submitted={"plan": plan, "": plan}).go()
    assert [code for code in ("experts", "small") if code in walk.stages] == ([way] if way else [])
    assert walk.end == "end_filing"
    assert {"plan", "guidance", "teaching", "safety", "board"} <= set(walk.stages)


@pytest.mark.parametrize("mode", MODES)
def test_spiffworkflow_walks_every_mode(mode):
    process = definition(SUBMIT, judging("approve", "it", MODES[mode], return_to=["plan"], fails="reject"), FILE)
    agreed = [{"it_for": n} for n in (1, 2, 3)]
    walk = Walk(process, {"it": agreed}).go()
    signed = {
        "one": 1,
        "any-of": 1,
        "all-of": 3,
        "in-sequence": 3,
        "quorum": 2,
        "votes": 3,
        "each": 3,
        "each-needed": 2,
    }
    assert walk.stages.count("it") == signed[mode]
    assert walk.end == "end_filing"


def test_a_vote_that_cannot_pass_any_more_rejects():
    process = definition(SUBMIT, judging("approve", "it", MODES["quorum"], return_to=["plan"], fails="reject"), FILE)
    walk = Walk(process, {"it": [{"it_against": 1}, {"it_against": 2}]}).go()
    assert walk.stages.count("it") == 2
    assert walk.end == "end_rejected"


def test_one_return_ends_the_others_tasks_and_leads_back():
    process = definition(SUBMIT, judging("approve", "it", MODES["all-of"], return_to=["plan"]), FILE)
    again = [{"it_outcome": "return to plan"}]
    walk = Walk(process, {"it": again}).go()
    assert walk.stages == ["plan", "it", "plan", "it", "it", "it", "filing"]


@pytest.mark.parametrize(
    ("act", "end"),
    [({"it_outcome": "reject"}, "end_rejected"), ({"it_outcome": "decline"}, "end_rejected"), ({}, "end_filing")],
)
def test_a_signature_may_be_declined_or_the_case_rejected(act, end):
    process = definition(SUBMIT, judging("sign", "it", "office-a/clerk", return_to=["plan"], may_reject=True), FILE)
    assert Walk(process, {"it": [act]}).go().end == end


@pytest.mark.parametrize(("kind", "end"), [("small", "end_done"), ("large", "end_filing")])
def test_waits_pass_and_a_branch_ends_the_case_either_way(kind, end):
    assert Walk(SAMPLES["endings"], submitted={"plan": {"kind": kind}, "": {}}).go().end == end


def test_paths_end_with_the_case():
    """A case that is completed on one path leaves nothing open on the other."""
    paths = [
        {"stages": [{"complete": "done"}]},
        {"stages": [judging("approve", "it", "office-a/clerk", return_to=["plan"])]},
    ]
    walk = Walk(definition(SUBMIT, {"parallel": "both", "paths": paths})).go()
    assert walk.end == "end_done"
    assert walk.stages == ["plan"]
