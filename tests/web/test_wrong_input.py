"""What no browser of ours sends: answered, never a 5xx; and what is sent in masses is judged before it is unfolded."""

import base64
import json
import struct
import threading
import zipfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import String, bindparam, text
from sqlalchemy.exc import DBAPIError

from services.errors import InvalidInputError
from services.store.transaction import Store
from services.web import uploads, workbooks
from services.web.edge import FLASH
from services.web.errors import said_value
from services.web.numbers import whole
from tests.web.conftest import Browser, Demo

BRACKET = "http://["
DOCX = "[Content_Types].xml", "word/document.xml"


async def test_address_that_cannot_be_read_leads_home(browser: Browser):
    for where in ("//[", "/\\[", "http://[", "/x\ud800"):
        page = await browser.get("/sign-in?" + urlencode({"next": where}, errors="replace"))
        assert page.status_code == 200, where
    assert 'name="next" value="/"' in (await browser.get("/sign-in?next=//[")).text


async def test_referer_that_cannot_be_read_is_none(browser: Browser):
    await browser.get("/sign-in")
    answer = await browser.post("/account/password", {}, headers={"Referer": BRACKET})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "held",
    [
        json.dumps([["list"], "text"]),
        json.dumps([{"a": 1}, "text"]),
        json.dumps(["success", {"a": 1}]),
        json.dumps(["success", "\ud800"]),
        json.dumps({"a": 1, "b": 2}),
        "[" * 1900 + "]" * 1900,
        "7",
    ],
)
async def test_message_that_is_not_ours_is_no_message(browser: Browser, held: str):
    cookie = base64.urlsafe_b64encode(held.encode()).decode()
    answer = await browser.get("/sign-in", headers={"Cookie": f"{FLASH}={cookie}"})
    assert answer.status_code == 200


async def test_rows_are_counted_in_digits(demo: Demo):
    chief = await demo.sign_in("math-chief")
    where = f"/cases/{await demo.case('math')}/form"
    for index in ("²", "9" * 5000, "-1", "x", ""):
        await chief.get(where)
        answer = await chief.post(where, {"goals.items.0.goal": "x", "act": f"remove:goals.items.{index}"})
        assert answer.status_code < 500, index[:9]


def test_whole_numbers_are_short_and_of_plain_digits():
    assert [whole(text) for text in ("0", "12", "²", "٣", "9" * 5000, "", "-1")] == [
        0,
        12,
        None,
        None,
        None,
        None,
        None,
    ]


async def test_page_mark_before_all_time_is_none(demo: Demo):
    administrator = await demo.sign_in("administrator")
    mark = "0001-01-01T00:00:00+14:00|00000000-0000-0000-0000-000000000001"
    for path in ("/mail", "/audit"):
        assert (await administrator.get(f"{path}?{urlencode({'after': mark})}")).status_code < 500


def test_an_instant_before_all_time_is_said_as_it_is():
    early = "0001-01-01T00:00:00+14:00"
    assert said_value(early, "en", "Asia/Shanghai") == early
    assert said_value("2027-01-31T16:00:00Z", "en", "Asia/Shanghai") == "2027-02-01 00:00"


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, "")
    return path


def changed(path: Path, mark: bytes, offset: int, value: bytes) -> Path:
    held = bytearray(path.read_bytes())
    at = held.rfind(mark) + offset
    held[at : at + len(value)] = value
    path.write_bytes(held)
    return path


def test_archive_that_needs_a_later_zip_is_refused(tmp_path: Path):
    path = changed(archive(tmp_path / "a", *DOCX), b"PK\x01\x02", 6, struct.pack("<H", 99))
    with pytest.raises(InvalidInputError):
        uploads.accepted_type("a.docx", path)


def test_archive_of_too_many_files_is_refused_before_its_directory_is_read(tmp_path: Path, monkeypatch):
    assert uploads.accepted_type("a.docx", archive(tmp_path / "a", *DOCX)) == uploads.TYPES[".docx"]
    many = archive(tmp_path / "b", *DOCX, *(f"word/{n}" for n in range(uploads.MOST_ENTRIES)))
    lying = changed(archive(tmp_path / "c", *DOCX), b"PK\x05\x06", 12, struct.pack("<I", 2**30))
    endless = tmp_path / "d"
    endless.write_bytes(b"PK\x03\x04" + b"x" * 200_000)

    def read(*_args: object) -> None:
        raise AssertionError("the directory was read")

    monkeypatch.setattr(zipfile, "ZipFile", read)
    for path in (many, lying, endless):
        with pytest.raises(InvalidInputError):
            uploads.accepted_type("a.docx", path)


def test_archive_with_a_remark_at_its_end_is_accepted(tmp_path: Path):
    path = archive(tmp_path / "a", *DOCX)
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"made by an office program"
    assert uploads.accepted_type("a.docx", path) == uploads.TYPES[".docx"]


async def test_workbooks_are_built_beside_the_event_loop(monkeypatch):
    where: list[str] = []
    built = workbooks.workbook

    def noting(*arguments):
        where.append(threading.current_thread().name)
        return built(*arguments)

    monkeypatch.setattr(workbooks, "workbook", noting)
    answer = await workbooks.response("a", ["b"], iter([[1]]))
    assert bytes(answer.body).startswith(b"PK")
    assert where != [threading.current_thread().name]


async def test_an_error_of_the_store_keeps_what_was_sent_to_itself(store: Store):
    with pytest.raises(DBAPIError) as raised:
        async with store.transaction() as tx:
            await tx.session.exec(text("SELECT CAST(:it AS integer)").bindparams(bindparam("it", "a-secret", String)))
    assert "a-secret" not in str(raised.value).partition("[SQL")[2]
