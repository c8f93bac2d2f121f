"""`guantong token create|list|revoke`: API tokens, for whoever may run commands on the installation's machine."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from models.people import ApiToken
from services.commands.running import in_transaction, person_signing_in_as, print_json
from services.errors import InvalidInputError
from services.i18n import N_, Message, translate
from services.people.tokens import create_token, list_tokens, revoke_token
from services.settings import load_settings
from services.store.transaction import Tx

app = typer.Typer(no_args_is_help=True, help="API tokens: create, list, revoke.")

Login = Annotated[str, typer.Option(help="The sign-in name of the person that the token acts as.")]
BureauCode = Annotated[str | None, typer.Option("--bureau", help="The bureau's code, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    *,
    login: Login,
    name: Annotated[str, typer.Option(help="What the token is for.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, write, admin or metrics; may be given several times.")
    ] = None,
    bureau: BureauCode = None,
    expires: Annotated[str | None, typer.Option(help="The last day on which it is valid, like 2027-12-31.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once."""
    scopes = scope or ["read"]

    async def work(tx: Tx) -> tuple[UUID, str]:
        person = await person_signing_in_as(tx, bureau, login)
        return await create_token(tx, person, name, scopes=scopes, expires=_end_of(expires, person.zone))

    token_id, raw = in_transaction(work)
    if as_json:
        print_json({"id": str(token_id), "token": raw, "scopes": sorted(set(scopes))})
        return
    # The token alone on standard output, so that a script can take it.
    typer.echo(_say(N_("This is the token. It is shown only now; keep it safe:")), err=True)
    typer.echo(raw)


@app.command("list")
def list_(
    *,
    login: Login,
    bureau: BureauCode = None,
    as_json: AsJson = False,
) -> None:
    """List a person's tokens, the newest first; never the secrets."""

    async def work(tx: Tx) -> list[dict[str, Any]]:
        person = await person_signing_in_as(tx, bureau, login)
        return [_row(token, now=tx.now) for token in await list_tokens(tx, person)]

    rows = in_transaction(work)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        end = row["expires_at"].date().isoformat() if row["expires_at"] else "-"
        typer.echo(f"{row['id']}  {_say(row['state'])}  {','.join(row['scopes'])}  {end}  {row['name']}")
    if not rows:
        typer.echo(_say(N_("There are no tokens.")))


@app.command()
def revoke(token_id: Annotated[UUID, typer.Argument(metavar="ID")], login: Login, bureau: BureauCode = None) -> None:
    """Revoke a token: the person's own, or for the bureau's administrator anybody's."""

    async def work(tx: Tx) -> None:
        await revoke_token(tx, await person_signing_in_as(tx, bureau, login), token_id)

    in_transaction(work)
    typer.echo(_say(N_("The token is revoked.")))


def _end_of(text: str | None, zone: str) -> datetime | None:
    """Return the end of the day that was typed, in the bureau's zone."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        message = Message("“{text}” is no day; write it like 2027-12-31.", {"text": text})
        raise InvalidInputError([{"field": "expires", "message": message}]) from None
    return datetime.combine(day, time.max, ZoneInfo(zone))


def _row(token: ApiToken, *, now: datetime) -> dict[str, Any]:
    if token.revoked_at is not None:
        state = N_("revoked")
    else:
        state = N_("expired") if token.expires_at is not None and token.expires_at <= now else N_("valid")
    shown = {"id", "name", "scopes", "created_at", "expires_at", "revoked_at"}
    return {**token.model_dump(include=shown), "state": state}


def _say(message: str) -> str:
    return translate(load_settings().locale, message)
