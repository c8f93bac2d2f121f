"""The picture of a process: well formed, readable without colours, safe whatever a title holds."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from services.process.definitions import STAGE_KINDS
from services.process.drawing import INNER, TITLE, draw
from services.process.layout import Placed
from services.process.position import Position
from services.process.shapes import OUTLINES, outline
from services.process.text_boxes import width_of, wrap
from tests.process_samples import LONG, SAMPLES, SUBMIT, definition, title

SVG = "{http://www.w3.org/2000/svg}"
RICH = SAMPLES["rich"]
AT = Position(
    open=frozenset({"small", "safety"}), returned=frozenset({"safety"}), done=frozenset({"plan", "guidance", "teaching"}),
    chosen={"money": 2}, visits={"plan": 2, "safety": 3},
)  # fmt: skip


def parsed(*arguments, **more) -> ET.Element:
    return ET.fromstring(draw(*arguments, **more))


def stage(root: ET.Element, code: str) -> ET.Element:
    return next(group for group in root.iter(f"{SVG}g") if group.get("data-stage") == code)


def words(element: ET.Element) -> list[str]:
    return [text.text or "" for text in element.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("direction", ["right", "down"])
def test_every_sample_is_drawn_with_all_its_stages(name, direction):
    root = parsed(SAMPLES[name], "zh", direction=direction)
    assert root.tag == f"{SVG}svg"
    drawn = [group.get("data-stage") for group in root.iter(f"{SVG}g")]
    assert drawn == list(SAMPLES[name].places)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "path",
        "g",
        "text",
    }


def test_the_picture_has_a_title_and_is_told_in_words():
    root = parsed(RICH, "en", AT)
    ids = root.get("aria-labelledby").split()
    found = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert root.get("role") == "img"
    assert [found[each].tag for each in ids] == [f"{SVG}title", f"{SVG}desc"]
    told = found[ids[1]].text
    assert "Guidance (Approval, ✓ done)" in told
    assert "Stage safety (Signing, ↩ returned, now ×3)" in told
    assert "Stage experts (Assessment, – not taken)" in told


def test_the_two_directions_have_ids_of_their_own():
    ids = [
        element.get("id")
        for way in ("right", "down")
        for element in parsed(RICH, "zh", direction=way).iter()
        if element.get("id")
    ]
    assert len(ids) == len(set(ids)) == 4


@pytest.mark.parametrize(
    ("code", "name", "word"),
    [
        ("plan", "done", "✓ 已完成 ×2"),
        ("small", "open", "● 当前"),
        ("safety", "returned", "↩ 退回，当前 ×3"),
        ("board", "ahead", "○ 未到"),
        ("experts", "skipped", "– 未经过"),
    ],
)
def test_a_mark_is_a_class_a_colour_and_a_word(code, name, word):
    group = stage(parsed(RICH, "zh", AT), code)
    assert f"gt-flow-is-{name}" in group.get("class").split()
    assert words(group)[-1] == word
    shape = next(group.iter(f"{SVG}path"))
    assert shape.get("fill").startswith("#")
    assert shape.get("stroke").startswith("#")


def test_kinds_differ_by_outline_and_by_word():
    assert list(OUTLINES) == list(STAGE_KINDS)
    paths = {outline(kind, Placed(0, 0, 100, 60)) for kind in STAGE_KINDS}
    assert len(paths) == len(STAGE_KINDS)
    kinds = {words(stage(parsed(sample, "zh"), code))[0]
             for sample in SAMPLES.values() for code in sample.places}  # fmt: skip
    assert len(kinds) == len(STAGE_KINDS)


def test_a_long_title_is_broken_and_whole():
    lines = words(stage(parsed(RICH, "zh"), "plan"))[1:]
    assert "".join(lines) == LONG
    assert len(lines) > 3
    assert all(width_of(line, TITLE) <= INNER + TITLE for line in lines)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", "\"&'<>]]>", "a\x00b\x08c\ufffe", "</title></svg>", "javascript:alert(1)"]
)
def test_a_hostile_title_is_text(hostile):
    names = title(hostile, hostile)
    way = {"when": {"stage": "plan", "field": "x", "filled": True}, "title": names, "stages": []}
    process = definition(
        {**SUBMIT, "title": names},
        {"branch": "b", "title": names, "ways": [way, {}]},
        {"complete": "end", "title": names},
    )
    drawn = draw(
        process.model_copy(update={"title": process.title.model_copy(update=names)}), "zh", names=lambda _: hostile
    )
    root = ET.fromstring(drawn)
    assert "<script" not in drawn
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "rect",
        "path",
        "g",
        "text",
    }
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or key == "href"]
    assert next(root.iter(f"{SVG}title")).text == "".join(sign for sign in hostile if sign not in "\x00\x08\ufffe")


def test_lines_back_are_dashed_and_explained():
    root = parsed(RICH, "en")
    backs = [path for path in root.iter(f"{SVG}path") if path.get("class") == "gt-flow-back"]
    assert len(backs) == 3  # to plan, guidance and experts
    assert all(path.get("stroke-dasharray") for path in backs)
    assert words(root)[-2:] == ["- - - back to an earlier stage", "may end here: the case can be rejected there"]
    assert not [
        path for path in parsed(SAMPLES["endings"], "en").iter(f"{SVG}path") if path.get("class") == "gt-flow-back"
    ]


def test_what_can_reject_says_so():
    root = parsed(RICH, "en")
    assert "may end here" in words(stage(root, "small"))
    assert "may end here" not in words(stage(root, "guidance"))


def test_actors_are_named_where_somebody_names_them():
    root = parsed(SAMPLES["twenty"], "en", names=lambda actor: f"<{actor}>")
    assert "<chief-coach>" in words(stage(root, "plan"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("指导单位审核", ["指导单位审核"]),
        ("一二三四五六七八，九", ["一二三四五六七八，", "九"]),
        ("plan of the year", ["plan of the", "year"]),
        ("", [""]),
        ("  ", [""]),
    ],
)
def test_lines_break_where_they_may(text, lines):
    assert wrap(text, width=112, size=14) == lines


def test_a_word_wider_than_a_line_is_broken():
    lines = wrap("x" * 40, width=112, size=14)
    assert len(lines) > 2
    assert "".join(lines) == "x" * 40
