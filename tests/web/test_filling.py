"""The form: what was typed is kept whatever happens, mistakes are told beside the field, files are judged."""

import html
import io
import re
import zipfile
from datetime import UTC, datetime

import pytest

from services.store.clock import set_clock
from tests.web.conftest import Browser, Demo

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
TAG = re.compile(r"<(?:(input)\b([^>]*)()|(select|textarea)\b([^>]*)>(.*?)</(?:select|textarea)>)", re.DOTALL)


def posted(page: str) -> dict[str, str]:
    """Return what a browser would send for the form of the page, without its templates and buttons."""
    form = page[page.index('<form method="post" action="/cases/') :]
    form = re.sub(r"<template.*?</template>", "", form, flags=re.DOTALL)
    form = form[: form.index("</form>")]
    found: dict[str, str] = {}
    for groups in TAG.findall(form):
        kind, attributes, inner = groups[:3] if groups[0] else groups[3:]
        name = re.search(r'name="([^"]+)"', attributes)
        if name is None or 'type="file"' in attributes:
            continue
        found[name[1]] = html.unescape(_value(kind, attributes, inner))
    return found


def _value(kind: str, attributes: str, inner: str) -> str:
    if kind == "select":
        chosen = re.search(r'<option value="([^"]*)" selected', inner)
        return chosen[1] if chosen else ""
    if kind == "textarea":
        return inner.removeprefix("\n")
    held = re.search(r'value="([^"]*)"', attributes)
    return held[1] if held else ""


@pytest.fixture
async def math(demo: Demo) -> str:
    return f"/cases/{await demo.case('math')}"


@pytest.fixture
async def chief(demo: Demo) -> Browser:
    return await demo.sign_in("math-chief")


async def test_budget_that_does_not_add_up_is_told_beside_the_field_and_in_the_summary(chief: Browser, math: str):
    page = (await chief.get(f"{math}/form")).text
    answer = await chief.post(f"{math}/form", {**posted(page), "act": "submit"})
    assert answer.status_code == 422
    assert '<a href="#f-budget.total">' in answer.text
    told = re.search(r'id="p-budget.total"[^>]*>([^<]*)<', answer.text)[1]
    assert "26,024.00" in told
    assert "26,000.00" in told


async def test_corrected_plan_is_submitted_and_can_be_withdrawn(demo: Demo, chief: Browser, math: str):
    page = (await chief.get(f"{math}/form")).text
    answer = await chief.post(f"{math}/form", {**posted(page), "budget.total": "26024", "act": "submit"})
    assert (answer.status_code, answer.headers["location"]) == (303, math)
    case = (await chief.get(math)).text
    assert "已提报" in case
    form = {name: re.search(rf'name="{name}" value="([^"]*)"', case)[1] for name in ("version", "key")}
    answer = await chief.post(f"{math}/withdraw", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{math}/form")
    assert posted((await chief.get(f"{math}/form")).text)["budget.total"] == "26024.00"


async def test_autosave_answers_with_sums_and_keeps_right_and_wrong_entries(chief: Browser, math: str):
    sent = posted((await chief.get(f"{math}/form")).text)
    sent["budget.lines.0.amount"] = "30000"
    sent["trainees.number"] = "很多"
    answer = await chief.post(f"{math}/draft", sent)
    told = answer.json()
    assert told["version"] == int(sent["version"]) + 1
    assert re.fullmatch(r"\d\d:\d\d 已保存", told["words"])
    total = next(each for each in told["sums"] if each["path"] == "budget.total")
    assert (total["words"], total["holds"]) == ("各行合计 36,024.00", False)
    assert told["totals"]["budget.lines.amount"] == "36,024.00"
    assert any(each["path"] == "trainees.number" for each in told["problems"])
    assert posted((await chief.get(f"{math}/form")).text)["trainees.number"] == "很多"


async def test_draft_of_another_window_is_not_overwritten(demo: Demo, chief: Browser, math: str):
    here = posted((await chief.get(f"{math}/form")).text)
    await chief.post(f"{math}/draft", {**here, "trainees.number": "40"})
    late = {**here, "trainees.number": "45"}
    answer = await chief.post(f"{math}/draft", late)
    assert answer.status_code == 409
    assert "另一窗口保存" in answer.json()["words"]
    answer = await chief.post(f"{math}/form", {**late, "act": "save"})
    assert answer.status_code == 409
    mine = posted(answer.text)
    assert mine["trainees.number"] == "45"
    compared = answer.text[answer.text.index("您输入的内容与另一窗口") :][:1500]
    assert re.search(r"gt-before[^>]*>\s*40", compared)
    assert posted((await chief.get(f"{math}/form")).text)["trainees.number"] == "40"
    assert (await chief.post(f"{math}/form", {**mine, "act": "save"})).status_code == 303
    assert posted((await chief.get(f"{math}/form")).text)["trainees.number"] == "45"


async def test_rows_are_added_and_removed_without_scripts(chief: Browser, math: str):
    sent = posted((await chief.get(f"{math}/form")).text)
    answer = await chief.post(f"{math}/form", {**sent, "act": "add:goals.items"})
    grown = posted(answer.text)
    assert "goals.items.2.goal" in grown
    answer = await chief.post(f"{math}/form", {**grown, "act": "remove:goals.items.0"})
    assert posted(answer.text)["goals.items.0.goal"] == sent["goals.items.1.goal"]


@pytest.mark.parametrize(
    "text",
    [
        "表情😀👩‍👩‍👧‍👦 العربية עברית \u202eabc\u202c",
        "一行\n两行\n\n\t缩进",
        "<script>alert(1)</script> & \"引号\" 'x' {{ 7*7 }} {% raw %}",
        "长" * 90_000,
    ],
)
async def test_unusual_text_is_kept_whole(chief: Browser, math: str, text: str):
    sent = {**posted((await chief.get(f"{math}/form")).text), "trainees.procedure": text}
    assert (await chief.post(f"{math}/draft", sent)).status_code == 200
    page = (await chief.get(f"{math}/form")).text
    assert posted(page)["trainees.procedure"] == text
    assert "<script>alert" not in page


async def test_megabyte_in_one_field_is_refused_in_words_and_the_rest_is_shown_again(chief: Browser, math: str):
    sent = {
        **posted((await chief.get(f"{math}/form")).text),
        "trainees.procedure": "x" * 2**20,
        "trainees.number": "33",
    }
    answer = await chief.post(f"{math}/draft", sent)
    assert answer.status_code == 422
    assert "100,000" in answer.json()["words"]
    answer = await chief.post(f"{math}/form", {**sent, "act": "save"})
    assert answer.status_code == 422
    assert posted(answer.text)["trainees.number"] == "33"


async def upload(chief: Browser, math: str, name: str, content: bytes, **more):
    files = {"file": (name, content, "application/pdf")}
    return await chief.post(f"{math}/attachments", {"field": "attachments.files", **more}, files=files)


async def test_attachment_is_shown_in_a_frame_and_named_in_the_draft(demo: Demo, chief: Browser, math: str):
    await chief.get(f"{math}/form")
    assert (await upload(chief, math, "培训 方案.pdf", PDF)).status_code == 303
    page = (await chief.get(f"{math}/form")).text
    file = re.search(r'href="(/files/[0-9a-f-]+)"', page)[1]
    answer = await chief.get(file)
    assert answer.content == PDF
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["content-disposition"].startswith("inline")
    assert (await chief.get(f"{file}?download=1")).headers["content-disposition"].startswith("attachment")
    stranger = await demo.sign_in("physics-chief")
    assert (await stranger.get(file)).status_code == 404
    remove = re.search(r'id="remove-([0-9a-f-]+)"', page)[1]
    assert (await chief.post(f"{math}/attachments/{remove}/remove")).status_code == 303
    assert "还没有附件" in (await chief.get(f"{math}/form")).text


async def test_script_sends_a_file_alone(chief: Browser, math: str):
    await chief.get(f"{math}/form")
    headers = {"X-CSRF-Token": chief.token, "X-File-Name": "%E6%96%B9%E6%A1%88.pdf"}
    where = f"{math}/attachments?field=attachments.files"
    answer = await chief.http.post(where, content=PDF, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (200, "方案.pdf")
    answer = await chief.http.post(where, content=b"", headers=headers)
    assert (answer.status_code, "空" in answer.json()["words"]) == (422, True)
    assert (await chief.http.post(where, content=PDF, headers={"X-File-Name": "a.pdf"})).status_code == 403


def _archive(name: str = "x.txt") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, "x")
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plan.pdf", _archive()),
        ("plan.docx", _archive()),
        ("plan.pdf", b""),
        ("plan.exe", b"MZ\x90\x00"),
        ("plan.html", b"<script>alert(1)</script>"),
        ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("plan.png", b"<script>alert(1)</script>"),
        ("plan.txt", b"\x00\x01"),
        ("noending", b"text"),
    ],
)
async def test_files_that_are_not_what_they_say_are_refused(demo: Demo, chief: Browser, math: str, name, content):
    await chief.get(f"{math}/form")
    answer = await upload(chief, math, name, content)
    assert answer.status_code == 422
    assert name in answer.text or "空" in answer.text
    assert await demo.rows("SELECT id FROM attachment") == []


async def test_file_beyond_the_limit_is_refused_and_nothing_of_it_stays(demo: Demo, chief: Browser, math: str):
    await chief.get(f"{math}/form")
    headers = {"X-CSRF-Token": chief.token, "X-File-Name": "a.pdf"}
    where = f"{math}/attachments?field=attachments.files"

    async def stream():
        for _ in range(40):
            yield b"x" * 2**16

    assert (await chief.http.post(where, content=stream(), headers=headers)).status_code == 413
    length = {**headers, "Content-Length": str(200 * 2**20)}
    assert (await chief.http.post(where, content=b"%PDF-", headers=length)).status_code == 413
    assert list(demo.app.state.files.digests()) == []


async def test_after_the_close_the_form_says_who_may_open_it_and_an_exception_does(
    demo: Demo, chief: Browser, math: str
):
    async with demo.store.engine.begin() as connection:
        await set_clock(connection, datetime(2027, 2, 22, 1, 0, tzinfo=UTC), frozen=True)
    page = (await chief.get(f"{math}/form")).text
    assert "基教处" in re.search(r"已于[^<]*截止[^<]*", page)[0]
    sent = {**posted(page), "budget.total": "26024", "act": "submit"}
    answer = await chief.post(f"{math}/form", sent)
    assert answer.status_code == 409
    assert posted(answer.text)["budget.total"] == "26024.00"
    head = await demo.sign_in("basic-head")
    grant = (await head.get(f"{math}/exception")).text
    hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', grant)[1] for name in ("version", "key")}
    for wrong in (
        {"until": "someday", "words": "x"},
        {"until": "2027-02-26", "words": ""},
        {"until": "2020-01-01", "words": "x"},
    ):
        assert (await head.post(f"{math}/exception", {**hidden, **wrong})).status_code == 422
    answer = await head.post(f"{math}/exception", {**hidden, "until": "2027-02-26", "words": "首席教练员住院。"})
    assert (answer.status_code, answer.headers["location"]) == (303, math)
    page = (await chief.get(f"{math}/form")).text
    answer = await chief.post(f"{math}/form", {**posted(page), "act": "submit"})
    assert (answer.status_code, answer.headers["location"]) == (303, math)
    assert "逾期" in (await chief.get(math)).text
