"""`guantong slip issue`: a slip for whom nobody in the bureau may issue one, above all its security administrator."""

from __future__ import annotations

from typing import Annotated

import typer

from services.commands.running import in_transaction, person_signing_in_as, print_json
from services.i18n import N_, translate
from services.people.slips import Slip, issue_slip
from services.settings import load_settings
from services.store.transaction import Tx

app = typer.Typer(no_args_is_help=True, help="Slips that set a password.")


@app.callback()
def slips() -> None:
    """Keep `issue` a word of its own although it is the only command."""


@app.command()
def issue(
    *,
    login: Annotated[str, typer.Option(help="The sign-in name of the person whom it is for.")],
    bureau: Annotated[str | None, typer.Option(help="The bureau's code, where there are several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Issue a slip that sets a new password and print its code, once. Sessions and API tokens of the person end."""

    async def work(tx: Tx) -> Slip:
        person = await person_signing_in_as(tx, bureau, login)
        return await issue_slip(tx, None, person.person_id, purpose="reset", bureau_id=person.bureau_id)

    slip, settings = in_transaction(work), load_settings()
    until = slip.expires_at.date().isoformat()
    if as_json:
        print_json({"login": slip.login, "code": slip.code, "url": slip.url(settings.public_url), "expires_at": until})
        return
    said = N_("The code for “{login}”, valid until {day}. It is shown only now; hand it over in person:")
    typer.echo(translate(settings.locale, said, login=slip.login, day=until), err=True)
    typer.echo(slip.code)
