"""A bureau's own values over a programme's pack: looked at, tried, set. What they are stands in services/process/pack_overlay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.programme import Programme, ProgrammeOverlay
from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_, Message
from services.people.access import Reader, may_load_programmes, require
from services.process.pack_overlay import Change, Problem, Reapplied, applied, problems_of
from services.process.pack_places import Doc, read
from services.process.pack_values import settable
from services.process.packs import Pack
from services.programmes.load import lock_bureau, put_in_force, write_overlay
from services.programmes.pinned import pinned_pack
from services.programmes.planning import LoadPlan, changes_of, newest_overlay, plan_of, refuse_shared_numbers
from services.store.chain import append_event
from services.store.transaction import Tx

MOST_REASON = 2000


@dataclass(frozen=True)
class OverlayView:
    """The bureau's own values over a programme as they stand.

    n: the overlay's version, 0 where none was ever set. base: the pack without it. history: all versions, the newest first.
    """

    programme: Programme
    n: int
    base_id: UUID
    base: Doc
    changes: tuple[Change, ...]
    history: tuple[ProgrammeOverlay, ...]


@dataclass(frozen=True)
class OverlaySet:
    """What setting values did. changed: whether anything did."""

    n: int
    version_id: UUID
    digest: str
    plan: LoadPlan

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return bool(self.plan.differences)


async def programme_of(tx: Tx, reader: Reader, programme_id: UUID) -> Programme:
    """Return one of the bureau's programmes for its administrator.

    Raises:
        ForbiddenError: the reader is not the bureau's administrator.
        NotFoundError: the bureau has no such programme.
    """
    require(may_load_programmes(reader))
    query = select(Programme).where(col(Programme.bureau_id) == reader.bureau_id, col(Programme.id) == programme_id)
    found = (await tx.session.exec(query)).first()
    if found is None:
        raise NotFoundError
    return found


async def overlay_view(tx: Tx, reader: Reader, programme_id: UUID) -> OverlayView:
    """Return the bureau's own values over a programme; raises as `programme_of`."""
    programme = await programme_of(tx, reader, programme_id)
    newest = await newest_overlay(tx, reader.bureau_id, programme.code)
    base_id = newest.base_id if newest else programme.version_id
    query = select(ProgrammeOverlay).where(
        col(ProgrammeOverlay.bureau_id) == reader.bureau_id, col(ProgrammeOverlay.programme) == programme.code
    )
    history = (await tx.session.exec(query.order_by(col(ProgrammeOverlay.n).desc()))).all()
    base = (await pinned_pack(tx, base_id)).resolved()
    return OverlayView(programme, newest.n if newest else 0, base_id, base, changes_of(newest), tuple(history))


async def preview_overlay(tx: Tx, reader: Reader, programme_id: UUID, values: Mapping[str, Any]) -> LoadPlan:
    """Return what setting the bureau's values to exactly `values` would do; nothing is changed.

    Args:
        tx: the transaction.
        reader: the bureau's administrator.
        programme_id: of which programme.
        values: by place, all of them; a place that is not named has the pack's value again.

    Raises:
        InvalidInputError: a place may not be set, or the pack would not pass its check; `problems` name each place.
        SharedNumberError: a filing could get the same number as one of the bureau's other programmes.
    """
    view = await overlay_view(tx, reader, programme_id)
    base = view.base
    wanted = tuple(Change(place, read(base, place), value) for place, value in values.items())
    found = [*_not_settable(base, wanted)] or problems_of(applied(base, wanted))
    if found:
        raise InvalidInputError([{"field": each.place, "message": each.message} for each in found])
    pack = Pack.model_validate(applied(base, wanted))
    kept = tuple(change for each in wanted if (change := _as_stored(each, pack.resolved())).value != change.base)
    await refuse_shared_numbers(tx, reader.bureau_id, pack)
    overlay = await newest_overlay(tx, reader.bureau_id, view.programme.code)
    reapplied = Reapplied(pack.resolved(), kept, (), (), ())
    return await plan_of(
        tx, reader.bureau_id, view.programme, base=Pack.model_validate(base), pack=pack, overlay=overlay,
        reapplied=reapplied,
    )  # fmt: skip


def _not_settable(base: Doc, wanted: tuple[Change, ...]) -> list[Problem]:
    may = {each.place for each in settable(base)}
    words = Message(N_("this value is the pack's; a bureau sets times, numbers, seats, actors and number formats"))
    return [Problem(each.place, words) for each in wanted if each.place not in may]


def _as_stored(change: Change, doc: Doc) -> Change:
    """Return the change with its value as a resolved pack writes it: `7` for a number that came as text."""
    return change._replace(value=read(doc, change.place))


async def set_overlay(
    tx: Tx, reader: Reader, programme_id: UUID, values: Mapping[str, Any], *, reason: str, seen: int | None = None
) -> OverlaySet:
    """Set the bureau's own values over a programme to exactly `values`: new cases run by them, running ones keep theirs.

    Args:
        tx: the transaction.
        reader: the bureau's administrator.
        programme_id: of which programme.
        values: by place, all of them; a place that is not named has the pack's value again.
        reason: why, for the audit.
        seen: the overlay's version that the caller looked at, or None.

    Raises:
        ConflictError: somebody has set values since.
        InvalidInputError: there is no reason, or as `preview_overlay`.
    """
    require(may_load_programmes(reader))
    reason = reason.strip()
    if not reason or len(reason) > MOST_REASON:
        words = N_("Write a reason of at most {most} letters; it stands in the audit.")
        raise InvalidInputError([{"field": "reason", "message": Message(words, {"most": MOST_REASON})}])
    await lock_bureau(tx, reader.bureau_id)
    view = await overlay_view(tx, reader, programme_id)
    if seen is not None and seen != view.n:
        raise ConflictError
    plan = await preview_overlay(tx, reader, programme_id, values)
    if not plan.differences and plan.reapplied.kept == view.changes:
        return OverlaySet(view.n, view.programme.version_id, plan.pack.digest(), plan)
    by = reader.person_id
    report = await put_in_force(tx, reader.bureau_id, plan, by=by)
    written = await write_overlay(
        tx, reader.bureau_id, plan, base_id=view.base_id, version_id=report.version_id, by=by, reason=reason
    )
    made = OverlaySet(written or view.n, report.version_id, report.digest, plan)
    await append_event(
        tx, reader.bureau_id, stream="bureau", kind="overlay-set", person_id=by, data=_facts(made, reason)
    )
    return made


def _facts(made: OverlaySet, reason: str) -> dict[str, Any]:
    differences = [each.as_dict() for each in made.plan.differences]
    facts = {"programme": made.plan.pack.programme, "overlay": made.n, "digest": made.digest, "reason": reason}
    return {**facts, "before": str(made.plan.before_id), "differences": differences}
