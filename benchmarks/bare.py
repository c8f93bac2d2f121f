"""The ceiling of a decision: a FastAPI + SQLModel endpoint that does one INSERT and commits before it answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from services.store.transaction import sqlalchemy_url


class Opinion(SQLModel, table=True):
    __tablename__ = "bench_opinion"
    id: UUID = Field(primary_key=True)
    task_id: UUID
    words: str
    at: datetime = Field(sa_type=DateTime(timezone=True))


class Asked(BaseModel):
    words: str = ""


class Answer(BaseModel):
    id: UUID


engine = create_async_engine(sqlalchemy_url(os.environ["GUANTONG_DATABASE_URL"]), pool_size=10, max_overflow=0)
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as opened, opened.begin():
        yield opened


@app.post("/bare/{task_id}")
async def bare(
    task_id: UUID, asked: Asked, opened: Annotated[AsyncSession, Depends(session, scope="function")]
) -> Answer:
    opinion = Opinion(id=uuid4(), task_id=task_id, words=asked.words, at=datetime.now(UTC))
    opened.add(opinion)
    return Answer(id=opinion.id)
