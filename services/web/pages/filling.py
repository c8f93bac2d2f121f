"""The form page of who submits: typed rows, autosave, errors beside the fields, submission with confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from services.errors import ClosedError, ConflictError, GuantongError, InvalidInputError
from services.i18n import N_, ntranslate
from services.process.definitions import Localized, SubmitStage
from services.process.forms import FormDefinition, Problem, RowsField, clean, diff, parse_form_post
from services.programmes.telling import actor_title
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.forms import sum_lines
from services.web.numbers import whole
from services.web.pages.desk import more_of
from services.web.plans import moved
from services.workflow import acts, drafts
from services.workflow.cases import CaseView, case_view
from services.workflow.drafts import DraftConflictError, DraftView
from services.workflow.remarks import RemarkView
from services.workflow.timeline import return_of

router = APIRouter(include_in_schema=False)


@dataclass
class Shown:
    """What the form page shows beside the draft: typed data that is not saved, problems, a sentence, a merge."""

    data: Mapping[str, Any] | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    said: str = ""
    merge: bool = False
    add: str = ""
    status_code: int = 200


@router.get("/cases/{case_id}/form")
async def form_page(page: PageDep, case_id: UUID, check: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Show the draft; with `check` also what would be refused now."""
    view = await case_view(page.tx, page.reader, case_id)
    draft = await drafts.open_draft(page.tx, by=page.reader, case_id=case_id)
    problems = told(page, draft.problems) if check else []
    return await _show(page, view, draft, Shown(problems=problems))


async def _show(page: Page, view: CaseView, draft: DraftView, shown: Shown) -> Response:
    data = shown.data if shown.data is not None else draft.data
    remarks, lost = _remarks(view, draft.form, data)
    task = next((each for each in view.tasks if each.id == draft.task_id), None)
    return page.render(
        "filling.html",
        status_code=shown.status_code,
        view=view,
        draft=draft,
        form=draft.form,
        data=data,
        version=draft.version,
        task=task,
        problems=shown.problems,
        problem_at={each.get("path", ""): each["message"] for each in reversed(shown.problems)},
        remarks=remarks,
        lost_remarks=lost,
        reason=await return_of(page.tx, view.id),
        sums={each["path"]: each for each in sum_lines(draft.form, data)},
        said=shown.said,
        changes=diff(draft.form, draft.data, data) if shown.merge else [],
        merge=shown.merge,
        add=shown.add,
        closed=_closed(page, view) if "submit" not in view.may else "",
        following=_following(view),
        limit=page.settings.attachment_limit,
        key=page.tx.ids.token(),
        **(more_of(page, view, task) if task is not None else {"dialogs": [], "to_somebody": []}),
    )


def _following(view: CaseView) -> Localized:
    """Return the title of the stage that a submission goes on to."""
    stage = view.definition.after(view.stage) if view.stage else None
    if stage is None:
        return view.definition.title
    return stage.title or Localized(zh=stage.code, en=stage.code)


def _remarks(
    view: CaseView, form: FormDefinition, data: Mapping[str, Any]
) -> tuple[dict[str, list[RemarkView]], list[RemarkView]]:
    """Return the returner's remarks by where their entries stand in the draft now, and those whose row is gone."""
    last = view.last_submission
    found: dict[str, list[RemarkView]] = {}
    lost: list[RemarkView] = []
    for remark in view.remarks:
        if last is None or not remark.sent or remark.submission_id != last.id:
            continue
        path = moved(form, remark.path, before=last.data, after=data)
        if path is None:
            lost.append(remark)
        else:
            found.setdefault(path, []).append(remark)
    return found, lost


def _closed(page: Page, view: CaseView) -> str:
    """Say that the hard close has passed and who may open it again."""
    stage = view.definition.stage(view.stage) if view.stage else None
    task = next((each for each in view.tasks if each.mine), None)
    if not isinstance(stage, SubmitStage) or stage.close is None or task is None or task.close_at is None:
        return ""
    granter = actor_title(view.pack, stage.close.exceptions).in_(page.locale) if stage.close.exceptions else "-"
    closed = page.dates.day(page.dates.last_day(task.close_at, page.reader.zone))
    return page.say(
        N_("This closed at the end of {closed}. Only a late exception by {who} opens it again."),
        closed=closed,
        who=granter,
    )


def told(page: Page, problems: tuple[Problem, ...] | list[Problem]) -> list[dict[str, Any]]:
    """Return problems with their words in the page's language."""
    return [{"path": each.path, "message": each.message.in_(page.locale)} for each in problems]


@router.post("/cases/{case_id}/draft")
async def autosave(page: PageDep, case_id: UUID) -> Response:
    """Save what is typed, as our script sends it; answer with the sums and the problems that are left."""
    return await autosaved(page, case_id)


async def autosaved(page: Page, case_id: UUID, *, task_id: UUID | None = None) -> Response:
    """Save the draft of a case's form, or of a task's, and answer our script."""
    form = await page.form()
    try:
        saved = await save(page, case_id, form, task_id=task_id)
    except GuantongError as error:
        return JSONResponse({"words": words_of(page, error)}, error.status)
    draft = await drafts.open_draft(page.tx, by=page.reader, case_id=case_id, task_id=task_id)
    return JSONResponse({"version": saved, **live(page, draft)})


def live(page: Page, draft: DraftView) -> dict[str, Any]:
    """Return what the open page puts in its places after a save."""
    at = page.dates.clock(page.tx.now, page.reader.zone)
    sums = [
        {
            "path": each["path"],
            "holds": each["holds"],
            "shown": each["shown"],
            "words": page.say(N_("the lines make {made}"), made=each["made"]),
        }
        for each in sum_lines(draft.form, draft.data)
    ]
    texts = page.forms
    totals = {
        f"{part.part}.{each.field}.{name}": total
        for part, each in draft.form.walk()
        if isinstance(each, RowsField)
        for name, total in texts.totals(
            draft.form, f"{part.part}.{each.field}", draft.data[part.part][each.field]
        ).items()
    }
    left = len(draft.problems)
    return {
        "words": page.say(N_("saved {at}"), at=at),
        "sums": sums,
        "totals": totals,
        "problems": told(page, draft.problems),
        "left": _left(page, left),
    }


def _left(page: Page, n: int) -> str:
    if not n:
        return page.say(N_("ready to be submitted"))
    return ntranslate(
        page.locale,
        "{n} entry is still to be filled in or corrected",
        "{n} entries are still to be filled in or corrected",
        n,
    )


def words_of(page: Page, error: GuantongError) -> str:
    """Say why a draft was not saved."""
    if isinstance(error, DraftConflictError):
        return page.say(
            N_("This draft was saved in another window at {saved}. What you typed here is still here, but not saved."),
            saved=_local(page, error.details.get("saved")),
        )
    problems = errors.problems_of(error, page.locale)
    told = " ".join(str(each["message"]) for each in problems[:3])
    return told or errors.words(error, page.locale, zone=page.reader.zone)


def _local(page: Page, instant: Any) -> str:
    return str(errors.said_value(str(instant), page.locale, page.reader.zone))


async def save(page: Page, case_id: UUID, form: Form, *, task_id: UUID | None = None) -> int:
    """Save what a form holds as the draft of a case's form, or of a task's; return the draft's new version."""
    draft = await drafts.open_draft(page.tx, by=page.reader, case_id=case_id, task_id=task_id)
    data, version = typed_data(draft, form), form.number("version")
    return await drafts.save_draft(
        page.tx, by=page.reader, case_id=case_id, data=data, version=version, task_id=task_id
    )


def typed_data(draft: DraftView, form: Form) -> dict[str, Any]:
    """Return what was typed as raw data; files are attached and removed on their own, so the draft's stand."""
    raw = parse_form_post(draft.form, form.items)
    for part, each in draft.form.walk():
        if each.type == "attachments":
            raw.setdefault(part.part, {})[each.field] = draft.data[part.part][each.field]
    return raw


@router.post("/cases/{case_id}/form")
async def send_form(page: PageDep, case_id: UUID) -> Response:
    """Save, check or submit, as the pressed button says. Whatever happens, what was typed is shown again or kept."""
    form = await page.form()
    act, _, place = form.get("act", "save").partition(":")
    view = await case_view(page.tx, page.reader, case_id)
    draft = await drafts.open_draft(page.tx, by=page.reader, case_id=case_id)
    raw = typed_data(draft, form)
    if act == "merge":
        return await _merge(page, view, draft, raw, said="")
    if act == "remove":
        remove_row(raw, place)
    try:
        await drafts.save_draft(page.tx, by=page.reader, case_id=case_id, data=raw, version=form.number("version"))
    except DraftConflictError as error:
        return await _merge(page, view, draft, raw, said=words_of(page, error))
    except InvalidInputError as error:
        shown = Shown(data=readable(draft, raw), problems=errors.problems_of(error, page.locale), status_code=422)
        return await _show(page, view, draft, shown)
    if act == "submit":
        return await _submit(page, view, draft, form)
    return await _after_saving(page, view, act, place)


async def _after_saving(page: Page, view: CaseView, act: str, place: str) -> Response:
    case_id = view.id
    if act == "check":
        return page.go(f"/cases/{case_id}/form?check=1")
    if act in {"add", "remove"}:
        saved = await drafts.open_draft(page.tx, by=page.reader, case_id=case_id)
        return await _show(page, view, saved, Shown(add=place if act == "add" else ""))
    return page.go(f"/cases/{case_id}/form", page.say(N_("The draft is saved.")))


def remove_row(raw: dict[str, Any], place: str) -> None:
    """Take the row at `part.field.n` out of typed data."""
    part, _, rest = place.partition(".")
    name, _, index = rest.partition(".")
    rows = raw.get(part, {}).get(name)
    at = whole(index)
    if isinstance(rows, list) and at is not None and at < len(rows):
        del rows[at]


def readable(draft: DraftView, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return typed data that cannot be kept whole, entry by entry: what can be shown is shown, the rest is the draft's."""
    kept: dict[str, Any] = {part: dict(values) for part, values in draft.data.items()}
    for part, each in draft.form.walk():
        given = raw.get(part.part, {}).get(each.field) if isinstance(raw.get(part.part), Mapping) else None
        try:
            one = clean(draft.form, {part.part: {each.field: given}})
        except InvalidInputError:
            continue
        kept[part.part][each.field] = one[part.part][each.field]
    return kept


async def _merge(page: Page, view: CaseView, draft: DraftView, raw: Mapping[str, Any], *, said: str) -> Response:
    """Show what was typed against what another window saved; saving now saves over that."""
    shown = Shown(data=readable(draft, raw), said=said, merge=True, status_code=409 if said else 200)
    return await _show(page, view, draft, shown)


async def _submit(page: Page, view: CaseView, draft: DraftView, form: Form) -> Response:
    try:
        outcome = await acts.submit_plan(
            page.tx,
            by=page.reader,
            task_id=draft.task_id,
            version=form.number("case_version"),
            key=form.get("key")[:200] or None,
        )
    except (InvalidInputError, ConflictError) as error:
        # Not raised on: the draft that was just saved must stay saved.
        saved = await drafts.open_draft(page.tx, by=page.reader, case_id=view.id)
        problems = errors.problems_of(error, page.locale)
        said = _closed(page, view) if isinstance(error, ClosedError) else ""
        said = said or ("" if problems else words_of(page, error))
        return await _show(page, view, saved, Shown(problems=problems, said=said, status_code=error.status))
    after = await case_view(page.tx, page.reader, outcome.case_id)
    stage = next((mark.title for mark in after.stages if mark.code == outcome.state), None)
    title = stage.in_(page.locale) if stage else outcome.state
    said = page.say(
        N_("Submitted. It stands at “{stage}” now; you can withdraw it while nobody has acted."), stage=title
    )
    return page.go(f"/cases/{view.id}", said, kind="warning" if outcome.late else "success")
