"""What mails say, in both languages, whatever stands in the names."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from services.messages.assemble import assemble_all
from services.messages.dates import distance_text, end_text
from services.messages.dispatch import Dispatcher
from services.messages.envelope import AddressError, Envelope, build_mail
from services.messages.keys import calendar_uid, message_id_header
from services.messages.kinds import KINDS, PEOPLE_KINDS
from services.messages.render import TEMPLATES, Rendered
from services.messages.sweep import sweep_all
from services.messages.words import one_line, printable
from tests.conftest import START, move_clock
from tests.messages.factory import COACH, PUBLIC, World
from tests.smtp_servers import RecordingServer

SHANGHAI = ZoneInfo("Asia/Shanghai")
END_OF_JANUARY = dt.datetime(2027, 1, 31, 16, tzinfo=dt.UTC)
GROUP = {
    "code": "math",
    "title_zh": "数学项目组",
    "title_en": "Mathematics group",
    "unit_zh": "示例第一中学",
    "unit_en": "Demo school",
}
CONTEXT = {
    "season-missing": {"season": "2027", "process": "annual-filing", "missing": [GROUP]},
    "season-summary": {"cases": 6, "filed": 5, "late": 1, "ended": 1},
    "audit-anchor": {"day": "2027-01-22", "digest": "d" * 64, "signature": "s" * 88, "key_id": "k1"},
    "returned": {"reason": "The sums <b>differ</b>."},
    "exception-granted": {"until": "2027-02-20T16:00:00+00:00", "reason": "Illness"},
    "filed": {"number": "QJ-2027-001"},
    "remind": {"missed": 3},
    "extension-asked": {"until": "2027-02-20T16:00:00+00:00", "reason": "Illness"},
    "stage-reached": {"stage": "guidance"},
    "suspended": {"reason": "An audit <i>runs</i>."},
    "copied": {"reason": "For <b>you</b>."},
    "asked": {"reason": "Is it enough?"},
    "answered": {"reason": "It is."},
    "urged": {"reason": "It begins next week."},
    "priority-given": {"reason": "The <i>board</i> meets.", "priority": "urgent"},
}  # fmt: skip
HELD = (COACH, "basic-education-office/clerk")
OF_SEASON = {"season-missing", "season-summary"}


ASKED = """
UPDATE cases SET state_doc = jsonb_set(state_doc, '{open,0,asked}', jsonb_build_object('task', (
    SELECT t.id FROM task t WHERE t.case_id = cases.id))) WHERE id = $1
"""


async def suspended(world: World) -> UUID:
    """Return another case, which stands still."""
    case = await world.start("physics")
    await world.rows("UPDATE notification SET state = 'void' WHERE case_id = $1", case)
    await world.rows("UPDATE cases SET suspended_at = opened_at WHERE id = $1", case)
    return case


async def tell(world: World, reader: UUID, kind: str, case: UUID) -> None:
    """Tell the reader something of this kind, with the context that its writers give it."""
    context = CONTEXT.get(kind, {})
    if kind == "unheld":
        context = {"position_id": str(world.positions["education-research-institute/reviewer"]), "kind": "overdue"}
    if kind == "suspended":
        case = await suspended(world)
    if kind == "extension-asked":
        await world.rows(ASKED, case)
    if kind in PEOPLE_KINDS:
        await world.tell(reader, kind, of=await substitution(world, reader))
    elif kind in OF_SEASON:
        await world.tell(reader, kind, context, season=world.season_id)
    else:
        await world.tell(reader, kind, context, case=None if kind == "audit-anchor" else case)


async def substitution(
    world: World, substitute: UUID, *, processes: str = '[["qingdao-qiangji", "annual-filing"]]'
) -> UUID:
    """Let the administrator be stood in for; return the substitution."""
    [made] = await world.rows(
        "INSERT INTO substitution (id, bureau_id, person_id, substitute_id, starts_on, ends_on, processes, reason, created_at)"
        " VALUES (gen_random_uuid(), $1, $2, $3, '2027-01-25', '2027-01-29', nullif($4::text, 'null')::jsonb, 'away', $5) RETURNING id",
        world.bureau_id, world.administrator, substitute, processes, START,
    )  # fmt: skip
    return made["id"]


@pytest.mark.postgres
async def test_both_of_a_substitution_are_told_each_in_their_own_words(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    other = await world.person("Other", locale="en")
    await world.rows("UPDATE person SET email = 'boss@example.test', locale = 'en' WHERE id = $1", world.administrator)
    for kind in PEOPLE_KINDS:
        about = await substitution(world, other)
        for person in (other, world.administrator):
            await world.tell(person, kind, of=about)
    await dispatcher.tick()
    by_person = {got.recipients[0].partition("@")[0]: got for got in server.received}
    days = "from Monday 25 January 2027 to Friday 29 January 2027"
    for words in (by_person["other"].text, by_person["other"].html):
        assert f"You stand in for Administrator {days}" in words
        assert "This is for: Annual plan filing." in words
        assert "You no longer stand in for Administrator" in words
    for words in (by_person["boss"].text, by_person["boss"].html):
        assert f"Other stands in for you {days}" in words
        assert "Other no longer stands in for you" in words
        assert "away" not in words.replace("you are away", "")
        assert f"{PUBLIC}/account" in words


@pytest.mark.postgres
async def test_a_substitution_for_everything_names_no_process(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    other = await world.person("Other", locale="en")
    await world.tell(other, "substitute-named", of=await substitution(world, other, processes="null"))
    await dispatcher.tick()
    [got] = server.received
    assert "This is for" not in got.text


def test_every_kind_has_its_three_templates_and_no_template_is_left_over():
    for kind in (*KINDS, "digest"):
        assert {path.name for path in (TEMPLATES / kind).iterdir()} == {"subject.txt", "body.txt", "body.html"}
    assert {path.name for path in TEMPLATES.iterdir() if path.is_dir()} == {*KINDS, "digest"}


@pytest.mark.postgres
@pytest.mark.parametrize("locale", ["zh", "en"])
async def test_every_kind_is_written_alone(world: World, dispatcher: Dispatcher, server: RecordingServer, locale: str):
    await world.start()
    [case] = await world.rows("SELECT id FROM cases")
    await world.rows("UPDATE notification SET state = 'void'")
    for kind in KINDS:
        reader = await world.person(kind, *HELD, email=f"{kind}@example.test", locale=locale)
        await tell(world, reader, kind, case["id"])
    await dispatcher.tick()
    assert {row["state"]: row["answer"] for row in await world.messages()}.keys() == {"sent"}
    by_kind = {got.recipients[0].partition("@")[0]: got for got in server.received}
    assert by_kind.keys() == set(KINDS)
    for kind, got in by_kind.items():
        subject = str(got.mail["Subject"])
        both = got.text + got.html
        assert subject.strip(), kind
        assert "{" not in subject + got.text, kind
        assert ("贯通" in got.text) == (locale == "zh"), kind
        assert any("\u4e00" <= c <= "\u9fff" for c in subject) == (locale == "zh"), (kind, subject)
        assert both.count(PUBLIC) >= 2, kind
        assert ("您收到此" if locale == "zh" else "You get this") in got.text, kind
    assert "The sums <b>differ</b>." in by_kind["returned"].text
    assert "The sums &lt;b&gt;differ&lt;/b&gt;." in by_kind["returned"].html
    assert ("市教科院" if locale == "zh" else "Education research institute") in by_kind["unheld"].text
    assert ("示例第一中学" if locale == "zh" else "Demo school") in by_kind["season-missing"].text
    assert ("2027年2月20日 周六 24:00" if locale == "zh" else "Saturday 20 February 2027 24:00") in by_kind[
        "exception-granted"
    ].text


@pytest.mark.postgres
async def test_a_return_is_worded_by_what_the_stage_asks_for(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    coach = await world.person("Coach", COACH)
    case = await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await tell(world, coach, "returned", case)
    await dispatcher.tick()
    await world.rows("UPDATE notification SET state = 'void'")
    await world.rows("UPDATE task SET kind = 'approve', stage = 'guidance'")
    await move_clock(world.store, START + dt.timedelta(minutes=1))
    await tell(world, coach, "returned", case)
    await dispatcher.tick()
    submit, approve = server.received
    for words in (submit.text, submit.html):
        assert "submit it again by Sunday 31 January 2027" in words
    for words in (approve.text, approve.html):
        assert "give your opinion by Sunday 31 January 2027" in words
        assert "submit it again" not in words


@pytest.mark.postgres
async def test_a_warning_that_comes_too_late_speaks_of_no_workday_to_come(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    await world.person("Coach", COACH)
    await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await world.rows("UPDATE alarm SET next_at = NULL WHERE kind <> 'warn'")
    await move_clock(world.store, dt.datetime(2027, 1, 31, 17, tzinfo=dt.UTC))
    await sweep_all(world.store)
    await dispatcher.tick()
    [got] = server.received
    assert str(got.mail["Subject"]).startswith("Due 1 day ago:")
    assert "was due on Sunday 31 January 2027 and is not done." in got.text
    assert "no further workday" not in got.text + got.html


@pytest.mark.postgres
@pytest.mark.parametrize("locale", ["zh", "en"])
async def test_a_digest_says_everything_once_the_escalation_first(
    world: World, dispatcher: Dispatcher, server: RecordingServer, locale: str
):
    await world.start()
    [case] = await world.rows("SELECT id FROM cases")
    await world.rows("UPDATE notification SET state = 'void'")
    reader = await world.person("reader", *HELD, email="reader@example.test", locale=locale)
    for kind in KINDS:
        await tell(world, reader, kind, case["id"])
    await dispatcher.tick()
    [got] = server.received
    assert str(len(KINDS)) in str(got.mail["Subject"])
    assert ("逾期升级督办" if locale == "zh" else "Escalated") in str(got.mail["Subject"])
    assert f"{len(KINDS)}. " in got.text
    order = (
        ["逾期升级督办", "已截止", "到期前最后"] if locale == "zh" else ["Escalated", "Closed without", "Last workday"]
    )
    places = [got.text.index(word) for word in order]
    assert places == sorted(places)
    assert len(Calendar.from_ical(str(got.calendar)).walk("VEVENT")) == 1


@pytest.mark.postgres
async def test_the_calendar_entry_is_the_whole_due_day_and_grows_with_each_change(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    coach = await world.person("Coach", COACH)
    case = await world.start()
    await dispatcher.tick()
    [task] = await world.rows("SELECT id FROM task")
    first = Calendar.from_ical(str(server.received[0].calendar))
    [event] = first.walk("VEVENT")
    assert first["METHOD"] == "PUBLISH"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (dt.date(2027, 1, 31), dt.date(2027, 2, 1))
    assert (event["UID"], event["SEQUENCE"]) == (f"task.{task['id']}@plans.example.edu.cn", 0)
    assert event.decoded("dtstamp") == START
    assert str(event["URL"]) == f"{PUBLIC}/tasks/{task['id']}"
    assert "青岛市教育局" in str(event["DESCRIPTION"])
    await world.rows("UPDATE deadline SET due_at = due_at + interval '42 hours'")
    await world.tell(coach, "due-changed", case=case)
    await dispatcher.tick()
    second = Calendar.from_ical(str(server.received[1].calendar))
    [event] = second.walk("VEVENT")
    assert (event["UID"], event["SEQUENCE"]) == (f"task.{task['id']}@plans.example.edu.cn", 1)
    assert event.decoded("dtend").astimezone(dt.UTC) == END_OF_JANUARY + dt.timedelta(hours=42)
    assert str(event["DTEND"].params["TZID"]) == "Asia/Shanghai"
    assert [str(zone["TZID"]) for zone in second.walk("VTIMEZONE")] == ["Asia/Shanghai"]


@pytest.mark.postgres
async def test_the_mail_explains_the_day_and_the_warning_names_it(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    await world.person("Coach", COACH, locale="zh")
    await world.start()
    await dispatcher.tick()
    await move_clock(world.store, dt.datetime(2027, 1, 29, 1, tzinfo=dt.UTC))
    await world.rows("UPDATE alarm SET next_at = NULL WHERE kind = 'remind'")
    await sweep_all(world.store)
    await dispatcher.tick()
    got = server.received[-1]
    assert str(got.mail["Subject"]) == "到期前最后一个工作日：数学项目组年度项目实施方案备案（2027）"
    assert "2027年1月31日 周日 24:00 (2天后)" in got.text
    assert "日期依据" in got.text
    assert "2027年2月7日 周日 24:00" in got.text or "逾期受理截止" in got.text
    assert got.text.count("1月31日") >= 3


@pytest.mark.postgres
async def test_a_late_mail_tells_the_distance_of_when_it_is_sent(
    world: World, dispatcher: Dispatcher, server: RecordingServer
):
    await world.person("Coach", COACH)
    await world.start()
    await assemble_all(world.store)
    await move_clock(world.store, START + dt.timedelta(days=8))
    await dispatcher.tick()
    assert "tomorrow" in server.received[0].text


@pytest.mark.postgres
async def test_names_cannot_break_out_of_headers_or_html(world: World, dispatcher: Dispatcher, server: RecordingServer):
    evil = "Li\r\nBcc: all@example.test\u202egnp <script>alert(1)</script> 🏫"
    await world.person(evil[:90], COACH, email="li@example.test")
    await world.rows("UPDATE bureau SET name = $1", evil)
    await world.rows("UPDATE project_group SET title_en = $1", evil)
    await world.start()
    await dispatcher.tick()
    [got] = server.received
    assert got.recipients == ["li@example.test"]
    assert got.mail["Bcc"] is None
    assert "\u202e" not in str(got.mail["Subject"]) + got.text + got.html
    assert "<script>" not in got.html
    assert "&lt;script&gt;" in got.html
    assert "🏫" in str(got.mail["Subject"])
    assert "\n" not in str(got.mail["Subject"])


@pytest.mark.postgres
@pytest.mark.parametrize("address", ["no address", "li@", "李@example.test", "a@b\r\nBcc: c@d", "li<x>@example.test"])
async def test_an_address_that_is_none_makes_the_message_dead_and_no_other(
    world: World, dispatcher: Dispatcher, server: RecordingServer, address: str
):
    await world.person("Coach", COACH, email=address)
    await world.person("Other", COACH)
    await world.start()
    await dispatcher.tick()
    states = {row["address"]: row["state"] for row in await world.messages()}
    assert states == {address: "dead", "other@example.test": "sent"}
    assert [got.recipients for got in server.received] == [["other@example.test"]]


@pytest.mark.postgres
async def test_a_notification_without_what_its_template_says_is_dead_with_a_word_on_it(
    world: World, dispatcher: Dispatcher
):
    await world.tell(await world.person("Auditor"), "audit-anchor")
    await dispatcher.tick()
    [message] = await world.messages()
    assert message["state"] == "dead"
    assert "day" in str(message["answer"])


def test_every_header_is_ascii_and_every_line_short():
    envelope = Envelope("plans@example.edu.cn", "青" * 200, "li@example.test", "李" * 200, "<k@h>")
    mail = build_mail(
        envelope, Rendered("督" * 500, "长" * 5000 + "\n", "<p>长</p>" * 3000), b"BEGIN:VCALENDAR", at=START
    )
    content = mail.as_bytes()
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    with pytest.raises(AddressError):
        build_mail(Envelope("a@b.c", "", "not an address", "", "<k@h>"), Rendered("s", "t", "h"), None, at=START)


def test_the_end_of_a_day_is_24_o_clock_of_that_day():
    assert end_text(END_OF_JANUARY, SHANGHAI, "en") == "Sunday 31 January 2027 24:00"
    assert end_text(END_OF_JANUARY, SHANGHAI, "zh") == "2027年1月31日 周日 24:00"
    assert (
        end_text(END_OF_JANUARY + dt.timedelta(hours=9, minutes=30), SHANGHAI, "en") == "Monday 1 February 2027 09:30"
    )


@pytest.mark.parametrize(("days", "zh", "en"), [(0, "今天", "today"), (1, "明天", "tomorrow"), (9, "9天后", "in 9 days"), (-1, "1天前", "1 day ago"), (-3, "3天前", "3 days ago")])  # fmt: skip
def test_distances(days: int, zh: str, en: str):
    today = dt.date(2027, 1, 22)
    day = today + dt.timedelta(days=days)
    assert (distance_text(day, today, "zh"), distance_text(day, today, "en")) == (zh, en)


def test_keys_are_stable_and_their_host_is_ascii():
    task = uuid4()
    assert message_id_header("m.1", "http://[::1]:8080").isascii()
    assert message_id_header("m.1", "https://市教育局.example.cn:8443").isascii()
    assert calendar_uid(task, PUBLIC) == calendar_uid(task, PUBLIC)


def test_text_is_cleaned_of_what_hides_or_garbles():
    assert printable("a\x00b\u202ec\r\nd\te\ud800") == "abc\nd\te"
    assert one_line("a\r\nBcc: x\u2028y\tz") == "a Bcc: xy z"
    assert one_line("长" * 400).endswith("…")
    assert len(one_line("长" * 400)) == 300
