"""Column helpers shared by all tables. Ids and times come from the ports, so no column has a default made by a clock."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING
metadata: MetaData = SQLModel.metadata


class Row(SQLModel):
    """Base of every table of a bureau: an id from the Ids port and the bureau that it belongs to."""

    id: UUID = Field(primary_key=True)
    bureau_id: UUID = Field(index=False, nullable=False)


def moment(*, nullable: bool = False, index: bool = False) -> Any:
    """Return a timestamptz column; values are aware and in UTC."""
    if nullable:
        return Field(default=None, sa_type=DateTime(timezone=True), nullable=True, index=index)
    return Field(sa_type=DateTime(timezone=True), nullable=False, index=index)


def document(*, nullable: bool = False) -> Any:
    """Return a JSONB column."""
    if nullable:
        return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    return Field(sa_type=JSONB, nullable=False)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return a CHECK that a text column holds one of `values`."""
    quoted = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({quoted})", name=f"{column}_known")


def same_bureau(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """Return a foreign key that also holds the bureau: a row can point only to rows of its own bureau."""
    return ForeignKeyConstraint(["bureau_id", column], [f"{table}.bureau_id", f"{table}.id"], ondelete=ondelete)


Moment = datetime
Json = dict[str, Any]
