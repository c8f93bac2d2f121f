"""What must hold of the store after any crash; `broken` lists what does not, empty where nothing was lost or doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.messages.keys import message_id_header
from services.messages.kinds import ALARM_KINDS
from services.process.alarms import all_times, load_series
from services.process.deadlines import Term
from services.process.states import CaseState
from services.programmes.pinned import calendar_of, pinned_pack
from services.store.chain import verify_chain
from services.store.transaction import Store, Tx
from tests.smtp_servers import Received

NEVER: Mapping[str, str] = {
    "a task was decided twice": """
        SELECT task_id FROM decision WHERE task_id IS NOT NULL GROUP BY task_id HAVING count(*) > 1""",
    "a task that is done lacks its decision": """
        SELECT t.id FROM task t LEFT JOIN decision d ON d.id = t.decision_id AND d.task_id = t.id
        WHERE t.state = 'done' AND d.id IS NULL""",
    "a closed task does not say who closed it": """
        SELECT t.id FROM task t LEFT JOIN decision d ON d.id = t.decision_id AND d.case_id = t.case_id
        WHERE t.state = 'closed' AND d.id IS NULL""",
    "a decided task is still open": """
        SELECT t.id FROM task t JOIN decision d ON d.task_id = t.id WHERE t.state = 'open'""",
    "an open case has not one open visit, or a closed one has": """
        SELECT c.id FROM cases c LEFT JOIN visit v ON v.case_id = c.id AND v.closed_at IS NULL
        GROUP BY c.id, c.state HAVING count(v.id) <> (c.state = 'open')::int""",
    "an open task stands in a closed visit": """
        SELECT t.id FROM task t JOIN visit v ON v.id = t.visit_id WHERE t.state = 'open' AND v.closed_at IS NOT NULL""",
    "a case's version is not that of its acts": """
        SELECT c.id FROM cases c LEFT JOIN decision d ON d.case_id = c.id
        GROUP BY c.id, c.version HAVING c.version <> count(d.id) + 1""",
    "a case's chain is shorter than its history": "SELECT id FROM cases WHERE audit_seq < version",
    "a submission is missing or doubled": """
        SELECT c.id FROM cases c LEFT JOIN submission s ON s.case_id = c.id GROUP BY c.id, c.state_doc
        HAVING count(s.id) <> (c.state_doc ->> 'submissions')::int OR coalesce(max(s.n), 0) <> count(s.id)
            OR count(s.id) <> (SELECT count(*) FROM decision d WHERE d.case_id = c.id AND d.kind = 'submit')""",
    "filing numbers have gaps": """
        SELECT season_id FROM filing GROUP BY season_id, stage HAVING min(serial) <> 1 OR max(serial) <> count(*)""",
    "the next number does not follow from the last": """
        SELECT n.season_id FROM number_series n
        LEFT JOIN filing f ON f.season_id = n.season_id AND f.stage = n.stage
        GROUP BY n.season_id, n.stage, n.last HAVING n.last <> coalesce(max(f.serial), 0)""",
    "a filed case has not one filing of its number": """
        SELECT c.id FROM cases c LEFT JOIN filing f ON f.case_id = c.id AND f.number = c.number
        GROUP BY c.id, c.state HAVING count(f.id) <> (c.state = 'filed')::int""",
    "a deadline does not go with its task": """
        SELECT l.id FROM deadline l JOIN task t ON t.id = l.subject_id WHERE (l.state = 'open') <> (t.state = 'open')""",
    "a closed task has an armed alarm": """
        SELECT a.id FROM alarm a JOIN task t ON t.id = a.task_id WHERE a.next_at IS NOT NULL AND t.state <> 'open'""",
    "a notification is in no message, or in another person's": """
        SELECT n.id FROM notification n LEFT JOIN message m ON m.id = n.message_id
        WHERE n.state = 'enclosed' AND m.person_id IS DISTINCT FROM n.person_id""",
    "a message carries nothing": """
        SELECT m.id FROM message m WHERE m.state <> 'void'
            AND NOT EXISTS (SELECT FROM notification n WHERE n.message_id = m.id)""",
    "an act was told of that never happened": """
        SELECT n.id FROM notification n WHERE n.context ? 'decision'
            AND NOT EXISTS (SELECT FROM decision d WHERE d.id = (n.context ->> 'decision')::uuid)""",
    "a step is there twice or of a generation that never was": """
        SELECT p.id FROM season_step p JOIN season s ON s.id = p.season_id WHERE p.generation > s.generation""",
}
"""What must never be, also in the middle of everything -> a statement that finds it."""

AT_REST: Mapping[str, str] = {
    "an alarm that is due was not swept": "SELECT id FROM alarm WHERE next_at <= $1",
    "a notification is still pending": "SELECT id FROM notification WHERE state = 'pending' AND $1::timestamptz IS NOT NULL",
    "a message was not dealt with": """
        SELECT id FROM message WHERE state IN ('waiting', 'sending') AND $1::timestamptz IS NOT NULL""",
}
"""What is left to do and must not be once the clock has had its time."""


async def broken(
    store: Store, *, received: Sequence[Received] | None = None, public_url: str = "", doubles: int = 0
) -> list[str]:
    """Return what is wrong in the store, in words.

    Args:
        store: the store.
        received: what the mail server took, where everything should have been sent by now.
        public_url: the installation's, which Message-IDs are made of.
        doubles: how many mails may have come twice; each then under its first Message-ID.
    """
    async with store.transaction() as tx:
        found = [f"{what}: {rows}" for what, statement in NEVER.items() if (rows := await _ids(tx, statement))]
        found += await _states(tx)
        for row in await tx.rows("SELECT id FROM bureau"):
            found += [f"the audit chain: {each}" for each in await verify_chain(tx, row["id"])]
        if received is not None:
            for what, statement in AT_REST.items():
                found += [f"{what}: {rows}" for rows in [await _ids(tx, statement, tx.now)] if rows]
            found += await _alarms(tx)
            found += await _mails(tx, received, public_url=public_url, doubles=doubles)
    return found


async def _ids(tx: Tx, statement: str, *parameters: Any) -> list[str]:
    return [str(next(iter(row.values()))) for row in await tx.rows(statement, parameters)]


async def _states(tx: Tx) -> list[str]:
    """Compare what the rules keep of each case with the rows that pages read."""
    found = []
    open_tasks: dict[UUID, set[UUID]] = {}
    for row in await tx.rows("SELECT case_id, id FROM task WHERE state = 'open'"):
        open_tasks.setdefault(row["case_id"], set()).add(row["id"])
    visits = {
        row["case_id"]: set(row["ids"])
        for row in await tx.rows("SELECT case_id, array_agg(id) AS ids FROM visit WHERE closed_at IS NULL GROUP BY 1")
    }
    last = {row["case_id"]: row["id"] for row in await tx.rows("SELECT case_id, id FROM submission ORDER BY n")}
    for row in await tx.rows("SELECT id, state, stage, version, number, state_doc::text AS doc FROM cases"):
        state = CaseState.model_validate_json(row["doc"])
        visit, tasks = state.visit, {task.id for each in state.open for task in each.tasks}
        kept = (state.status, visit.stage if visit else None, state.version, state.number, state.submission)
        read = (row["state"], row["stage"], row["version"], row["number"], last.get(row["id"]))
        if (
            kept != read
            or tasks != open_tasks.get(row["id"], set())
            or {each.id for each in state.open} != visits.get(row["id"], set())
        ):
            found.append(f"case {row['id']} is {kept} with tasks {tasks}, its rows say {read}")
    return found


ARMED = """
SELECT a.id, a.kind, a.series::text AS series, a.next_at, a.task_id, a.position_id, t.opened_at, c.version_id, c.bureau_id,
    l.due_at, l.close_at, p.person_id
FROM alarm a JOIN task t ON t.id = a.task_id AND t.state = 'open' JOIN deadline l ON l.id = a.deadline_id
JOIN cases c ON c.id = a.case_id JOIN appointment p ON p.position_id = a.position_id
"""
TOLD = """
SELECT task_id, kind = 'escalate' AS above, person_id, sum(coalesce((context ->> 'missed')::int, 1))::int AS times
FROM notification WHERE kind = ANY($1::text[]) AND state <> 'void' GROUP BY task_id, kind = 'escalate', person_id
"""


async def _alarms(tx: Tx) -> list[str]:
    """Compare how often people were told of open tasks with how often the rules say that they should have been.

    One notification may stand for several times of its series, and one that a task is overdue for reminders that were
    missed; an escalation stands for itself only. Two alarms of one kind that fire at one instant for one person (who
    holds both positions) are told once.
    """
    wanted: dict[tuple[UUID, bool, UUID], set[Any]] = {}
    for row in await tx.rows(ARMED):
        pack = await pinned_pack(tx, row["version_id"])
        calendar = await calendar_of(tx, row["bureau_id"], pack)
        term = Term.ending(row["due_at"], row["close_at"], calendar)
        place = (row["task_id"], row["kind"] == "escalate", row["person_id"])
        wanted.setdefault(place, set()).update(
            (row["kind"], time)
            for time in all_times(load_series(row["series"]), term, calendar, tx.now)
            if time > row["opened_at"]
        )
    rows = await tx.rows(TOLD, (list(ALARM_KINDS),))
    told = {(row["task_id"], row["above"], row["person_id"]): row["times"] for row in rows}
    return [
        f"{'above' if above else 'of'} task {task} told {person} {told.get((task, above, person), 0)} times of {len(times)}"
        for (task, above, person), times in wanted.items()
        if told.get((task, above, person), 0) != len(times)
    ]


async def _mails(tx: Tx, received: Iterable[Received], *, public_url: str, doubles: int) -> list[str]:
    """Compare what was sent with what came.

    A message is void whose every task was closed while its sender did not know that it had been handed over.
    """
    rows = await tx.rows("SELECT key, address, state FROM message WHERE state IN ('sent', 'void')")
    known = {(message_id_header(row["key"], public_url), row["address"]): row["state"] for row in rows}
    sent = {mail for mail, state in known.items() if state == "sent"}
    came = Counter((mail.message_id, mail.recipients[0]) for mail in received)
    found = [f"{len(lost)} messages never came: {lost}" for lost in [sent - set(came)] if lost]
    found += [f"mails that nobody sent: {more}" for more in [set(came) - set(known)] if more]
    often = sum(count - 1 for count in came.values())
    found += [f"{often} mails came twice, {doubles} may"] if often > doubles else []
    return found


async def acknowledged(store: Store, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return which commands that were answered with a success are not in the store as they were answered.

    Args:
        store: the store.
        results: idempotency key -> the answer that the client got.
    """
    async with store.transaction() as tx:
        rows = await tx.rows(
            "SELECT key, result::text AS result FROM command WHERE key = ANY($1::text[])", (list(results),)
        )
        kept = {row["key"]: json.loads(row["result"]) for row in rows}
        decided = {str(row["id"]) for row in await tx.rows("SELECT id FROM decision")}
    return [
        f"{key}: answered {dict(answer)}, kept {kept.get(key)}"
        for key, answer in results.items()
        if kept.get(key) != dict(answer) or answer["decision_id"] not in decided
    ]
