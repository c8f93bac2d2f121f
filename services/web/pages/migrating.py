"""Moving running cases to another version of their programme: a dry run first, then each case by itself, and a way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.people.access import may_load_programmes
from services.process.definitions import ProcessDefinition
from services.programmes.pinned import pinned_pack
from services.programmes.versions import Versions, versions_of
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.filters import as_id
from services.workflow.migrating import CaseMove, Migration, migrate_cases

router = APIRouter(include_in_schema=False)
BACK = "back"
RENAME = "r:"
HOME = "/administration/programmes"


@dataclass(frozen=True)
class Typed:
    """What stands in the form. to: a version's id, or `back`. cases: those that were shown to move."""

    process: str = ""
    to: str = ""
    renames: dict[str, str] = field(default_factory=dict)
    cases: tuple[UUID, ...] = ()

    @classmethod
    def of(cls, form: Form) -> Typed:
        """Read what was posted."""
        renames = {name[2:][:60]: value[:60] for name, value in form.items if name.startswith(RENAME) and value}
        cases = tuple(found for name, value in form.items if name == "case" and (found := as_id(value)) is not None)
        return cls(form.get("process")[:60], form.get("to")[:40], renames, cases)


@router.get("/administration/programmes/{programme_id}/migrate")
async def choosing_page(page: PageDep, programme_id: UUID) -> Response:
    """Ask which process goes to which version."""
    found = await _versions(page, programme_id)
    return await _show(page, found, Typed(to=str(found.programme.version_id)))


async def _versions(page: Page, programme_id: UUID) -> Versions:
    if not may_load_programmes(page.reader):
        raise NotFoundError
    return await versions_of(page.tx, page.reader, programme_id)


async def _show(
    page: Page,
    found: Versions,
    typed: Typed,
    *,
    moves: list[CaseMove] | None = None,
    problems: list[dict[str, Any]] | None = None,
    status_code: int = 200,
) -> Response:
    processes = await _processes(page, found)
    return page.render(
        "migrate.html",
        status_code=status_code,
        found=found,
        typed=typed,
        processes=processes,
        moves=moves,
        lost=await _lost(page, found, typed),
        problems=problems or [],
        rename=RENAME,
        back=BACK,
    )


async def _processes(page: Page, found: Versions) -> list[ProcessDefinition]:
    """Return the processes of which cases run, as the newest version that has them calls them."""
    running = {each.process for each in found.standing}
    held: dict[str, ProcessDefinition] = {}
    for version in (found.programme.version_id, *dict.fromkeys(each.version_id for each in found.standing)):
        for process in (await pinned_pack(page.tx, version)).processes:
            if process.process in running:
                held.setdefault(process.process, process)
    return list(held.values())


async def _lost(page: Page, found: Versions, typed: Typed) -> list[tuple[str, list[str]]]:
    """Return the stages in which cases stand and that the chosen version lacks, each with what it could be called there."""
    target = as_id(typed.to)
    if target is None or not any(each.id == target for each in found.versions):
        return []
    new = {each.process: each for each in (await pinned_pack(page.tx, target)).processes}.get(typed.process)
    if new is None:
        return []
    standing = {each.stage: each.version_id for each in found.standing if each.process == typed.process and each.stage}
    lost = []
    for stage, version in standing.items():
        old = (await pinned_pack(page.tx, version)).process(typed.process)
        if stage not in new.places and stage in old.places:
            kind = old.stage(stage).kind
            lost.append((stage, [each.code for each in new.all_stages if each.kind == kind]))
    return lost


@router.post("/administration/programmes/{programme_id}/migrate")
async def migrate(page: PageDep, programme_id: UUID) -> Response:
    """Say what would become of each case; once that is confirmed, move those that were shown to move."""
    found, form = await _versions(page, programme_id), await page.form()
    typed = Typed.of(form)
    sure = form.get("sure") == "yes"
    try:
        migration = await _wanted(page, found, typed, sure=sure)
        moves = await migrate_cases(page.tx, migration, dry_run=not sure)
    except (ConflictError, InvalidInputError) as error:
        told = errors.problems_of(error, page.locale)
        said = told or [{"message": errors.words(error, page.locale)}]
        return await _show(page, found, typed, problems=said, status_code=error.status)
    if not sure:
        return await _show(page, found, typed, moves=moves)
    return page.render("migrated.html", found=found, typed=typed, moves=moves, moved=_count(moves), back=BACK)


def _count(moves: Iterable[CaseMove]) -> int:
    return sum(each.moves for each in moves)


async def _wanted(page: Page, found: Versions, typed: Typed, *, sure: bool) -> Migration:
    to = None if typed.to == BACK else as_id(typed.to)
    known = {each.process for each in await _processes(page, found)}
    if typed.process not in known or (to is None and typed.to != BACK):
        said = page.say(N_("Choose a process of which cases run, and a version."))
        raise InvalidInputError([{"field": "process", "message": said}])
    if to is not None:
        found.version(to)
    only = typed.cases if sure else None
    return Migration(
        page.reader.bureau_id, found.programme.code, typed.process, to, typed.renames, page.reader.person_id, only
    )
