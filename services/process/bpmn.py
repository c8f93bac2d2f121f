"""A process as BPMN 2.0 with its diagram, for whoever draws, discusses or runs processes with other tools.

The elements and the diagram are standard BPMN; what BPMN has no words for (who, by when, who is told) stands in the
documentation of each element in sentences and, for programs, in `extensionElements` under a namespace of our own. One thing is
less than the rules: a return out of one of several paths leaves the others running in BPMN, while here it ends what was begun
after the stage that it goes back to; such a flow says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree as ET  # it only writes

from services.i18n import Message, translate
from services.process.bpmn_conditions import cardinality, completion, outcomes, variable, waits_for
from services.process.bpmn_diagram import BPMNDI, DC, DI, draw_diagram
from services.process.bpmn_plan import Flow, Node, Plan, plan
from services.process.definitions import (
    ActedStage,
    BranchStage,
    Judging,
    JudgingStage,
    ParallelStage,
    ProcessDefinition,
    PublishStage,
    Stage,
    SubProcessStage,
    Votes,
    WaitStage,
)
from services.process.naming import actor_title, condition_words
from services.process.packs import Pack
from services.process.sentences import stage_sentences
from services.process.stage_words import arm_titles, exits, stage_title
from services.process.told import told_sentences
from services.process.xml_text import clean

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
OWN = "urn:guantong:bpmn:1"
LANGUAGE = "https://www.python.org"
EVENTS = {"start": "startEvent", "end": "endEvent", "rejected": "endEvent"}
PREFIXES = {"bpmn": BPMN, "bpmndi": BPMNDI, "dc": DC, "di": DI, "xsi": XSI, "guantong": OWN}


def bpmn(pack: Pack, process: ProcessDefinition, *, locale: str) -> str:
    """Return the process as a BPMN 2.0 document.

    Args:
        pack: what names its actors, forms and other processes.
        process: which of the pack's processes.
        locale: the language of names and documentation.
    """
    return _Export(pack, process, locale).document()


class _Export:
    def __init__(self, pack: Pack, process: ProcessDefinition, locale: str) -> None:
        self.pack, self.process, self.locale = pack, process, locale
        self.plan: Plan = plan(process)

    def document(self) -> str:
        for prefix, uri in PREFIXES.items():
            ET.register_namespace(prefix, uri)
        root = ET.Element(f"{{{BPMN}}}definitions", {
            "id": f"definitions_{self.process.process}", "targetNamespace": "urn:guantong:processes",
            "expressionLanguage": LANGUAGE, "exporter": "Guantong",
        })  # fmt: skip
        for actor in self.process.actors():
            self._add(root, "resource", id=_actor_id(actor), name=self._actor(actor))
        self._process(root)
        markers = {node.id for node in self.plan.nodes.values() if self._tag(node) == "exclusiveGateway"}
        names = {flow.id: clean(self._flow_name(flow)) for flow in self.plan.flows}
        draw_diagram(root, self.plan, of=self.process.process, names=names, markers=markers)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'

    # --- the process --------------------------------------------------------------------------------------------------

    def _process(self, root: ET.Element) -> None:
        process = self._add(
            root, "process", id=self.process.process, name=self.process.title.in_(self.locale), isExecutable="true"
        )
        self._document(process, told_sentences(self.process))
        season = self.process.season
        facts = {"programme": self.pack.programme, "subject": self.process.subject}
        self._own(process, "process", facts | (season.model_dump() if season else {}))
        for node in self.plan.nodes.values():
            self._node(process, node)
        for flow in self.plan.flows:
            self._flow(process, flow)

    def _node(self, parent: ET.Element, node: Node) -> None:
        incoming = [flow for flow in self.plan.flows if flow.target == node.id]
        outgoing = [flow for flow in self.plan.flows if flow.source == node.id]
        default = next((flow.id for flow in outgoing if flow.condition is None), None)
        element = self._add(parent, self._tag(node), id=node.id, **self._attributes(node, default))
        if node.stage is not None and node.role in ("stage", "split", "end"):
            self._document(element, stage_sentences(self.pack, self.process, node.stage))
            self._facts(element, node.stage)
        for flow in incoming:
            self._add(element, "incoming", flow.id)
        for flow in outgoing:
            self._add(element, "outgoing", flow.id)
        self._inside(element, node)

    @staticmethod
    def _tag(node: Node) -> str:
        if node.role in EVENTS:
            return EVENTS[node.role]
        if node.role != "stage":
            parallel = isinstance(node.stage, ParallelStage) and node.role in ("split", "join")
            return "parallelGateway" if parallel else "exclusiveGateway"
        match node.stage:
            case PublishStage() | WaitStage():
                return "intermediateCatchEvent"
            case SubProcessStage():
                return "callActivity"
            case ActedStage():
                return "userTask"
            case _:
                return "serviceTask"

    def _attributes(self, node: Node, default: str | None) -> dict[str, str]:
        """Return what the element's tag says besides its id."""
        found: dict[str, str] = {}
        if node.role in ("stage", "split") and node.stage is not None:
            found["name"] = stage_title(node.stage, self.locale)
        if node.role in ("start", "end", "rejected"):
            found["name"] = self._event_name(node)
        if self._tag(node) == "exclusiveGateway" and node.role != "join" and default is not None:
            found["default"] = default
        if isinstance(node.stage, SubProcessStage) and node.role == "stage":
            found["calledElement"] = node.stage.runs
        return found

    def _event_name(self, node: Node) -> str:
        if node.role == "start":
            return translate(self.locale, "Start")
        if node.role == "rejected":
            return translate(self.locale, "Case rejected")
        if node.stage is None:
            return translate(self.locale, "End")
        if node.stage.kind == "file":
            return translate(self.locale, "Case filed")
        return stage_title(node.stage, self.locale)

    def _inside(self, element: ET.Element, node: Node) -> None:
        """Write what BPMN wants at the end of an element: who acts, how often it is done, what is waited for."""
        stage = node.stage
        if node.role == "rejected" or (node.role == "end" and self._ends_others(node)):
            self._add(element, "terminateEventDefinition")
        if node.role != "stage":
            return
        if isinstance(stage, ActedStage):
            for actor in dict.fromkeys(getattr(stage, "actors", ())):
                self._add(self._add(element, "potentialOwner"), "resourceRef", _actor_id(actor))
        if isinstance(stage, JudgingStage) and stage.mode != "one":
            self._instances(element, stage)
        if isinstance(stage, PublishStage | WaitStage):
            tag, expression = waits_for(stage if isinstance(stage, PublishStage) else stage.until)
            event = "conditionalEventDefinition" if tag == "condition" else "timerEventDefinition"
            self._expression(self._add(element, event), tag, expression)

    def _ends_others(self, node: Node) -> bool:
        """Tell whether a case ends here while other paths could still be walked."""
        path = self.process.places[node.stage.code].path if node.stage is not None else ()
        return any(isinstance(block, ParallelStage) for block, _ in path)

    def _instances(self, element: ET.Element, stage: Judging) -> None:
        sequential = "true" if stage.mode == "in_sequence" else "false"
        loop = self._add(element, "multiInstanceLoopCharacteristics", isSequential=sequential)
        self._expression(loop, "loopCardinality", cardinality(stage))
        self._expression(loop, "completionCondition", completion(stage))

    def _flow(self, parent: ET.Element, flow: Flow) -> None:
        name = self._flow_name(flow)
        ends = {"sourceRef": flow.source, "targetRef": flow.target}
        element = self._add(parent, "sequenceFlow", id=flow.id, **({"name": name} if name else {}), **ends)
        self._document(element, self._flow_words(flow))
        if flow.condition is not None:
            self._expression(element, "conditionExpression", flow.condition)

    def _flow_name(self, flow: Flow) -> str:
        if flow.ways:
            return ", ".join(dict.fromkeys(translate(self.locale, way.outcome) for way in flow.ways))
        return arm_titles(self.process, flow.arm[0].code, self.locale)[flow.arm[1]] if flow.arm else ""

    def _flow_words(self, flow: Flow) -> Iterator[Message]:
        if flow.arm is not None and isinstance(flow.arm[0], BranchStage):
            condition = flow.arm[0].ways[flow.arm[1]].when
            if condition is not None:
                yield condition_words(self.pack, self.process, condition)
        source, targets = self.plan.nodes[flow.source].stage, [way.to for way in flow.ways if way.to is not None]
        for target in dict.fromkeys(targets):
            path = self.process.places[source.code].path if source is not None else ()
            if any(
                isinstance(block, ParallelStage) and target not in self.process.inside(block.code) for block, _ in path
            ):
                yield Message("What was begun on the other paths after that stage ends too")

    # --- our own facts ------------------------------------------------------------------------------------------------

    def _facts(self, element: ET.Element, stage: Stage) -> None:
        """Write the definition of a stage without what is inside of it, and the variables that decide about it."""
        own = self._own(
            element, "stage", {"code": stage.code, "kind": stage.kind, "mode": getattr(stage, "mode", None)}
        )
        weights = stage.by.votes if isinstance(stage, JudgingStage) and isinstance(stage.by, Votes) else {}
        for actor in getattr(stage, "actors", ()):
            weight = {"weight": str(weights[actor])} if actor in weights else {}
            ET.SubElement(own, f"{{{OWN}}}actor", {"code": actor, "name": self._actor(actor), **weight})
        ways = list(exits(stage))
        if ways:
            values = {"name": variable(stage, "outcome"), "values": " | ".join(outcomes(stage, ways))}
            ET.SubElement(own, f"{{{OWN}}}variable", values)
        dumped = stage.model_dump(mode="json", exclude={"ways", "paths"}, exclude_none=True)
        ET.SubElement(own, f"{{{OWN}}}definition").text = clean(json.dumps(dumped, ensure_ascii=False, sort_keys=True))

    @staticmethod
    def _own(element: ET.Element, name: str, facts: dict[str, str | None]) -> ET.Element:
        values = {key: clean(value) for key, value in facts.items() if value is not None}
        return ET.SubElement(ET.SubElement(element, f"{{{BPMN}}}extensionElements"), f"{{{OWN}}}{name}", values)

    def _actor(self, actor: str) -> str:
        return actor_title(self.pack, actor).in_(self.locale)

    # --- writing ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _add(parent: ET.Element, tag: str, content: str | None = None, **attributes: str) -> ET.Element:
        element = ET.SubElement(parent, f"{{{BPMN}}}{tag}", {key: clean(value) for key, value in attributes.items()})
        if content is not None:
            element.text = clean(content)
        return element

    def _document(self, element: ET.Element, sentences: Iterator[Message]) -> None:
        text = "\n".join(sentence.in_(self.locale) for sentence in sentences)
        if text:
            self._add(element, "documentation", text)

    def _expression(self, parent: ET.Element, tag: str, expression: str) -> None:
        self._add(parent, tag, expression).set(f"{{{XSI}}}type", "bpmn:tFormalExpression")


def _actor_id(actor: str) -> str:
    return f"actor_{actor.replace('/', '.')}"
