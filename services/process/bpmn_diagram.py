"""The diagram of an exported process: where its shapes, lines and their labels stand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from xml.etree import ElementTree as ET  # it only writes

from services.process.bpmn_plan import TASK, Flow, Plan
from services.process.layout import Placed
from services.process.text_boxes import width_of

BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
LABEL, WIDEST, LINE, SIZE = 110.0, 300.0, 14.0, 11.0
"""How wide a label of an event is, how wide the name of a flow may become, and how high one line and its letters are."""


def draw_diagram(root: ET.Element, plan: Plan, *, of: str, names: Mapping[str, str], markers: Collection[str]) -> None:
    """Write the diagram interchange of a process into its document.

    Args:
        root: the document.
        plan: what is drawn where.
        of: the id of the process.
        names: of the flows that have one, by their ids.
        markers: the gateways that show the sign of their kind.
    """
    diagram = ET.SubElement(root, f"{{{BPMNDI}}}BPMNDiagram", {"id": "diagram"})
    plane = ET.SubElement(diagram, f"{{{BPMNDI}}}BPMNPlane", {"id": "plane", "bpmnElement": of})
    for node in plan.nodes:
        marker = {"isMarkerVisible": "true"} if node in markers else {}
        names = {"id": f"shape_{node}", "bpmnElement": node, **marker}
        shape = ET.SubElement(plane, f"{{{BPMNDI}}}BPMNShape", names)
        box = plan.layout.boxes[node]
        _bounds(shape, box)
        if (box.width, box.height) != TASK:  # the name of an event or a gateway stands above it
            _label(shape, Placed(box.x + (box.width - LABEL) / 2, box.y - LINE - 2, LABEL, LINE))
    for flow in plan.flows:
        edge = ET.SubElement(plane, f"{{{BPMNDI}}}BPMNEdge", {"id": f"edge_{flow.id}", "bpmnElement": flow.id})
        for x, y in flow.points:
            ET.SubElement(edge, f"{{{DI}}}waypoint", {"x": f"{x:.1f}", "y": f"{y:.1f}"})
        for place in _flow_label(plan, flow, names.get(flow.id, "")):
            _label(edge, place)


def _flow_label(plan: Plan, flow: Flow, name: str) -> Iterator[Placed]:
    """Yield where a flow's name stands: at the head of its arm, or beside the line that leads back."""
    width = min(width_of(name, SIZE) + 6, WIDEST)
    if not name:
        return
    if flow.ways:
        (x, _), (_, y) = flow.points[:2]
        yield Placed(x + 4, y - LINE, width, LINE)
    elif flow.arm is not None:
        lane = plan.layout.lanes[f"{flow.arm[0].code} {flow.arm[1]}"]
        yield Placed(lane.x + 4, lane.y + 2, width, LINE)


def _label(parent: ET.Element, place: Placed) -> None:
    _bounds(ET.SubElement(parent, f"{{{BPMNDI}}}BPMNLabel"), place)


def _bounds(parent: ET.Element, place: Placed) -> None:
    size = {"x": place.x, "y": place.y, "width": place.width, "height": place.height}
    ET.SubElement(parent, f"{{{DC}}}Bounds", {key: f"{value:.1f}" for key, value in size.items()})
