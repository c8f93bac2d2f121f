"""Sign in and out, activation by slip, one's own password and language."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import func
from sqlmodel import col, select
from starlette.responses import RedirectResponse, Response

from models.people import Account, Bureau, Person
from services.errors import GuantongError, InvalidInputError
from services.i18n import N_, language
from services.people import accounts, slips
from services.web import edge, errors, languages
from services.web.edge import Page, PageDep, Visitor, VisitorDep
from services.web.navigation import decides
from services.web.pages.substitutes import own_substitutions
from services.web.turns import HASHING
from services.workflow import remarks

router = APIRouter(include_in_schema=False)


@router.get("/")
async def first_page(who: VisitorDep) -> Response:
    """Lead to what waits: approvals for who decides, tasks for who submits, else sign-in."""
    if not isinstance(who, Page):
        return RedirectResponse("/sign-in", 303)
    if who.reader.is_auditor:
        return RedirectResponse("/audit", 303)
    if who.reader.is_administrator:
        return RedirectResponse("/administration", 303)
    return RedirectResponse("/queue" if decides(who.reader) else "/tasks", 303)


@router.get("/sign-in")
async def sign_in_page(who: VisitorDep, next: str = "/") -> Response:  # noqa: A002 - the name in the address
    """Show the form; who is signed in goes on."""
    if isinstance(who, Page):
        return RedirectResponse(edge.safe_next(next), 303)
    return await _sign_in_form(who, after=next)


async def _sign_in_form(
    who: Visitor, *, after: str, login: str = "", bureau: str = "", said: str = "", status_code: int = 200
) -> Response:
    return who.render(
        "sign_in.html",
        status_code=status_code,
        next=edge.safe_next(after),
        login=login,
        bureau=bureau,
        several=await _several(who),
        said=said,
    )


@router.post("/sign-in", dependencies=[HASHING])
async def sign_in(who: VisitorDep) -> Response:
    """Open a session in place of the one that the browser had.

    A refusal is a page and no exception, so that a wrong attempt is counted.
    """
    form = await who.form()
    login, bureau, after = form.get("login"), form.get("bureau"), form.get("next")
    secret = next((value for name, value in form.items if name == "password"), "")
    hours, before = who.settings.session_hours, who.session.token if who.session else ""
    try:
        checked = await accounts.sign_in(who.tx, bureau, login, secret, hours=hours, replacing=before)
    except InvalidInputError as error:
        checked = accounts.Checked(refusal=error)
    if checked.refusal is not None:
        said = _words(who, checked.refusal)
        return await _sign_in_form(
            who, after=after, login=login, bureau=bureau, said=said, status_code=checked.refusal.status
        )
    opened = checked.or_raise()
    response = RedirectResponse(edge.safe_next(after), 303)
    edge.start_session(who, response, opened.token)
    person = await who.tx.session.get(Person, opened.person_id)
    if person is not None:
        languages.keep(who.request, response, language(person.locale))
    return response


def _words(who: Visitor, error: GuantongError) -> str:
    problems = errors.problems_of(error, who.locale)
    return " ".join(str(each["message"]) for each in problems) or errors.words(error, who.locale)


@router.post("/sign-out")
async def sign_out(page: PageDep) -> Response:
    """End the session here and in the store."""
    assert page.session is not None
    await accounts.sign_out(page.tx, page.session.token)
    response = page.go("/sign-in", page.say(N_("You are signed out.")))
    edge.end_session(page, response)
    return response


@router.post("/language")
async def choose_language(who: VisitorDep) -> Response:
    """Switch the language: the person's where they are known, and the browser's."""
    form = await who.form()
    chosen = language(form.get("language"))
    if isinstance(who, Page):
        person = await who.tx.session.get(Person, who.reader.person_id)
        if person is not None:
            person.locale = chosen
            who.tx.session.add(person)
    response = RedirectResponse(edge.safe_next(form.get("next")), 303)
    languages.keep(who.request, response, chosen)
    return response


@router.get("/activate")
async def activation_page(who: VisitorDep) -> Response:
    """Show where a slip's code becomes a password. The slip's QR leads here; what stands in its fragment is filled in."""
    return await _activation(who, {"bureau": "", "login": "", "code": ""})


async def _activation(who: Visitor, values: dict[str, str], *, refused: GuantongError | None = None) -> Response:
    said = _words(who, refused) if refused else ""
    status = refused.status if refused else 200
    return who.render("activate.html", status_code=status, said=said, several=await _several(who), **values)


async def _several(who: Visitor) -> bool:
    return (await who.tx.session.exec(select(func.count()).select_from(Bureau))).one() > 1


@router.post("/activate", dependencies=[HASHING])
async def activate(who: VisitorDep) -> Response:
    """Set a password with a one-time code. A wrong code counts like a wrong password."""
    form = await who.form()
    values = {name: form.get(name) for name in ("bureau", "login", "code")}
    secret, again = (next((v for k, v in form.items if k == name), "") for name in ("password", "again"))
    refused: GuantongError | None = None
    if secret != again:
        refused = InvalidInputError(message=N_("The two passwords differ; type the new one twice."))
    else:
        try:
            checked = await slips.redeem_slip(
                who.tx, values["bureau"], values["login"], code=values["code"], new_password=secret
            )
            refused = checked.refusal
        except InvalidInputError as error:
            refused = error
    if refused is not None:
        return await _activation(who, values, refused=refused)
    return who.go("/sign-in", who.say(N_("Your password is set. Sign in with it now.")))


@router.get("/account")
async def account_page(page: PageDep) -> Response:
    """Show one's own sign-in name, positions, password form and stock phrases."""
    return await _account(page)


async def _account(page: Page, *, said: str = "", status_code: int = 200) -> Response:
    found = await page.tx.session.exec(select(Account.login).where(col(Account.person_id) == page.reader.person_id))
    kept = await remarks.phrases(page.tx, by=page.reader)
    standing = await own_substitutions(page)
    return page.render(
        "account.html", status_code=status_code, login=found.first() or "", phrases=kept, said=said, **standing
    )


@router.post("/account/password", dependencies=[HASHING])
async def change_password(page: PageDep) -> Response:
    """Change one's own password; other sessions end, and so do one's API tokens."""
    assert page.session is not None
    form = await page.form()
    old, new, again = (next((v for k, v in form.items if k == name), "") for name in ("old", "password", "again"))
    if new != again:
        return await _account(
            page, said=page.say(N_("The two passwords differ; type the new one twice.")), status_code=422
        )
    try:
        checked = await accounts.change_password(
            page.tx, page.reader, old=old, new=new, keep_session=page.session.token
        )
    except InvalidInputError as error:
        checked = accounts.Checked(refusal=error)
    if checked.refusal is not None:
        return await _account(page, said=_words(page, checked.refusal), status_code=checked.refusal.status)
    return page.go(
        "/account", page.say(N_("Your password is changed; your other sessions and your API tokens have ended."))
    )
