"""`guantong up`, `demo`, `backup`, `restore`, `migrate`, `doctor`, `settings`: the installation as a whole."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.errors import SetupError
from services.i18n import N_, translate
from services.settings import PREFIX, Settings, load_settings

app = typer.Typer()

EXIT_FAILS = 1


@app.command()
def up(
    *,
    bureau_name: Annotated[str, typer.Option(help="First start: the bureau's name.")] = "",
    bureau_code: Annotated[
        str, typer.Option(help="First start: the short code that people type when signing in.")
    ] = "",
    admin_name: Annotated[str, typer.Option(help="First start: the administrator's name.")] = "",
    admin_login: Annotated[str, typer.Option(help="First start: the administrator's sign-in name.")] = "",
) -> None:
    """Run everything on the lasting data folder until Ctrl-C."""
    from services.adapters.first_start import FirstStart
    from services.adapters.supervisor import Plan, Supervisor

    settings = load_settings()
    given = FirstStart(bureau_name=bureau_name, bureau_code=bureau_code, admin_name=admin_name, admin_login=admin_login)
    given.refuse_unanswerable(settings)

    async def prepare(running: Settings) -> None:
        from services.adapters.founding import prepare_lasting

        await prepare_lasting(running, given, say=_say(running))

    Supervisor(settings, Plan("lasting", prepare, _announce)).run()


@app.command()
def demo() -> None:
    """Run everything with the Qingdao programme and demo people, on a data folder that every start makes anew."""
    from services.adapters.database import DEMO, as_demo
    from services.adapters.supervisor import Plan, Supervisor

    base = load_settings()
    if base.database_url is not None:
        raise SetupError("A demo brings its own database. Unset GUANTONG_DATABASE_URL for it.")
    settings = as_demo(base, base.home / DEMO)
    told: list[str] = []

    async def prepare(running: Settings) -> None:
        from services.adapters.founding import prepare_demo

        told.extend(await prepare_demo(running))

    def announce(running: Settings) -> None:
        _announce(running)
        print("\n".join(told), flush=True)
        _announce_prefect(running)

    Supervisor(settings, Plan("demo", prepare, announce, fresh=True)).run()


def _announce(settings: Settings) -> None:
    say = _say(settings)
    say(N_("Guantong answers at {address} (stop with Ctrl-C)."), address=settings.public_url)
    if settings.smtp_host is None:
        say(N_("No mail server is set (GUANTONG_SMTP_HOST): messages wait, and can be read on the mail page."))
    sheet = settings.key_folder / "recovery-sheet.txt"
    if settings.clock == "system" and sheet.exists():
        say(
            N_("Print {file}, put it into a safe and delete it: without it a backup's identity numbers stay closed."),
            file=sheet,
        )


def _announce_prefect(settings: Settings) -> None:
    from services.adapters import prefect_server

    address = prefect_server.api_url(settings).removesuffix("/api")
    _say(settings)(
        N_("Prefect's own page: {address} (starts in the background; its key is {key})"),
        address=address,
        key=prefect_server.auth_string(settings),
    )


class _say:  # noqa: N801  used as a function
    """Prints in the installation's language."""

    def __init__(self, settings: Settings) -> None:
        self._locale = settings.locale

    def __call__(self, message: str, /, **values: object) -> None:
        print(translate(self._locale, message, **values), flush=True)


@app.command()
def migrate() -> None:
    """Bring the database to the schema of this release, after a backup where there is something to lose."""
    from services.adapters.database import database
    from services.adapters.schema import bring_up_to_date

    with database(load_settings()) as settings:
        say = _say(settings)
        changed = asyncio.run(bring_up_to_date(settings, say=say))
        say(N_("The database is at this release's schema now.") if changed else N_("The database is up to date."))


@app.command()
def backup(path: Annotated[Path | None, typer.Argument(help="The archive's name.")] = None) -> None:
    """Save database and files as one archive; the installation may go on working."""
    from services.adapters.backup import back_up
    from services.adapters.database import database

    with database(load_settings()) as settings:
        saved = back_up(settings, path.absolute() if path else None)
    say = _say(settings)
    say(N_("Saved as {path}."), path=saved)
    if saved.is_relative_to(settings.home):
        say(N_("It lies inside the data folder: copy it to another machine."))


@app.command()
def restore(
    path: Annotated[Path, typer.Argument(help="The archive.")],
    *,
    replace: Annotated[bool, typer.Option(help="Take the place of what is there.")] = False,
) -> None:
    """Bring back database and files from an archive, into an empty installation that does not run."""
    from services.adapters.backup import restore_here

    settings = load_settings()
    manifest = restore_here(settings, path.absolute(), replace=replace)
    _say(settings)(
        N_("Restored what was saved at {made}: {files} files and the database."),
        made=manifest.made,
        files=manifest.files,
    )


@app.command()
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="For a monitor.")] = False) -> None:
    """Say what works. Exit code 1 when something does not."""
    from services.adapters import doctor as looking
    from services.adapters.database import here

    settings = here(load_settings())
    findings = list(looking.examine(settings))
    print(looking.as_json(findings) if as_json else looking.report(findings, settings.locale))
    if any(finding.level == "fail" for finding in findings):
        sys.exit(EXIT_FAILS)


@app.command("settings")
def show_settings() -> None:
    """List every setting: its name, its value now, and what it accepts."""
    settings = load_settings()
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        print(f"{PREFIX + name.upper():<28} {'' if value is None else value!s:<36} {field.description or ''}".rstrip())
