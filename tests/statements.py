"""Counting statements, for tests that hold a use case to its number of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from services.store.transaction import Store


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Collect every statement that `store` sends inside the block, whoever sends it.

    `with counted(store) as sent: …; assert len(sent) == 1`. The look at the store's clock and BEGIN/COMMIT are not counted.
    """
    sent: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        if "FROM store_clock" not in statement:
            sent.append(statement)

    engine = store.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
