"""A bureau in which every act is possible to somebody, beside the one that files plans: its cases, each in another state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.people.tokens import create_token
from services.workflow import acts, administering, extending, handing
from services.workflow.bulk import preview
from services.workflow.drafts import save_draft
from services.workflow.paper import printed_form
from tests.api.conftest import Client, Installation
from tests.workflow.office import MARKS, Office, make_office

FINANCE = "finance-office/clerk"
PEOPLE = {
    "chief": "robotics-chief",
    "coach": "robotics-coach-1",
    "finance": "finance-clerk",
    "helper": "finance-head",
    "reviewer": "reviewer",
    "expert": "expert-1",
    "head": "education-head",
    "administrator": "administrator",
    "auditor": "audit",
}


@dataclass
class Lab:
    """The bureau with the ids that addresses and bodies name. asks: operation -> path values and body."""

    office: Office
    installation: Installation
    asks: dict[str, tuple[dict[str, str], dict[str, Any]]] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)

    async def client(self, column: str) -> Client:
        if column == "nobody":
            return self.installation.stranger()
        if column not in self.clients:
            login = PEOPLE[column]
            scopes = ("read", "write", "admin") if login == "administrator" else ("read", "write")
            async with self.office.store.transaction() as tx:
                reader = await self.office.reader(tx, login)
                _, secret = await create_token(tx, reader, "lab", scopes=scopes, expires=None)
            self.clients[column] = Client(self.installation.stranger().http, secret, login)
        return self.clients[column]

    def ask(self, operation: str, *, task: UUID | None = None, visit: UUID | None = None, **body: Any) -> None:
        path = {"case_id": str(self.office.case_id), "task_id": str(task), "visit_id": str(visit)}
        self.asks[operation] = (path, body)


async def make_lab(installation: Installation) -> Lab:
    """Create the bureau and bring a case into each state that an operation needs."""
    lab = Lab(await make_office(installation.store), installation)
    await _plans(lab)
    await _reviews(lab)
    await _added(lab)
    await _jumped(lab)
    return lab


async def _plans(lab: Lab) -> None:
    office = lab.office
    await office.open("rich", "astronomy")
    await office.do(administering.suspend, "administrator", case_id=office.case_id, words="x")
    lab.ask("resume_case")
    await office.open("rich", "robotics")
    visit = await office.visit("plan")
    assert visit.due_at is not None
    until = visit.due_at + timedelta(days=3)
    lab.ask("ask_extension", task=visit.tasks[0].id, until=until.isoformat(), words="x")
    lab.ask("suspend_case", words="x")
    lab.ask("jump_case", to="either", words="x", version=(await office.state()).version)
    await office.open("rich", "robotics", key="2028")
    visit = await office.visit("plan")
    assert visit.due_at is not None
    task, until = visit.tasks[0].id, visit.due_at + timedelta(days=3)
    await office.do(extending.ask_extension, "robotics-chief", task_id=task, until=until, words="x")
    lab.ask("grant_extension", visit=visit.id)
    lab.ask("refuse_extension", visit=visit.id, words="x")


async def _reviews(lab: Lab) -> None:
    office = lab.office
    await office.open("rich", "robotics", key="2029")
    await office.submit()
    task = (await office.task("countersign", FINANCE)).id
    helper = str(office.people["finance-head"])
    lab.ask("claim", task=task)
    for operation in ("transfer", "delegate"):
        lab.ask(operation, task=task, to=helper)
    lab.ask("add_signer", task=task, to=helper, how="before")
    lab.ask("reject", task=(await office.task("guidance")).id, words="x")
    lab.ask("preview_bulk", tasks=[str(task)])
    shown = await office.do(preview, "finance-clerk", tasks=[task])
    seen = [{"id": str(each.task_id), "version": each.version} for each in shown.wanted]
    lab.ask("approve_bulk", tasks=seen, digest=shown.digest)
    lab.ask("printed_form")
    form = await office.do(printed_form, "finance-head", case_id=office.case_id)
    lab.ask(
        "enter_from_paper", task=task, person_id=str(office.people["finance-clerk"]), decision="approve",
        printed=form.code,
    )  # fmt: skip


async def _added(lab: Lab) -> None:
    office = lab.office
    helper = office.people["finance-head"]
    await office.open("rich", "robotics", key="2030")
    await office.submit()
    task = (await office.task("countersign", FINANCE)).id
    await office.do(handing.claim, "finance-clerk", task_id=task)
    lab.ask("put_back", task=task)
    await office.open("rich", "robotics", key="2031")
    await office.submit()
    task = (await office.task("countersign", FINANCE)).id
    await office.do(handing.delegate, "finance-clerk", task_id=task, to=helper)
    lab.ask("recall", task=task)
    lab.ask("answer_delegation", task=task, words="x")
    await office.open("rich", "robotics", key="2032")
    await office.submit()
    task = (await office.task("countersign", FINANCE)).id
    await office.do(handing.add_signer, "finance-clerk", task_id=task, person=helper, how="before")
    lab.ask("remove_signer", task=(await office.task("countersign", login="finance-head")).id, words="x")
    given = (await office.task("guidance")).id
    await office.do(acts.approve, "reviewer", task_id=given)
    lab.ask("take_back", task=given)


async def _jumped(lab: Lab) -> None:
    office = lab.office
    for key, stage in (("2033", "weighing"), ("2034", "commitment"), ("2035", "assessment")):
        await office.open("rich", "robotics", key=key)
        await office.submit()
        version = (await office.state()).version
        more = {"case_id": office.case_id, "to": stage, "words": "x", "version": version}
        await office.do(administering.jump, "administrator", **more)
        if stage == "weighing":
            lab.ask("oppose", task=(await office.task(stage, "education-office/head")).id, words="x")
        elif stage == "commitment":
            task = (await office.task(stage, login="robotics-coach-1")).id
            lab.ask("sign", task=task)
            lab.ask("decline", task=task, words="x")
    async with office.store.transaction() as tx:
        rows = await tx.rows("SELECT id FROM cases WHERE parent_id = $1", (office.case_id,))
    office.case_id = rows[0]["id"]
    task = (await office.task("marks", login="expert-1")).id
    await office.do(save_draft, "expert-1", case_id=office.case_id, data=MARKS, task_id=task)
    lab.ask("assess", task=task)
    await office.open("rich", "robotics", key="2036")
    await office.do(administering.end_case, "administrator", case_id=office.case_id, words="x")
    lab.ask("reopen_case", to="plan", words="x")
