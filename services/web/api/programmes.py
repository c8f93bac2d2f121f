"""Programmes for the bureau's administrator: versions, their differences, and the bureau's own values."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.process.pack_values import settable
from services.programmes.differing import Section, Told, tell_differences
from services.programmes.overlays import MOST_REASON, OverlaySet, overlay_view, preview_overlay, set_overlay
from services.programmes.planning import LoadPlan
from services.programmes.standing import Standing
from services.programmes.versions import (
    Version,
    programme_lines,
    sections_between,
    versions_of,
)
from services.web.api.callers import Administering, Reading
from services.web.api.models import Out, Title
from services.web.api.values import LARGEST, NO_NUL, Incoming

router = APIRouter(prefix="/api/v1/programmes", tags=["programmes"])
MOST_VALUES = 500
Place = Annotated[str, Field(min_length=1, max_length=400, pattern=NO_NUL)]


class ProgrammeOut(Out):
    """A programme with its version in force."""

    id: UUID
    code: str
    title: Title
    version_id: UUID
    digest: str
    loaded_at: datetime


class VersionOut(Out):
    """A stored version. running: cases under it. own: it holds values that the bureau has set for itself."""

    id: UUID
    digest: str
    loaded_at: datetime
    person: str | None
    in_force: bool
    own: bool
    running: int


class StandingOut(Out):
    """So many running cases stand in a stage, under the version that they are pinned to."""

    version_id: UUID
    digest: str
    process: str
    stage: str
    cases: int


class VersionsOut(Out):
    """A programme's versions, the newest first, and where its running cases stand."""

    versions: list[VersionOut]
    running: list[StandingOut]


class DifferenceOut(Out):
    """A difference. place: by codes. before, after: JSON values of the two versions; null where there was or is nothing."""

    place: str
    kind: str
    before: Any
    after: Any
    words: Title

    @classmethod
    def of(cls, told: Told) -> DifferenceOut:
        """Return it for a difference with its sentence."""
        return cls.model_validate(told.as_dict())


class DifferencesOut(Out):
    """What differs between two versions. before_id: the version in force, or for that one the version before it."""

    before_id: UUID | None
    after_id: UUID
    differences: list[DifferenceOut]


class ChangeOut(Out):
    """A value that the bureau has set. base: the pack's value that it was made against."""

    place: str
    base: Any
    value: Any


class SettableOut(Out):
    """A value that the bureau may set, as the pack says it."""

    place: str
    sort: str
    value: Any


class OverlayOut(Out):
    """The bureau's own values over a programme. n: their version, 0 where none was ever set."""

    n: int
    base_id: UUID
    changes: list[ChangeOut]
    settable: list[SettableOut]


class ValuesIn(Incoming):
    """All values of the bureau's own, by place; a place that is not named has the pack's value again."""

    values: Annotated[dict[Place, Any], Field(max_length=MOST_VALUES)]


class OverlayIn(ValuesIn):
    """The same, to be set. n: the version that you saw; if somebody has set values since, nothing is done."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON, pattern=NO_NUL)]
    n: Annotated[int | None, Field(ge=0, le=LARGEST)] = None


class PreviewOut(Out):
    """What setting the values would do. running: where cases stand; they stay under their version."""

    digest: str
    changes: list[ChangeOut]
    differences: list[DifferenceOut]
    running: list[StandingOut]

    @classmethod
    def of(cls, plan: LoadPlan) -> PreviewOut:
        """Return it for a plan."""
        return cls(
            digest=plan.pack.digest(),
            changes=[ChangeOut(**each.as_dict()) for each in plan.reapplied.kept],
            differences=_differences(tell_differences(*plan.documents, plan.differences)),
            running=[StandingOut.model_validate(each) for each in plan.standing],
        )


class OverlaySetOut(PreviewOut):
    """What setting the values did."""

    n: int
    version_id: UUID
    changed: bool

    @classmethod
    def made(cls, found: OverlaySet) -> OverlaySetOut:
        """Return it for values that were set."""
        more = {"n": found.n, "version_id": found.version_id, "changed": found.changed}
        return cls(**{**dict(PreviewOut.of(found.plan)), **more})


def _differences(sections: tuple[Section, ...]) -> list[DifferenceOut]:
    return [DifferenceOut.of(line) for section in sections for line in section.lines]


def _version(each: Version) -> VersionOut:
    return VersionOut.model_validate(each)


def _standing(each: Standing) -> StandingOut:
    return StandingOut.model_validate(each)


@router.get("", operation_id="list_programmes")
async def list_programmes(caller: Reading) -> list[ProgrammeOut]:
    """Return the bureau's programmes with their versions in force."""
    found = await programme_lines(caller.tx, caller.reader)
    return [ProgrammeOut(**{**vars(each), "title": Title(zh=each.title_zh, en=each.title_en)}) for each in found]


@router.get("/{programme_id}/versions", operation_id="list_versions")
async def list_versions(programme_id: UUID, caller: Reading) -> VersionsOut:
    """Return a programme's versions, and which running cases stand where under which of them."""
    found = await versions_of(caller.tx, caller.reader, programme_id)
    return VersionsOut(versions=list(map(_version, found.versions)), running=list(map(_standing, found.standing)))


@router.get("/{programme_id}/versions/{version_id}/differences", operation_id="version_differences")
async def version_differences(programme_id: UUID, version_id: UUID, caller: Reading) -> DifferencesOut:
    """Return what differs from the version in force; of that one, from the version before it. Sentences in both languages."""
    found = await versions_of(caller.tx, caller.reader, programme_id)
    before = found.compared(found.version(version_id).id)
    sections = await sections_between(caller.tx, before, version_id) if before else ()
    return DifferencesOut(before_id=before, after_id=version_id, differences=_differences(sections))


@router.get("/{programme_id}/overlay", operation_id="read_overlay")
async def read_overlay(programme_id: UUID, caller: Reading) -> OverlayOut:
    """Return the bureau's own values over a programme, and every value that it may set."""
    view = await overlay_view(caller.tx, caller.reader, programme_id)
    return OverlayOut(
        n=view.n,
        base_id=view.base_id,
        changes=[ChangeOut(**each.as_dict()) for each in view.changes],
        settable=[SettableOut(**each._asdict()) for each in settable(view.base)],
    )


@router.post("/{programme_id}/overlay/preview", operation_id="preview_overlay")
async def preview(programme_id: UUID, caller: Administering, body: ValuesIn) -> PreviewOut:
    """Say what setting the bureau's own values to exactly these would do. Nothing is changed."""
    return PreviewOut.of(await preview_overlay(caller.tx, caller.reader, programme_id, body.values))


@router.put("/{programme_id}/overlay", operation_id="set_overlay")
async def put_overlay(programme_id: UUID, caller: Administering, body: OverlayIn) -> OverlaySetOut:
    """Set the bureau's own values to exactly these: new cases run by them, running ones stay under their version."""
    made = await set_overlay(caller.tx, caller.reader, programme_id, body.values, reason=body.reason, seen=body.n)
    return OverlaySetOut.made(made)
