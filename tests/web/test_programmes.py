"""A programme's pages: who stands where, what differs, and values that are set after saying what will happen."""

from __future__ import annotations

import html
import re
from uuid import UUID

import httpx
import pytest

from services.people.access import reader_for
from services.process.pack_places import read
from services.process.packs import Pack
from services.programmes.load import propose_pack
from services.programmes.overlays import set_overlay
from services.programmes.pinned import pinned_pack
from tests.pack_copies import changed_pack
from tests.programmes.test_differences import NUMBERS, WITHOUT_GUIDANCE
from tests.web.conftest import Browser, Demo

pytestmark = pytest.mark.postgres

WITHIN = "processes/annual-filing/stages/guidance/within"
GUIDANCE = "processes/annual-filing/stages/guidance"


async def programme(demo: Demo) -> str:
    return f"/administration/programmes/{(await demo.rows('SELECT id FROM programme'))[0]['id']}"


async def administrator(demo: Demo, language: str = "en") -> Browser:
    browser = await demo.sign_in("administrator")
    await browser.post("/language", {"language": language, "next": "/account"})
    return browser


def text(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def typed(answer: httpx.Response) -> dict[str, str]:
    """Return the entries of the page's form as a browser would send them."""
    found = dict(re.findall(r'<input[^>]* name="(v:[^"]+)" value="([^"]*)"', answer.text))
    found |= dict(re.findall(r'<textarea[^>]* name="(v:[^"]+)"[^>]*>([^<]*)<', answer.text))
    return {name: html.unescape(value) for name, value in found.items()}


async def in_force(demo: Demo) -> Pack:
    async with demo.store.transaction() as tx:
        (row,) = await tx.rows("SELECT version_id FROM programme")
        return await pinned_pack(tx, row["version_id"])


async def propose(demo: Demo, pack: Pack) -> UUID:
    async with demo.store.transaction() as tx:
        (row,) = await tx.rows("SELECT bureau_id FROM programme")
        return (await propose_pack(tx, row["bureau_id"], pack)).id


async def set_within(demo: Demo, value: str) -> None:
    async with demo.store.transaction() as tx:
        (row,) = await tx.rows("SELECT id, bureau_id FROM programme")
        (who,) = await tx.rows("SELECT person_id FROM account WHERE login = 'administrator'")
        by = await reader_for(tx, bureau_id=row["bureau_id"], person_id=who["person_id"])
        await set_overlay(tx, by, row["id"], {WITHIN: value}, reason="x")


@pytest.mark.parametrize(
    ("language", "stage"),
    [("en", "“Guidance” of “Annual plan filing”"), ("zh", "“年度项目实施方案备案”的“指导单位审核”")],
)
async def test_the_page_says_which_cases_stand_where_and_under_which_version(demo, language, stage):
    browser = await administrator(demo, language)
    page = await browser.get("/administration")
    at = await programme(demo)
    assert f'href="{at}"' in page.text
    shown = await browser.get(at)
    assert stage in text(shown)
    assert (await in_force(demo)).digest()[:12] in text(shown)


async def test_values_are_edited_confirmed_and_set(demo):
    browser, at = await administrator(demo), await programme(demo)
    assert f"{at}/values?of={GUIDANCE}" in (await browser.get(f"{at}/values")).text
    form = await browser.get(f"{at}/values", params={"of": GUIDANCE})
    entries = typed(form)
    assert entries[f"v:{WITHIN}"] == "5wd"
    assert '<option value="guiding-unit/reviewer">Guiding unit: Guiding reviewer</option>' in form.text
    asked = await browser.post(f"{at}/values/preview", {**entries, "of": GUIDANCE, f"v:{WITHIN}": "8wd"})
    assert asked.status_code == 200
    assert "stage “Guidance”: time allowed: 5 workdays → 8 workdays" in text(asked)
    assert "running cases stay under their version." in text(asked)
    kept = typed(asked)
    assert kept == {**entries, f"v:{WITHIN}": "8wd"}
    refused = await browser.post(f"{at}/values", {**kept, "of": GUIDANCE, "seen": "0"})
    assert (refused.status_code, typed(refused)) == (422, kept)
    done = await browser.post(f"{at}/values", {**kept, "of": GUIDANCE, "seen": "0", "reason": "Two schools more"})
    assert (done.status_code, done.headers["location"]) == (303, at)
    assert read((await in_force(demo)).resolved(), WITHIN) == "8wd"
    base = await demo.rows("SELECT base_id FROM programme_overlay")
    without = await browser.get(f"{at}/versions/{base[0]['base_id']}")
    assert "time allowed: 8 workdays → 5 workdays" in text(without)
    assert '<form method="post" action="/administration' not in without.text
    shown = text(await browser.get(at))
    assert "Process “Annual plan filing”: stage “Guidance”: time allowed 5 workdays 8 workdays" in shown
    assert "Two schools more" in shown
    rows = await demo.rows("SELECT count(DISTINCT version_id) AS n FROM cases")
    assert rows[0]["n"] == 1


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(demo):
    browser, at = await administrator(demo), await programme(demo)
    entries = typed(await browser.get(f"{at}/values", params={"of": GUIDANCE}))
    wrong = {**entries, "of": GUIDANCE, f"v:{WITHIN}": "soon", f"v:{GUIDANCE}/by": "nowhere/clerk"}
    answer = await browser.post(f"{at}/values/preview", wrong)
    assert answer.status_code == 422
    assert re.search(
        rf'name="v:{WITHIN}" value="soon".*?gt-problem[^>]*>“soon” is not a length of time', answer.text, re.DOTALL
    )
    assert typed(answer)[f"v:{GUIDANCE}/by"] == "nowhere/clerk"
    answer = await browser.post(f"{at}/values/preview", {**wrong, f"v:{WITHIN}": "5wd"})
    assert "there is no unit “nowhere”" in text(answer)
    again = await browser.post(f"{at}/values/preview", {**wrong, "again": "yes"})
    assert (again.status_code, typed(again)[f"v:{WITHIN}"]) == (200, "soon")
    unchanged = await browser.post(f"{at}/values/preview", {**entries, "of": GUIDANCE})
    assert "Nothing is different" in text(unchanged)


async def test_values_set_by_somebody_else_meanwhile_are_told(demo):
    browser, at = await administrator(demo), await programme(demo)
    entries = typed(await browser.get(f"{at}/values", params={"of": GUIDANCE})) | {f"v:{WITHIN}": "9wd"}
    await set_within(demo, "8wd")
    answer = await browser.post(f"{at}/values", {**entries, "of": GUIDANCE, "seen": "0", "reason": "x"})
    assert (answer.status_code, "has changed since you opened it" in text(answer)) == (409, True)
    assert read((await in_force(demo)).resolved(), WITHIN) == "8wd"


async def test_a_proposed_version_shows_its_difference_and_is_put_in_force(demo, tmp_path):
    newer = changed_pack(tmp_path / "pack", *NUMBERS)
    version = await propose(demo, newer)
    browser, at = await administrator(demo), await programme(demo)
    assert "Difference, put in force …" in text(await browser.get(at))
    shown = await browser.get(f"{at}/versions/{version}")
    assert "stage “Guidance”: time allowed: 5 workdays → 8 workdays" in text(shown)
    done = await browser.post(f"{at}/versions/{version}", {"reason": "The city's notice"})
    assert done.status_code == 303
    assert (await in_force(demo)).digest() == newer.digest()
    now = text(await browser.get(f"{at}/versions/{version}"))
    assert "Differences to the version before it" in now
    assert "5 workdays → 8 workdays" in now


async def test_a_conflict_needs_a_decision_on_the_page(demo, tmp_path):
    await set_within(demo, "9wd")
    version = await propose(demo, changed_pack(tmp_path / "pack", *NUMBERS))
    browser, at = await administrator(demo), await programme(demo)
    shown = await browser.get(f"{at}/versions/{version}")
    assert "the pack says 8 workdays instead of 5 workdays; the bureau has set 9 workdays" in text(shown)
    assert shown.text.count(f'name="d:{WITHIN}"') == 2
    refused = await browser.post(f"{at}/versions/{version}")
    assert (refused.status_code, "Say for each whose counts" in text(refused)) == (409, True)
    done = await browser.post(f"{at}/versions/{version}", {f"d:{WITHIN}": "ours"})
    assert done.status_code == 303
    assert read((await in_force(demo)).resolved(), WITHIN) == "9wd"
    own = await demo.rows("SELECT v.id FROM programme p JOIN programme_version v ON v.id = p.version_id")
    assert (await browser.post(f"{at}/versions/{own[0]['id']}")).status_code == 404


async def test_a_stage_that_cases_stand_in_is_lost_only_where_that_is_confirmed(demo, tmp_path):
    version = await propose(demo, changed_pack(tmp_path / "pack", *WITHOUT_GUIDANCE))
    browser, at = await administrator(demo), await programme(demo)
    shown = await browser.get(f"{at}/versions/{version}")
    assert re.search(r"ATTENTION: \d running cases stand in “Guidance”", text(shown))
    before = (await in_force(demo)).digest()
    assert (await browser.post(f"{at}/versions/{version}")).status_code == 409
    assert (await in_force(demo)).digest() == before
    assert (await browser.post(f"{at}/versions/{version}", {"sure": "yes"})).status_code == 303
    assert (await in_force(demo)).digest() != before


async def test_what_is_not_there_is_not_found(demo):
    browser, at = await administrator(demo), await programme(demo)
    for path in ("/values?of=nowhere", "/versions/00000000-0000-7000-8000-000000000000"):
        assert (await browser.get(f"{at}{path}")).status_code == 404
    for path in ("/values", "/values/preview"):
        assert (await browser.post(f"{at}{path}", {"of": "nowhere"})).status_code == 404
