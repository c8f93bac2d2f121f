"""What may come in: the kinds of values that bodies, queries and headers hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Header, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from services.errors import InvalidInputError
from services.workflow.queue import MAX_PAGE

NO_NUL = r"^[^\x00]*$"
LARGEST = 2**31 - 1
YEARS = range(2000, 2200)
PLAIN = r"^[!-~]([ -~]*[!-~])?$"


def _within_years(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError("not a moment between the years 2000 and 2200")
    return value.astimezone(UTC)


class Incoming(BaseModel):
    """Base of bodies: an unknown name is a mistake, not a wish that is silently dropped."""

    model_config = ConfigDict(extra="forbid")


Words = Annotated[str, Field(max_length=4000, pattern=NO_NUL, description="The opinion or the reason.")]
Short = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
Instant = Annotated[AwareDatetime, AfterValidator(_within_years)]
Version = Annotated[
    int | None,
    Field(ge=0, le=LARGEST, description="The version that you saw; if the thing has moved on since, nothing is done."),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=PLAIN,
        description="Any word of yours, new for each command: sent again with the same one, the first answer comes back.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^(W/)?"[0-9]{1,10}"$',
        description="The ETag that you saw, as an alternative to the body's `version`; 412 if it has moved on since.",
    ),
]
After = Annotated[
    str | None, Query(max_length=400, pattern=r"^[A-Za-z0-9_-]*$", description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Rows of a page.")]
Code = Annotated[str | None, Query(max_length=60, pattern=r"^[a-z0-9-]*$")]


def etag(version: int) -> str:
    """Return a version as an ETag."""
    return f'"{version}"'


def matched(if_match: str | None) -> int | None:
    """Return the version that an `If-Match` names."""
    return min(int(if_match.removeprefix("W/").strip('"')), LARGEST) if if_match else None


class Versioned(Protocol):
    """A body that may say which version was seen."""

    @property
    def version(self) -> int | None: ...


def seen(body: Versioned | None, if_match: str | None) -> int | None:
    """Return the version that the caller saw: the body's, else the one of `If-Match`."""
    return body.version if body is not None and body.version is not None else matched(if_match)


def id_after(after: str | None) -> UUID | None:
    """Read a page mark that is an id.

    Raises:
        InvalidInputError: it is none of ours.
    """
    try:
        return UUID(after) if after else None
    except ValueError as error:
        raise InvalidInputError([{"field": "after", "message": "This page mark is not one of ours."}]) from error
