"""The daily anchor: made for each bureau on its own day, and mailed to whoever is its audit administrator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.audit import Anchor
from services.people.holding import holds
from services.people.positions import AUDITOR
from services.store.anchors import make_anchor
from services.store.transaction import Store, Tx
from services.store.writer import Rows, write

log = logging.getLogger(__name__)

WITHOUT = """
SELECT b.id, ($1::timestamptz AT TIME ZONE b.zone)::date AS day FROM bureau b
WHERE NOT EXISTS (SELECT FROM anchor a WHERE a.bureau_id = b.id AND a.day = ($1::timestamptz AT TIME ZONE b.zone)::date)
ORDER BY b.id
"""

AUDITORS = f"""
SELECT DISTINCT a.person_id FROM position p JOIN unit u ON u.id = p.unit_id AND u.kind = 'bureau'
JOIN appointment a ON a.position_id = p.id AND {holds("$2", "$4")}
WHERE p.bureau_id = $1 AND p.role = $3
"""  # noqa: S608 - constant parts


async def anchor_today(store: Store, signing_key: Callable[[], Ed25519PrivateKey]) -> int:
    """Anchor every bureau that has no anchor for its day yet; return how many were anchored now.

    Args:
        store: the store; each bureau is its own transaction.
        signing_key: gives the installation's key; asked only when there is something to sign.

    Raises:
        SetupError: the key is not there.
    """
    async with store.transaction() as tx:
        bureaus: list[tuple[UUID, date]] = [(row["id"], row["day"]) for row in await tx.rows(WITHOUT, (tx.now,))]
    made = 0
    for bureau_id, day in bureaus:
        async with store.transaction() as tx:
            anchor, is_new = await make_anchor(tx, bureau_id, day=day, key=signing_key())
            if is_new:
                await _tell(tx, anchor)
        made += is_new
    return made


async def _tell(tx: Tx, anchor: Anchor) -> None:
    context = {"day": anchor.day.isoformat(), "digest": anchor.digest, "signature": anchor.signature}
    people = await tx.rows(AUDITORS, (anchor.bureau_id, anchor.day, AUDITOR, tx.now))
    rows = Rows(now=tx.now)
    for person in people:
        rows.add(
            "notification", id=tx.new_id(), bureau_id=anchor.bureau_id, person_id=person["person_id"],
            kind="audit-anchor", subject_id=anchor.id, task_id=None, case_id=None, season_id=None, visit_n=0, at=tx.now,
            context={**context, "key_id": anchor.key_id}, state="pending", message_id=None, created_at=tx.now,
        )  # fmt: skip
    if people:
        await write(tx, rows)
    else:
        log.warning(
            "bureau %s has no audit administrator: its anchor of %s is mailed to nobody", anchor.bureau_id, anchor.day
        )
