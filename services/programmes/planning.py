"""What loading a version of a programme would do, found out before it is done: differences, running cases, conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from uuid import UUID

from sqlmodel import col, select

from models.programme import Programme, ProgrammeOverlay
from services.errors import ConflictError
from services.i18n import N_
from services.process.definitions import FileStage
from services.process.numbers import may_coincide
from services.process.pack_diff import Difference, difference
from services.process.pack_overlay import Change, Conflict, Decision, Reapplied, reapply
from services.process.pack_places import Doc
from services.process.packs import Pack
from services.programmes.pinned import pinned_pack
from services.programmes.standing import Standing, lost_stages, standings
from services.store.transaction import Tx


class SharedNumberError(ConflictError):
    """Two programmes of a bureau would number alike, and the second one's filings would all fail."""

    code = "shared-number"
    default = "“{number}” could write the same number as “{other}” of the programme “{programme}”; begin it with other letters."


@dataclass(frozen=True)
class Orders:
    """What whoever loads has decided beforehand.

    sure: also where running cases stand in a stage that the version lacks. decisions: for each conflicting place of the overlay,
    whose value counts. reason: why, for the audit.
    """

    sure: bool = False
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class LoadPlan:
    """What loading a pack would do.

    base: the pack as it was read. pack: what would be in force, with the bureau's own values. before: what is in force now; None for
    a new programme. overlay: the bureau's values as they stand now. standing: where running cases stand; they stay under their
    version. lost: those of them in stages that the new version lacks.
    """

    base: Pack
    pack: Pack
    before: Pack | None
    before_id: UUID | None
    overlay: ProgrammeOverlay | None
    reapplied: Reapplied
    differences: tuple[Difference, ...]
    standing: tuple[Standing, ...]
    lost: tuple[Standing, ...]

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The bureau's values that do not fit the new version as a matter of course."""
        return self.reapplied.conflicts

    @property
    def is_new(self) -> bool:
        """Whether another version than that in force would be."""
        return self.before is None or bool(self.differences)

    @property
    def documents(self) -> tuple[Doc, Doc]:
        """The resolved packs: in force now, and afterwards."""
        after = self.pack.resolved()
        return (self.before.resolved() if self.before else {}), after


class UndecidedError(ConflictError):
    """The bureau's own values conflict with the new version, and nobody has decided. `plan` says what would happen."""

    code, default = (
        "overlay-conflict",
        N_(
            "Values that the bureau has set for itself conflict with this version: {places}. Say for each whose counts."
        ),
    )

    def __init__(self, plan: LoadPlan) -> None:
        super().__init__(places=", ".join(each.change.place for each in plan.reapplied.open))
        self.plan = plan


class LostStageError(ConflictError):
    """Running cases stand in a stage that the new version lacks, and nobody has said that this is meant."""

    code, default = (
        "lost-stage",
        N_("{cases} running cases stand in stages that this version lacks: {stages}. Confirm that this is meant."),
    )

    def __init__(self, plan: LoadPlan) -> None:
        stages = dict.fromkeys(f"{each.process}/{each.stage}" for each in plan.lost)
        super().__init__(cases=sum(each.cases for each in plan.lost), stages=", ".join(stages))
        self.plan = plan


async def plan_load(tx: Tx, bureau_id: UUID, pack: Pack, decisions: Mapping[str, Decision] | None = None) -> LoadPlan:
    """Return what loading `pack` would do; nothing is changed.

    Args:
        tx: the transaction.
        bureau_id: whose programme.
        pack: a checked pack, without the bureau's own values.
        decisions: whose value counts, by place.

    Raises:
        SharedNumberError: a filing of it could get the same number as one of the bureau's other programmes.
    """
    programme = await find_programme(tx, bureau_id, pack.programme)
    overlay = await newest_overlay(tx, bureau_id, pack.programme)
    found = reapply(pack.resolved(), changes_of(overlay), decisions)
    resolved = Pack.model_validate(found.doc) if found.kept else pack
    await refuse_shared_numbers(tx, bureau_id, resolved)
    return await plan_of(tx, bureau_id, programme, base=pack, pack=resolved, overlay=overlay, reapplied=found)


async def plan_of(
    tx: Tx,
    bureau_id: UUID,
    programme: Programme | None,
    *,
    base: Pack,
    pack: Pack,
    overlay: ProgrammeOverlay | None,
    reapplied: Reapplied,
) -> LoadPlan:
    """Return what putting `pack` in force would do."""
    before_id = programme.version_id if programme else None
    before = await pinned_pack(tx, before_id) if before_id else None
    after = pack.resolved()
    standing = await standings(tx, bureau_id, pack.programme)
    return LoadPlan(
        base=base, pack=pack, before=before, before_id=before_id, overlay=overlay, reapplied=reapplied,
        differences=difference(before.resolved(), after) if before else (), standing=standing,
        lost=lost_stages(standing, after),
    )  # fmt: skip


async def find_programme(tx: Tx, bureau_id: UUID, code: str) -> Programme | None:
    """Return the bureau's programme of that code."""
    query = select(Programme).where(col(Programme.bureau_id) == bureau_id, col(Programme.code) == code)
    return (await tx.session.exec(query)).first()


async def newest_overlay(tx: Tx, bureau_id: UUID, programme: str) -> ProgrammeOverlay | None:
    """Return the bureau's own values over a programme as they stand, or None where it never set any."""
    query = select(ProgrammeOverlay).where(
        col(ProgrammeOverlay.bureau_id) == bureau_id, col(ProgrammeOverlay.programme) == programme
    )
    return (await tx.session.exec(query.order_by(col(ProgrammeOverlay.n).desc()).limit(1))).first()


def changes_of(overlay: ProgrammeOverlay | None) -> tuple[Change, ...]:
    """Return an overlay's changes."""
    return tuple(Change(**each) for each in overlay.changes) if overlay else ()


async def refuse_shared_numbers(tx: Tx, bureau_id: UUID, pack: Pack) -> None:
    """Compare with what is in force of the other programmes: a number stands once in a bureau (备案编号)."""
    query = select(Programme).where(col(Programme.bureau_id) == bureau_id, col(Programme.code) != pack.programme)
    for programme in (await tx.session.exec(query.order_by(Programme.code))).all():
        other = await pinned_pack(tx, programme.version_id)
        for ours, theirs in product(_numbers(pack), _numbers(other)):
            if may_coincide(ours, theirs, groups=_group_codes(pack), others=_group_codes(other)):
                raise SharedNumberError(number=ours, programme=programme.code, other=theirs)


def _numbers(pack: Pack) -> list[str]:
    stages = (stage for process in pack.processes for stage in process.stages)
    return [stage.number for stage in stages if isinstance(stage, FileStage)]


def _group_codes(pack: Pack) -> list[str]:
    return [group.code for group in pack.groups]
