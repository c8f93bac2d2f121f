"""`guantong token` and `guantong audit`, run as commands on the store."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from services.adapters.keys import make_keys
from services.cli import build
from services.errors import ForbiddenError, GuantongError, NotFoundError, NotSignedInError
from services.people.slips import redeem_slip
from services.people.tokens import token_for
from services.store.anchors import make_anchor
from tests.conftest import START, move_clock


@pytest.fixture
def command(database_url, monkeypatch, tmp_path):
    """Run `guantong …` against the test's database; returns click's result."""
    monkeypatch.setenv("GUANTONG_DATABASE_URL", database_url)
    monkeypatch.setenv("GUANTONG_CLOCK", "store")
    monkeypatch.setenv("GUANTONG_LOCALE", "en")
    monkeypatch.setenv("GUANTONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GUANTONG_KEY_FOLDER", str(tmp_path / "keys"))

    async def run(*words):
        # A command has an event loop of its own, so it runs beside the test's.
        return await asyncio.to_thread(CliRunner().invoke, build(), list(words))

    return run


@pytest.fixture
async def chief(town):
    await town.add_person("chief", "camp:math:chief-coach")
    return town


async def use(town, raw):
    async with town.store.transaction() as tx:
        return await token_for(tx, raw)


async def test_a_token_is_printed_once_and_works(chief, command):
    made = await command(
        "token", "create", "--login", "chief", "--name", "export", "--scope", "read", "--scope", "write"
    )
    assert made.exit_code == 0
    assert "shown only now" in made.stderr
    raw = made.stdout.strip()
    grant = await use(chief, raw)
    assert (grant.reader.person_id, grant.scopes) == (chief.people["chief"], {"read", "write"})
    listed = await command("token", "list", "--login", "chief")
    assert "valid  read,write  -  export" in listed.stdout
    assert raw not in listed.stdout


async def test_a_token_may_be_made_for_a_script_until_the_end_of_a_day(chief, command):
    made = await command("token", "create", "--login", "chief", "--name", "x", "--expires", "2027-01-23", "--json")
    token = json.loads(made.stdout)
    assert token["scopes"] == ["read"]
    await move_clock(chief.store, START.replace(day=23, hour=15, minute=59))
    assert await use(chief, token["token"])
    await move_clock(chief.store, START.replace(day=23, hour=16))
    with pytest.raises(NotSignedInError):
        await use(chief, token["token"])
    listed = json.loads((await command("token", "list", "--login", "chief", "--json")).stdout)
    assert [(row["id"], row["state"]) for row in listed] == [(token["id"], "expired")]


async def test_a_token_is_revoked(chief, command):
    token = json.loads((await command("token", "create", "--login", "chief", "--name", "x", "--json")).stdout)
    assert (await command("token", "revoke", token["id"], "--login", "chief")).exit_code == 0
    with pytest.raises(NotSignedInError):
        await use(chief, token["token"])
    assert "revoked" in (await command("token", "list", "--login", "chief")).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scope", "everything"], "scopes: The scopes of a token are among"),
        (["--expires", "tomorrow"], "expires: “tomorrow” is no day"),
        (["--expires", "2027-01-21"], "expires: A token must expire in the future"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused_in_words(chief, command, words, said):
    refused = await command("token", "create", "--login", "chief", "--name", "x", *words)
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert "There are no tokens." in (await command("token", "list", "--login", "chief")).stdout


async def test_a_token_is_for_somebody_who_is_there_and_may(chief, neighbour, command):
    create = ["token", "create", "--name", "x"]
    for words, error in (
        (["--login", "chief"], GuantongError),
        (["--login", "nobody", "--bureau", "east"], NotFoundError),
        (["--login", "chief", "--bureau", "north"], NotFoundError),
        (["--login", "chief", "--bureau", "west"], NotFoundError),
        (["--login", "chief", "--bureau", "east", "--scope", "admin"], ForbiddenError),
    ):
        refused = await command(*create, *words)
        assert isinstance(refused.exception, error), words
    assert (await command(*create, "--login", "administrator", "--bureau", "west", "--scope", "metrics")).exit_code == 0


async def test_audit_verify_says_what_is_whole_and_what_is_not(chief, neighbour, command, tmp_path):
    key = make_keys(tmp_path / "keys").anchor
    async with chief.store.transaction() as tx:
        await make_anchor(tx, chief.bureau_id, day=date(2027, 1, 22), key=key)
    whole = await command("audit", "verify")
    assert whole.exit_code == 0
    assert "The audit chain of east is whole" in whole.stdout
    assert "1 anchors" in whole.stdout
    async with chief.store.transaction() as tx:
        await tx.rows("SET LOCAL session_replication_role = replica")
        await tx.rows("UPDATE audit_event SET kind = 'x' WHERE bureau_id = $1 AND seq = 2", (chief.bureau_id,))
        await tx.rows("UPDATE anchor SET created_at = $1, day = '2027-01-21'", (START - timedelta(days=1),))
    broken = await command("audit", "verify")
    assert broken.exit_code == 1
    assert "#2: an event was changed" in broken.stdout
    assert "#1: the anchor's signature is not this installation's" in broken.stdout
    found = json.loads((await command("audit", "verify", "--json")).stdout)
    assert [(row["bureau"], len(row["broken"])) for row in found] == [("east", 2), ("west", 0)]
    assert (await command("audit", "verify", "--bureau", "west")).exit_code == 0


async def test_a_slip_of_the_installation_sets_the_security_administrators_password(chief, command):
    await chief.add_person("guard", "bureau/security-administrator")
    made = await command("slip", "issue", "--login", "guard")
    assert made.exit_code == 0
    assert "valid until 2027-02-05" in made.stderr
    code = made.stdout.strip()
    async with chief.store.transaction() as tx:
        redeemed = await redeem_slip(tx, "east", "guard", code=code, new_password="a louder evening")
    assert redeemed.or_raise() == chief.people["guard"]
    again = json.loads((await command("slip", "issue", "--login", "guard", "--json")).stdout)
    assert (again["login"], again["expires_at"]) == ("guard", "2027-02-05")
    assert "/activate#bureau=east&login=guard&code=" in again["url"]
    refused = await command("slip", "issue", "--login", "nobody")
    assert isinstance(refused.exception, NotFoundError)
