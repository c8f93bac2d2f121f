"""Exported processes open in bpmn-js, the viewer that most tools are built on, without a warning and complete."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser

from services.adapters.packs import read_pack
from services.process.bpmn import bpmn
from services.process.bpmn_plan import plan
from tests.process_samples import SAMPLES, pack

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
VIEWER = ROOT / "tests/browser/vendor/bpmn-js-18.31.1/bpmn-viewer.production.min.js"
SHIPPED = [read_pack(each.parent) for each in sorted((ROOT / "programmes").glob("*/programme.yaml"))]
EVERY = [(pack(), each) for each in SAMPLES.values()] + [(each, one) for each in SHIPPED for one in each.processes]
OPEN = """async xml => {
    const viewer = new BpmnJS({container: "#canvas"});
    const {warnings} = await viewer.importXML(xml);
    const found = viewer.get("elementRegistry").filter(each => !each.labelTarget && each.parent);
    return {
        warnings: warnings.map(each => each.message),
        shapes: found.filter(each => !each.waypoints).map(each => each.id).sort(),
        lines: found.filter(each => each.waypoints).map(each => each.id).sort(),
    };
}"""


@pytest.mark.parametrize(("owner", "process"), EVERY, ids=[process.process for _, process in EVERY])
async def test_bpmn_js_opens_every_process(chromium: Browser, owner, process):
    page = await chromium.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        await page.set_content('<div id="canvas" style="width: 1200px; height: 800px"></div>')
        await page.add_script_tag(path=VIEWER)
        found = await page.evaluate(OPEN, bpmn(owner, process, locale="zh"))
    finally:
        await page.close()
    exported = plan(process)
    assert found == {
        "warnings": [],
        "shapes": sorted(exported.nodes),
        "lines": sorted(flow.id for flow in exported.flows),
    }
    assert said == []
