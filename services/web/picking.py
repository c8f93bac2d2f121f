"""Choosing colleagues in a form: found by name, kept while one looks for more."""

from __future__ import annotations

from uuid import UUID

from services.people.finding import Colleague, colleagues, find_colleagues
from services.web.arrival import Form
from services.web.edge import Page
from services.web.filters import as_id
from services.workflow.copies import MOST_TO


def chosen(form: Form) -> list[UUID]:
    """Return whom a form names as `to`."""
    found = (as_id(value) for name, value in form.items if name == "to")
    return [each for each in dict.fromkeys(found) if each is not None]


async def people_to_choose(page: Page, form: Form) -> list[Colleague]:
    """Return who is chosen already, then who is found by the name that was typed."""
    named = await colleagues(page.tx, page.reader, chosen(form)[:MOST_TO])
    held = {each.id for each in named} | {page.reader.person_id}
    found = await find_colleagues(page.tx, page.reader, form.get("q"))
    return [*named, *(each for each in found if each.id not in held)]
