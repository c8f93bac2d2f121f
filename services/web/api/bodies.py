"""What commands on a case take and answer, shared by their modules."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.web.api.values import Incoming, Version, Words


class Seen(Incoming):
    """A command on what was seen at a version."""

    version: Version = None


class Opinion(Seen):
    """An approval; the words may be empty."""

    words: Words = ""


class Reason(Seen):
    """A command that needs a reason."""

    words: Annotated[Words, Field(min_length=1)]


class OutcomeOut(BaseModel):
    """What an act did. `state`: the stage that the case now stands in, or `filed` or `ended`."""

    case_id: UUID
    act: str
    version: int
    state: str
    decision_id: UUID
    number: str | None
    late: bool
