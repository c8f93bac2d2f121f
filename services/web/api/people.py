"""The caller, their tokens, and the people whom they look after."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.errors import NotFoundError
from services.people import tokens
from services.people.lists import people_of_unit
from services.people.positions import HeldPosition
from services.people.slips import Slip, issue_slip, unlock
from services.web.api import marks
from services.web.api.callers import Reading, Scope, Writing
from services.web.api.models import Out, Title
from services.web.api.values import After, Incoming, Instant, Limit, Short

router = APIRouter(prefix="/api/v1", tags=["people"])


class PositionOut(Out):
    """A position that the caller holds today."""

    id: UUID
    code: str
    role: str
    title: Title
    unit_id: UUID | None
    group_id: UUID | None


class BureauName(Out):
    """The caller's bureau."""

    id: UUID
    code: str
    name: str
    zone: str


class Me(Out):
    """Who the token acts as."""

    id: UUID
    name: str
    locale: str
    unit_id: UUID | None
    bureau: BureauName
    positions: list[PositionOut]


class TokenOut(Out):
    """A token of the caller's, without its secret."""

    id: UUID
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenIn(Incoming):
    """A token to make. `admin` and `metrics` are for the bureau's administrator."""

    name: Short
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    expires_at: Instant | None = None


class NewToken(Out):
    """A new token. The secret is shown this once."""

    id: UUID
    token: str


class UnitOut(Out):
    """A unit of the bureau."""

    id: UUID
    code: str
    kind: str
    title: Title
    parent_id: UUID | None


class PersonOut(Out):
    """A person of a unit. login is null for who has no account."""

    id: UUID
    name: str
    email: str | None
    login: str | None
    activated: bool
    locked_until: datetime | None
    positions: list[str]


class PersonPage(Out):
    """People by name."""

    items: list[PersonOut]
    next: str | None


class SlipIn(Incoming):
    """What the slip is for."""

    purpose: Literal["activate", "reset"]


class SlipOut(Out):
    """A slip to print. The code is shown this once."""

    person_id: UUID
    name: str
    bureau: str
    login: str
    code: str
    purpose: Literal["activate", "reset"]
    expires_at: datetime
    url: str

    @classmethod
    def of(cls, slip: Slip, public_url: str) -> SlipOut:
        """Return it for an issued slip."""
        return cls(**vars(slip), bureau=slip.bureau_code, url=slip.url(public_url))


def _position(held: HeldPosition) -> PositionOut:
    return PositionOut(**{**vars(held), "title": Title(zh=held.title_zh, en=held.title_en)})


@router.get("/me", operation_id="me", tags=["me"])
async def me(caller: Reading) -> Me:
    """Return who the token acts as, with the positions held today."""
    by = caller.reader
    bureau = BureauName(id=by.bureau_id, code=by.bureau_code, name=by.bureau_name, zone=by.zone)
    held = [_position(position) for position in by.positions]
    return Me(id=by.person_id, name=by.name, locale=by.locale, unit_id=by.unit_id, bureau=bureau, positions=held)


@router.get("/me/tokens", operation_id="list_tokens", tags=["me"])
async def list_tokens(caller: Reading) -> list[TokenOut]:
    """Return the caller's tokens, the newest first, also the revoked ones."""
    return [TokenOut.model_validate(each) for each in await tokens.list_tokens(caller.tx, caller.reader)]


@router.post("/me/tokens", operation_id="create_token", status_code=201, tags=["me"])
async def create_token(caller: Writing, body: TokenIn) -> NewToken:
    """Make a token for oneself, of scopes that the calling one has, ending no later than it does.

    Never replayed under an idempotency key: nobody keeps its secret.
    """
    made, secret = await tokens.create_token(
        caller.tx, caller.reader, body.name, scopes=body.scopes, expires=body.expires_at, made_with=caller.grant
    )
    return NewToken(id=made, token=secret)


@router.delete(
    "/me/tokens/{token_id}", operation_id="revoke_token", status_code=204, response_class=Response, tags=["me"]
)
async def revoke_token(token_id: UUID, caller: Writing) -> None:
    """Revoke a token of one's own, with those made with it; the administrator may revoke anybody's of the bureau."""
    await tokens.revoke_token(caller.tx, caller.reader, token_id)


UNITS = "SELECT id, code, kind, title_zh, title_en, parent_id FROM unit WHERE bureau_id = $1 ORDER BY code"


@router.get("/units", operation_id="list_units")
async def units(caller: Reading) -> list[UnitOut]:
    """Return the bureau's units."""
    rows = await caller.tx.rows(UNITS, (caller.reader.bureau_id,))
    return [UnitOut(**{**row, "title": Title(zh=row["title_zh"], en=row["title_en"])}) for row in rows]


@router.get("/units/{unit_id}/people", operation_id="people_of_unit")
async def people(unit_id: UUID, caller: Reading, after: After = None, limit: Limit = 50) -> PersonPage:
    """Return the people of a unit whom the caller looks after, by name."""
    await _require_unit(caller, unit_id)
    mark = marks.read(after, str, UUID)
    page = await people_of_unit(caller.tx, caller.reader, unit_id, after=mark, limit=limit)
    items = [PersonOut.model_validate({**vars(row), "positions": list(row.positions)}) for row in page.rows]
    return PersonPage(items=items, next=marks.write(*page.next) if page.next else None)


async def _require_unit(caller: Reading, unit_id: UUID) -> None:
    found = await caller.tx.rows(
        "SELECT 1 FROM unit WHERE bureau_id = $1 AND id = $2", (caller.reader.bureau_id, unit_id)
    )
    if not found:
        raise NotFoundError


@router.post("/people/{person_id}/slips", operation_id="issue_slip", status_code=201)
async def slip(person_id: UUID, caller: Writing, body: SlipIn) -> SlipOut:
    """Issue an activation or reset slip. Never replayed under an idempotency key: nobody keeps its code."""
    made = await issue_slip(caller.tx, caller.reader, person_id, purpose=body.purpose)
    return SlipOut.of(made, caller.settings.public_url)


@router.post("/people/{person_id}/unlock", operation_id="unlock_person", status_code=204, response_class=Response)
async def unlock_person(person_id: UUID, caller: Writing) -> None:
    """Take away the lock that wrong passwords brought."""
    await unlock(caller.tx, caller.reader, person_id)
