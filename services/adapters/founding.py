"""What a migrated but empty store needs before anybody can sign in: a bureau with its administrator, or the demo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.adapters.demo import PASSWORD, load_demo
from services.adapters.first_start import FirstStart
from services.errors import InvalidInputError, SetupError
from services.i18n import N_, translate
from services.people.set_up import NewBureau, set_up_bureau
from services.settings import Settings
from services.store.transaction import Store


async def prepare_lasting(settings: Settings, given: FirstStart, *, say: Callable[..., None]) -> None:
    """Set up the bureau and its administrator where there is none yet, and say how the administrator gets in.

    Raises:
        SetupError: an answer is missing and nobody can be asked, or is not accepted.
    """
    store = Store(settings.required_database_url(), pooled=False)
    try:
        async with store.transaction() as tx:
            if await tx.rows("SELECT 1 FROM bureau LIMIT 1"):
                return
        answers = await asyncio.to_thread(given.asked, settings.locale)
        async with store.transaction() as tx:
            made = await set_up_bureau(
                tx,
                answers.bureau_code,
                name=answers.bureau_name,
                admin_name=answers.admin_name,
                admin_login=answers.admin_login,
                locale=settings.locale,
            )
    except InvalidInputError as error:
        words = "; ".join(str(problem["message"]) for problem in error.problems) or error.message
        raise SetupError("The bureau was not set up: {words}", words=words) from error
    finally:
        await store.close()
    _say_slip(settings, made, say)


def _say_slip(settings: Settings, made: NewBureau, say: Callable[..., None]) -> None:
    slip = made.slip
    if slip is not None:
        say(N_("{bureau} is set up."), bureau=made.bureau.name)
        say(
            N_("The administrator {name} sets a password once, at {url} (sign-in name {login}, code {code})."),
            name=slip.name,
            url=f"{settings.public_url}/activate",
            login=slip.login,
            code=slip.code,
        )


async def prepare_demo(settings: Settings) -> list[str]:
    """Load the demo; return the lines that tell as whom one may sign in."""
    locale = settings.locale
    people = await load_demo(settings)
    return [
        translate(locale, N_("Sign in with the password {password} as:"), password=PASSWORD),
        *(
            f"  {one.login:<18} {one.name}  {one.positions_zh if locale == 'zh' else one.positions_en}"
            for one in people
        ),
    ]
