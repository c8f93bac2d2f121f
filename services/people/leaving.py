"""Who leaves, who takes over what they held, who may not sign in for a while, and who comes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.errors import ConflictError, GuantongError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader, Subject, may_appoint, may_issue_slip, require
from services.people.accounts import end_sessions, revoke_tokens
from services.people.directory import appoint, end_appointment
from services.people.slips import OFFICES, void_slips
from services.people.substitutes import cut_substitutions
from services.process.definitions import Localized
from services.store.chain import Stream, append_event
from services.store.transaction import Tx


class LeftError(ConflictError):
    code, default = "left", "This person has left; say first that they are back."


class HandOverError(ConflictError):
    """The successor may not have a position that is handed over. `details`: name, position, why."""

    code, default = "hand-over-refused", "{name} cannot take over “{position}”: {why}"


@dataclass(frozen=True)
class HandedOver:
    """That positions went from one person to another, each from the day that stands with it.

    What is assigned to the person and not to a position is not moved here: whoever moves it begins with this.
    """

    person_id: UUID
    to_person_id: UUID
    positions: Mapping[UUID, date]


_PERSON = f"""
SELECT p.id, p.bureau_id, p.unit_id, p.left_at, p.sort_key = '' AS erased,
    ARRAY({OFFICES}) AS offices
FROM person p JOIN bureau b ON b.id = p.bureau_id WHERE p.bureau_id = $1 AND p.id = $2 FOR NO KEY UPDATE OF p
"""  # noqa: S608 - constant parts
_ENDED = """
UPDATE appointment SET ends_on = $3
WHERE bureau_id = $1 AND person_id = $2 AND starts_on <= $3 AND (ends_on IS NULL OR ends_on > $3) RETURNING id
"""
_HELD_AFTER = """
SELECT a.id, a.position_id, a.starts_on, a.ends_on, o.title_zh, o.title_en FROM appointment a
JOIN position o ON o.bureau_id = a.bureau_id AND o.id = a.position_id
WHERE a.bureau_id = $1 AND a.person_id = $2 AND (a.ends_on IS NULL OR a.ends_on > $3) ORDER BY o.code, a.starts_on
"""
_TAKE_BACK = "DELETE FROM appointment WHERE bureau_id = $1 AND id = $2"
_BEGUN = "SELECT 1 FROM appointment WHERE bureau_id = $1 AND person_id = $2 AND starts_on > $3 AND starts_on <= $4"
_NEVER = "DELETE FROM appointment WHERE bureau_id = $1 AND person_id = $2 AND starts_on > $3 RETURNING id"
_LEAVE = "UPDATE person SET left_at = $3 WHERE bureau_id = $1 AND id = $2"
_TOKENS_END = """
UPDATE api_token SET expires_at = least(expires_at, $3)
WHERE bureau_id = $1 AND person_id = $2 AND revoked_at IS NULL
"""
_DISABLE = (
    "UPDATE account SET disabled_at = coalesce(disabled_at, $3) WHERE bureau_id = $1 AND person_id = $2 RETURNING id"
)
_ENABLE = """
UPDATE account SET disabled_at = NULL, failures = 0, locked_until = NULL
WHERE bureau_id = $1 AND person_id = $2 RETURNING id
"""


async def leave(tx: Tx, by: Reader, person_id: UUID, *, last_day: date) -> None:
    """Say on which day a person is here for the last time: they hold no position and get in nowhere after it.

    Their appointments end with that day, those that have not begun are taken back; tasks stay with the positions. So end
    the substitutions in which they are the person or the substitute, and the other of the two is told. From
    the end of the day nobody counts them as a holder, and neither password, session, slip nor token lets them in; where
    the day is over already, their account is disabled, and sessions, slips and tokens end, at once.

    Args:
        tx: the transaction.
        by: who says so.
        person_id: who leaves.
        last_day: in the bureau's zone; that day still counts.

    Raises:
        ForbiddenError: the reader may not end positions, or not those of an administrator's office.
        NotFoundError: no such person in the bureau.
        InvalidInputError: a position was given to them after that day and has begun.
    """
    require(may_appoint(by))
    await _subject(tx, by, person_id)
    place, zone = (by.bureau_id, person_id), ZoneInfo(by.zone)
    if await tx.rows(_BEGUN, (*place, last_day, tx.now.astimezone(zone).date())):
        message = Message("This person holds a position that began after that day; end it first.")
        raise InvalidInputError([{"field": "last_day", "message": message}])
    ended = await tx.rows(_ENDED, (*place, last_day))
    taken_back = await tx.rows(_NEVER, (*place, last_day))
    left_at = datetime.combine(last_day + timedelta(days=1), time.min, zone)
    await tx.rows(_LEAVE, (*place, left_at))
    await tx.rows(_TOKENS_END, (*place, left_at))
    if left_at <= tx.now:
        await tx.rows(_DISABLE, (*place, tx.now))
        await _shut_out(tx, *place)
    cut = await cut_substitutions(tx, by, person_id, last_day=last_day)
    counts = {"ended": len(ended), "taken_back": len(taken_back), "substitutions": cut}
    await _note(tx, by, "person-left", stream="bureau", person=str(person_id), last_day=last_day.isoformat(), **counts)


async def hand_over_positions(
    tx: Tx, by: Reader, person_id: UUID, to_person_id: UUID, *, on: date,
    positions: Collection[UUID] | None = None, from_day: date | None = None,
) -> HandedOver:  # fmt: skip
    """End what a person holds and give it to a successor; tasks stay with the positions. All of it happens, or nothing.

    An appointment that ends by itself goes on for the successor until that day; one that has not begun begins for them.

    Args:
        tx: the transaction.
        by: who says so.
        person_id: who hands over.
        to_person_id: the successor.
        on: the last day on which the person holds the positions, in the bureau's zone.
        positions: which ones; None for all that the person holds after that day.
        from_day: the successor's first day: the next one (as where it is None), or `on` itself, where there is a seat for both.

    Raises:
        ForbiddenError: the reader may not give and end positions, or not those of an administrator's office.
        NotFoundError: the bureau has no such person, or the person does not hold such a position after that day.
        InvalidInputError: it would go to the person themself, or `from_day` is another day.
        HandOverError: the successor may not have one of them; it says which and why.
    """
    require(may_appoint(by))
    starts_on = from_day or on + timedelta(days=1)
    _refuse_wrong_hand_over(person_id, to_person_id, later=starts_on - on)
    async with tx.savepoint():
        await _subject(tx, by, person_id)
        held = await tx.rows(_HELD_AFTER, (by.bureau_id, person_id, on))
        chosen = [row for row in held if positions is None or row["position_id"] in positions]
        if positions is not None and {row["position_id"] for row in chosen} != set(positions):
            raise NotFoundError
        moved = {}
        for row in chosen:
            await _give_up(tx, by, row, on)
            day = moved[row["position_id"]] = max(starts_on, row["starts_on"])
            await _take_over(tx, by, row, to_person_id, starts_on=day)
        named = {"person": str(person_id), "to": str(to_person_id), "on": on.isoformat()}
        await _note(tx, by, "positions-handed-over", stream="bureau", **named, positions=sorted(map(str, moved)))
    return HandedOver(person_id, to_person_id, moved)


def _refuse_wrong_hand_over(person_id: UUID, to_person_id: UUID, *, later: timedelta) -> None:
    problems: list[dict[str, Any]] = []
    if person_id == to_person_id:
        problems.append({"field": "successor", "message": Message("The successor is somebody else.")})
    if later not in (timedelta(0), timedelta(days=1)):
        message = Message("The successor begins on the last day or on the day after it.")
        problems.append({"field": "from_day", "message": message})
    if problems:
        raise InvalidInputError(problems)


async def _give_up(tx: Tx, by: Reader, row: Mapping[str, Any], last_day: date) -> None:
    if row["starts_on"] > last_day:
        await tx.rows(_TAKE_BACK, (by.bureau_id, row["id"]))
    else:
        await end_appointment(tx, by, bureau_id=by.bureau_id, appointment_id=row["id"], last_day=last_day)


async def _take_over(tx: Tx, by: Reader, row: Mapping[str, Any], to_person_id: UUID, *, starts_on: date) -> None:
    place = {"bureau_id": by.bureau_id, "position_id": row["position_id"], "person_id": to_person_id}
    try:
        await appoint(tx, by, **place, starts_on=starts_on, ends_on=row["ends_on"])
    except (ConflictError, InvalidInputError) as error:
        names = await tx.rows("SELECT name FROM person WHERE bureau_id = $1 AND id = $2", (by.bureau_id, to_person_id))
        position = Localized(zh=row["title_zh"], en=row["title_en"])
        raise HandOverError(name=names[0]["name"], position=position, why=_why(error)) from error


def _why(error: GuantongError) -> Message:
    if isinstance(error, InvalidInputError) and error.problems:
        message = error.problems[0]["message"]
        return message if isinstance(message, Message) else Message(str(message))
    return Message(error.template, error.details)


async def come_back(tx: Tx, by: Reader, person_id: UUID) -> None:
    """Take back that a person has left. Positions are given anew; a password is set with a new slip.

    Raises:
        ForbiddenError: the reader may not.
        NotFoundError: no such person in the bureau, or their values are erased.
    """
    require(may_appoint(by))
    row = await _subject(tx, by, person_id)
    if row["erased"]:
        raise NotFoundError
    await tx.rows(_LEAVE, (by.bureau_id, person_id, None))
    await tx.rows(_ENABLE, (by.bureau_id, person_id))
    await _note(tx, by, "person-back", stream="bureau", person=str(person_id))


async def disable_account(tx: Tx, by: Reader, person_id: UUID) -> None:
    """Let a person in no more until `enable_account`: their sessions, slips and API tokens end now. Positions stay.

    Raises:
        ForbiddenError: the reader may not (`may_issue_slip`: whoever may let somebody in may keep them out).
        NotFoundError: no such person with an account in the bureau.
    """
    await _subject(tx, by, person_id)
    if not await tx.rows(_DISABLE, (by.bureau_id, person_id, tx.now)):
        raise NotFoundError
    await _shut_out(tx, by.bureau_id, person_id)
    await _note(tx, by, "account-disabled", stream="sign-in", person=str(person_id))


async def enable_account(tx: Tx, by: Reader, person_id: UUID) -> None:
    """Let a person sign in again with the password that they had; a lock by wrong passwords goes, too.

    Raises:
        ForbiddenError: the reader may not (`may_issue_slip`).
        NotFoundError: no such person with an account in the bureau, or their values are erased.
        LeftError: they have left; `come_back` takes that back.
    """
    row = await _subject(tx, by, person_id)
    if row["erased"]:
        raise NotFoundError
    if row["left_at"] is not None and row["left_at"] <= tx.now:
        raise LeftError
    if not await tx.rows(_ENABLE, (by.bureau_id, person_id)):
        raise NotFoundError
    await _note(tx, by, "account-enabled", stream="sign-in", person=str(person_id))


async def _shut_out(tx: Tx, bureau_id: UUID, person_id: UUID) -> None:
    await end_sessions(tx, bureau_id, person_id)
    await revoke_tokens(tx, bureau_id, person_id)
    await void_slips(tx, bureau_id, person_id)


async def _subject(tx: Tx, by: Reader, person_id: UUID) -> Any:
    """Return the person under their lock, where the reader may look after them."""
    found = await tx.rows(_PERSON, (by.bureau_id, person_id, tx.now))
    if not found:
        raise NotFoundError
    row = found[0]
    require(may_issue_slip(by, Subject(row["id"], row["bureau_id"], row["unit_id"], frozenset(row["offices"]))))
    return row


async def _note(tx: Tx, by: Reader, kind: str, *, stream: Stream, **data: Any) -> None:
    await append_event(tx, by.bureau_id, stream=stream, kind=kind, person_id=by.person_id, data=data)
