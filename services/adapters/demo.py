"""The demo: the Qingdao programme with invented people, and the business clock some days before the plans are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from services.adapters.demo_history import History
from services.adapters.packs import read_pack, read_roster
from services.people.set_up import load_people, set_up_bureau
from services.process.calendar import WorkCalendar
from services.process.deadlines import SeasonDates, season_dates
from services.process.packs import Pack
from services.process.roster import Roster
from services.programmes.load import load_pack
from services.settings import Settings
from services.store.clock import StoreClock, set_clock
from services.store.transaction import Store, Tx
from services.workflow.season_plan import plan_season

PACK = Path(__file__).parents[2] / "programmes" / "qingdao-qiangji"
BUREAU_CODE, BUREAU_NAME = "qingdao", "青岛市教育局（演示）"
PASSWORD = "weihai-taishan-2027"  # noqa: S105  printed at every start; nobody here exists
PROCESS = "annual-filing"
# Due at 24:00: the clock stands at nine in the morning, nine days before the last day.
BEFORE_DUE = timedelta(days=9, hours=15)
SETTLED_BEFORE = timedelta(days=14)
SHOWN = (
    "math-chief",
    "physics-chief",
    "research-reviewer",
    "basic-clerk",
    "finance-clerk",
    "basic-head",
    "school-1-admin",
    "administrator",
    "auditor",
)
"""One sign-in per role, in the order in which a plan meets them."""


@dataclass(frozen=True)
class DemoSignIn:
    """Somebody as whom one may sign in."""

    login: str
    name: str
    positions_zh: str
    positions_en: str


async def load_demo(settings: Settings) -> list[DemoSignIn]:
    """Fill an empty, migrated store and move its clock to nine days before the next plans are due.

    Args:
        settings: of a demo (`clock` is `store`), with the database's address.

    Returns:
        One sign-in per role; everybody's password is PASSWORD.
    """
    pack = read_pack(PACK)
    roster = read_roster(PACK / "people" / "demo.yaml", pack)
    store = Store(settings.required_database_url(), clock=StoreClock(), pooled=False)
    try:
        return await play_demo(store, pack, roster)
    finally:
        await store.close()


async def play_demo(store: Store, pack: Pack, roster: Roster) -> list[DemoSignIn]:
    """Fill a store whose clock is a StoreClock: people a fortnight before the season opens, then what happened since."""
    dates, key = _next_season(pack)
    async with store.engine.begin() as connection:
        await set_clock(connection, dates.opens_at - SETTLED_BEFORE, frozen=True)
    async with store.transaction() as tx:
        bureau_id, people = await _people(tx, pack, roster)
        season_id = await plan_season(tx, bureau_id, programme=pack.programme, process=PROCESS, key=key)
        shown = await _sign_ins(tx, bureau_id)
    await History(store, bureau_id, people, season_id, ZoneInfo(pack.settings.timezone)).play()
    async with store.engine.begin() as connection:
        await set_clock(connection, dates.due_at - BEFORE_DUE, frozen=False)
    return shown


def _next_season(pack: Pack) -> tuple[SeasonDates, str]:
    """Return dates and key of the first season to whose due date there are more than nine days of real time."""
    rule, calendar = pack.process(PROCESS).season_rule, WorkCalendar(pack.calendar)
    now = datetime.now(UTC)
    year = now.year
    while (dates := season_dates(rule, str(year), calendar)).due_at - BEFORE_DUE <= now:
        year += 1
    return dates, str(year)


async def _people(tx: Tx, pack: Pack, roster: Roster) -> tuple[UUID, dict[str, UUID]]:
    administrator = next(person for person in roster.people if person.login == "administrator")
    made = await set_up_bureau(
        tx,
        BUREAU_CODE,
        name=BUREAU_NAME,
        admin_name=administrator.name,
        admin_login=administrator.login,
        password=PASSWORD,
    )
    await load_pack(tx, made.bureau.id, pack)
    people = await load_people(tx, made.bureau.id, roster, programme=pack.programme, password=PASSWORD)
    return made.bureau.id, people


async def _sign_ins(tx: Tx, bureau_id: UUID) -> list[DemoSignIn]:
    rows = await tx.rows(_WHO, (bureau_id, list(SHOWN)))
    return [DemoSignIn(row["login"], row["name"], row["zh"], row["en"]) for row in rows]


_WHO = """
SELECT a.login, p.name,
       string_agg(coalesce(u.title_zh, g.title_zh) || ' ' || po.title_zh, '、' ORDER BY po.code) AS zh,
       string_agg(coalesce(u.title_en, g.title_en) || ', ' || po.title_en, '; ' ORDER BY po.code) AS en
FROM account a
JOIN person p ON p.bureau_id = a.bureau_id AND p.id = a.person_id
JOIN appointment ap ON ap.bureau_id = a.bureau_id AND ap.person_id = a.person_id
JOIN position po ON po.bureau_id = a.bureau_id AND po.id = ap.position_id
LEFT JOIN unit u ON u.bureau_id = po.bureau_id AND u.id = po.unit_id
LEFT JOIN project_group g ON g.bureau_id = po.bureau_id AND g.id = po.group_id
WHERE a.bureau_id = $1 AND a.login = ANY($2)
GROUP BY a.login, p.name
ORDER BY array_position($2, a.login)
"""
