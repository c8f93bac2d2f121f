"""Bureaus full of things, and an application that does everything but keeps nothing: what matrices of rights are tried on."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlmodel import SQLModel

from services.people.accounts import token_digest
from services.people.substitutes import Wish, name_substitute
from services.store.transaction import Store, Tx
from services.web.api.description import operations
from services.workflow import acts, paper, remarks
from services.workflow.copies import send_copies
from services.workflow.drafts import save_draft
from services.workflow.opinions import keep_opinion
from services.workflow.questions import ask
from services.workflow.snoozing import snooze
from tests.api.conftest import PDF, Installation, submit, task_of
from tests.api.stories import dead_message, give_account
from tests.world import World, plan

ROLES = {
    "chief": "math-chief",
    "coach": "math-coach-1",
    "other-chief": "physics-chief",
    "base": "school-1-office",
    "unit-admin": "school-1-admin",
    "reviewer": "research-reviewer",
    "clerk": "basic-clerk",
    "head": "basic-head",
    "finance": "finance-clerk",
    "outsider": "sports-clerk",
    "administrator": "administrator",
    "auditor": "auditor",
    "security": "security",
}
SPARE = "chemistry-chief"
"""Somebody of no column, who may stand in for others."""
PUT_OFF = date(2027, 1, 25)
SOME_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


class Forgetful(Store):
    """A store whose transactions are rolled back at their end: a call does all of its work and leaves nothing."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with self.engine.connect() as connection:
            open_one = await connection.begin()
            tx = Tx(connection, await self.clock.look(connection), self.ids)
            try:
                yield tx
                await tx.flush()
            finally:
                await tx.close()
                await open_one.rollback()


async def fill(world: World, code: str) -> dict[str, str]:
    """Give a bureau one of everything, all named with its marker; return the ids that addresses hold.

    math waits for the guiding unit (a remark pinned), physics is being written (a file attached), biology waits for the
    offices.
    """
    mark = marker(code)
    async with world.store.transaction() as tx:
        for statement in (
            "UPDATE person SET name = name || $2, email = $2 || '-' || coalesce(email, 'x@example.test') WHERE bureau_id = $1",
            "UPDATE unit SET title_zh = title_zh || $2, title_en = title_en || $2 WHERE bureau_id = $1",
            "UPDATE project_group SET title_zh = title_zh || $2, title_en = title_en || $2 WHERE bureau_id = $1",
            "UPDATE position SET title_zh = title_zh || $2, title_en = title_en || $2 WHERE bureau_id = $1",
            "UPDATE bureau SET name = name || $2 WHERE id = $1",
        ):
            await tx.rows(statement, (world.bureau_id, mark))
    await submit(world, "math")
    await submit(world, "biology")
    ids = {f"{group}_id": str(world.cases[group]) for group in ("math", "physics", "biology")}
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, "research-reviewer")
        chief = await world.reader(tx, "math-chief")
        biology = await world.open_task(tx, "biology")
        await acts.approve(tx, by=reviewer, task_id=biology, words=mark)
        task = await world.open_task(tx, "math")
        ids["remark_id"] = str(await remarks.pin_remark(tx, by=reviewer, task_id=task, path="budget.total", text=mark))
        ids["phrase_id"] = str(await remarks.add_phrase(tx, by=chief, text=mark))
        physics = await world.reader(tx, "physics-chief")
        data = plan(trainees__procedure=mark)
        await save_draft(tx, by=physics, case_id=world.cases["physics"], data=data)
        ids["unit_id"] = str(chief.unit_id)
        ids["done_id"] = str(biology)
    ids["guidance_id"] = await task_of(world, "math")
    ids |= await talk(world, ids["guidance_id"], mark)
    ids["plan_id"] = await task_of(world, "physics")
    ids["basic_id"] = await task_of(world, "biology", "basic-education-office/clerk")
    ids["person_id"] = str(world.people["math-chief"])
    ids["season_id"] = str(world.season.id)
    async with world.store.transaction() as tx:
        (row,) = await tx.rows("SELECT id, version_id FROM programme WHERE bureau_id = $1", (world.bureau_id,))
        (visit,) = await tx.rows("SELECT id FROM visit WHERE case_id = $1 LIMIT 1", (world.cases["math"],))
    ids |= {"programme_id": str(row["id"]), "version_id": str(row["version_id"]), "visit_id": str(visit["id"])}
    await give_account(world, "math-chief")
    await give_account(world, SPARE)
    ids["spare_id"] = str(world.people[SPARE])
    ids["substitution_id"] = str(await stand_in(world, reason=mark))
    ids["message_id"] = str(await dead_message(world, "math-chief", text=mark))
    return ids


async def stand_in(world: World, *, reason: str) -> UUID:
    """Let the spare person stand in for the chief coach of mathematics, in summer: today nobody sees more by it."""
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "math-chief")
        days = {"starts_on": date(2027, 6, 1), "ends_on": date(2027, 6, 5)}
        return await name_substitute(tx, by, Wish(by.person_id, world.people[SPARE], **days, reason=reason))


async def talk(world: World, task_id: str, mark: str) -> dict[str, str]:
    """Let the reviewer of math send a copy, ask, put the task off and keep an opinion; return the ids."""
    async with world.store.transaction() as tx:
        by, case_id, task = await world.reader(tx, "research-reviewer"), world.cases["math"], UUID(task_id)
        (copy,) = await send_copies(tx, by=by, case_id=case_id, to=[world.people["basic-head"]], words=mark)
    async with world.store.transaction() as tx:
        question = await ask(tx, by=by, task_id=task, to=world.people["finance-clerk"], text=mark)
    async with world.store.transaction() as tx:
        await snooze(tx, by=by, task_id=task, until=PUT_OFF)
        await keep_opinion(tx, by=by, task_id=task, words=mark)
    colleague = str(world.people["finance-head"])
    return {"copy_id": str(copy), "question_id": str(question), "colleague_id": colleague}


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    """Return a body with the `{…_id}` in it filled in."""
    if isinstance(body, Mapping):
        return {name: filled(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, ids) for value in body]
    return body.format_map(ids) if isinstance(body, str) and body.startswith("{") else body


async def attach_files(installation: Installation) -> None:
    """Attach a file to each bureau's physics, through the API."""
    for code, world in installation.worlds.items():
        chief = await installation.client("physics-chief", world=world)
        answer = await chief.call(
            "POST",
            f"/cases/{world.cases['physics']}/attachments",
            params={"field": "attachments.files", "name": f"{marker(code)}.pdf"},
            content=PDF + marker(code).encode(),
        )
        installation.ids[code]["attachment_id"] = answer.json()["id"]
        tokens = (await (await installation.client("math-chief", world=world)).get("/me/tokens")).json()
        installation.ids[code]["token_id"] = tokens[0]["id"]


async def on_paper(made: Installation, world: World) -> str:
    """Let the administrator enter what the finance office's clerk signed for biology; return the decision's id."""

    async def content() -> AsyncIterator[bytes]:
        yield PDF

    stored = await made.app.state.files.receive(content())
    task = UUID(await task_of(world, "biology", "planning-finance-office/clerk"))
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "administrator")
        printed = await paper.printed_form(tx, by=by, case_id=world.cases["biology"])
        scans = [paper.Scan("signed.pdf", stored.sha256, stored.size, "application/pdf")]
        done = await paper.enter_from_paper(
            tx,
            by=by,
            task_id=task,
            person_id=world.people["finance-clerk"],
            decision="approve",
            scans=scans,
            printed=printed,
        )
    return str(done.decision_id)


def marker(code: str) -> str:
    """Return the word that stands in everything of a bureau, and nowhere else."""
    return f"MARK{code}MARK"


async def ids_of(world: World) -> set[str]:
    """Return the id of every row of a bureau."""
    found = {str(world.bureau_id)}
    async with world.store.transaction() as tx:
        for table in SQLModel.metadata.sorted_tables:
            if {"id", "bureau_id"} <= set(table.columns.keys()):
                rows = await tx.rows(f"SELECT id FROM {table.name} WHERE bureau_id = $1", (world.bureau_id,))
                found |= {str(row["id"]) for row in rows}
    return found


async def sign_in(world: World, login: str) -> tuple[str, str]:
    """Open a session for a person; return its cookie's token and its form token."""
    token, csrf = f"session-{world.bureau_id}-{login}", f"csrf-{login}"
    async with world.store.transaction() as tx:
        known = await tx.rows("SELECT 1 FROM account WHERE person_id = $1", (world.people[login],))
        if not known:
            await tx.rows(
                "INSERT INTO account (id, bureau_id, person_id, login, failures, created_at) VALUES ($1, $2, $3, $4, 0, $5)",
                (tx.new_id(), world.bureau_id, world.people[login], login, tx.now),
            )
        await tx.rows(
            "INSERT INTO sign_in (id, bureau_id, person_id, token_hash, csrf, created_at, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + interval '1 hour')",
            (tx.new_id(), world.bureau_id, world.people[login], token_digest(token), csrf, tx.now),
        )
    return token, csrf


def page_routes(app: FastAPI) -> list[tuple[str, str]]:
    """Return method and template of every page."""
    found = []
    for included in app.router.routes:
        for route in getattr(getattr(included, "original_router", None), "routes", ()):
            if isinstance(route, APIRoute) and not route.path.startswith("/api/"):
                found += [(method, route.path) for method in sorted(route.methods)]
    return sorted(found)


def api_routes(app: FastAPI) -> dict[str, tuple[str, str]]:
    """Return operation id -> (method, template)."""
    return {found["operationId"]: (method.upper(), path) for path, method, found in operations(app.openapi())}


def text_of(answer: httpx.Response) -> str:
    """Return an answer as text; of a workbook everything that its parts hold."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as workbook:
        return "\n".join(workbook.read(name).decode("utf-8", "replace") for name in workbook.namelist())


def foreign(text: str, ids: set[str], marks: set[str]) -> set[str]:
    """Return what of other bureaus stands in an answer."""
    normal = {
        f"{x[:8]}-{x[8:12]}-{x[12:16]}-{x[16:20]}-{x[20:]}"
        for x in (u.replace("-", "") for u in SOME_UUID.findall(text))
    }
    return (normal & ids) | {mark for mark in marks if mark in text}
