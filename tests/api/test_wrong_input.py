"""Wrong input: each a clear refusal or kept whole, never a 5xx, never a file in memory."""

import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator

from tests.api.conftest import PDF, Installation, submit, task_of
from tests.world import plan

MB = 1024 * 1024
ODD = {
    "emoji": "很好👍🏽👨‍👩‍👧‍👦",
    "rtl": "مرحبا \u202eabc\u202c שלום",
    "combining": "Z\u0351\u036b\u0343\u036aa\u0309",
    "rare": "𠮷𡨸㐀",
    "quotes": "'; DROP TABLE cases; -- \" \\ % _ {x} %(y)s $1",
    "html": "<script>alert(1)</script>&amp;",
}


async def test_odd_text_is_kept_whole(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client("research-reviewer")
    for name, words in ODD.items():
        made = await reviewer.post("/me/phrases", {"text": words})
        assert made.status_code == 201, name
        kept = {each["id"]: each["text"] for each in (await reviewer.get("/me/phrases")).json()}
        assert kept[made.json()["id"]] == words
    all_of_it = "\n".join(ODD.values())
    task = await task_of(installation.world, "math")
    assert (await reviewer.post(f"/tasks/{task}/approve", {"words": all_of_it})).status_code == 200
    timeline = (await reviewer.get(f"/cases/{installation.world.cases['math']}/timeline")).json()
    assert timeline["items"][0]["words"] == all_of_it


IMPOSSIBLE = ('"a\\u0000b"', f'"{"x" * MB}"', "7", "null", '["a"]', '"\\ud800"')


async def test_impossible_words_are_refused_in_words(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client("research-reviewer")
    task = await task_of(installation.world, "math")
    for written in IMPOSSIBLE:
        for language in ("zh-CN", "en"):
            headers = {"Accept-Language": language, "Content-Type": "application/json"}
            content = f'{{"words": {written}}}'.encode()
            answer = await reviewer.call("POST", f"/tasks/{task}/approve", content=content, headers=headers)
            assert answer.status_code == 422, (written[:20], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()["problems"][0]
            assert problem["path"] == "body.words"
            in_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in problem["message"])
            assert in_chinese == (language == "zh-CN"), problem


async def test_a_reason_is_as_long_as_its_column_and_no_longer(installation: Installation):
    head = await installation.client("basic-head")
    case = installation.world.cases["math"]
    for words, status in (("长" * 2001, 422), ("长" * 2000, 200)):
        body = {"until": "2027-03-01T00:00:00+08:00", "words": words}
        answer = await head.post(f"/cases/{case}/late-exception", body)
        assert answer.status_code == status, answer.text


async def test_a_token_that_only_writes_gets_nothing_more_by_making_another(installation: Installation):
    writing = await installation.client("administrator", "write")
    for scopes in (["admin"], ["metrics", "write"], ["read"]):
        answer = await writing.post("/me/tokens", {"name": "more", "scopes": scopes})
        assert (answer.status_code, answer.json()["code"]) == (403, "beyond-token"), answer.text
    assert (await writing.post("/me/tokens", {"name": "same", "scopes": ["write"]})).status_code == 201


async def test_a_plan_with_a_megabyte_is_refused_by_path(installation: Installation):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/draft"
    answer = await chief.put(path, {"data": plan(trainees__procedure="长" * MB)})
    assert (answer.status_code, answer.json()["problems"][0]["path"]) == (422, "trainees.procedure")
    assert (await chief.get(path)).json()["version"] == 0


WORD_TABLE = "项目\t数量\t单价\r\n教师\t40\t500\r\n\r\n\u00a0\u2028教材\t48\t125.50\u0007\r"


async def test_a_table_pasted_from_word_is_kept_as_text(installation: Installation):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/draft"
    assert (await chief.put(path, {"data": plan(trainees__procedure=WORD_TABLE)})).status_code == 200
    kept = (await chief.get(path)).json()["data"]["trainees"]["procedure"]
    for cell in ("项目", "数量", "单价", "教师", "40", "500", "教材", "48", "125.50"):
        assert cell in kept
    assert "项目\t数量\t单价\n教师\t40\t500" in kept


async def test_unknown_entries_are_named(installation: Installation):
    chief = await installation.client("math-chief")
    answer = await chief.put(f"/cases/{installation.world.cases['math']}/draft", {"data": {"budgets": {}}})
    assert (answer.status_code, answer.json()["problems"][0]["path"]) == (422, "budgets")


JSON = {"Content-Type": "application/json"}
UNREADABLE = (
    (b"{", JSON, {422}),
    (b"\xff\xfe{}", JSON, {400, 422}),
    (b"[" * 100_000, JSON, {400}),
    (b'{"words": 1' + b"0" * 10_000 + b"}", JSON, {400}),
    (b"words=yes", {"Content-Type": "application/x-www-form-urlencoded"}, {422}),
    (b"{}", JSON | {"Idempotency-Key": "\xe4".encode("latin-1")}, {422}),
    (b"{}", JSON | {"If-Match": "abc"}, {422}),
)


async def test_unreadable_bodies_and_headers_are_refused(installation: Installation):
    await submit(installation.world, "math")
    reviewer = await installation.client("research-reviewer")
    task = await task_of(installation.world, "math")
    for content, headers, statuses in UNREADABLE:
        answer = await reviewer.call("POST", f"/tasks/{task}/approve", content=content, headers=headers)
        assert answer.status_code in statuses, (content[:20], headers, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await reviewer.get(f"/tasks/{task}")).json()["state"] == "open"


async def upload(installation: Installation, name: str, content, **more):
    chief = await installation.client("math-chief")
    path = f"/cases/{installation.world.cases['math']}/attachments"
    return await chief.call("POST", path, params={"field": "attachments.files", "name": name, **more}, content=content)


async def held(installation: Installation) -> list[str]:
    chief = await installation.client("math-chief")
    draft = (await chief.get(f"/cases/{installation.world.cases['math']}/draft")).json()
    return [file["name"] for file in draft["attachments"]]


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("a.exe", b"MZ")
    return target.getvalue()


async def test_files_are_judged_by_what_they_hold(installation: Installation):
    for name, content in (
        ("空.pdf", b""),
        ("计划.pdf", archive()),
        ("../a.pdf", PDF),
        ("a\x07.pdf", PDF),
        ("a.exe", b"MZ"),
    ):
        answer = await upload(installation, name, content)
        assert (answer.status_code, len(answer.json()["problems"])) == (422, 1), (name, answer.text)
        assert await held(installation) == []
    kept = await upload(installation, "计划.pdf", PDF)
    assert kept.status_code == 201
    assert await held(installation) == ["计划.pdf"]
    got = await (await installation.client("math-chief")).get(f"/attachments/{kept.json()['id']}")
    assert got.content == PDF
    assert got.headers["content-security-policy"] == "sandbox"
    assert got.headers["content-disposition"].startswith("attachment;")


async def test_a_file_for_no_field_of_the_form_is_refused(installation: Installation):
    answer = await upload(installation, "a.pdf", PDF, field="budget.total")
    assert answer.status_code == 422
    assert await held(installation) == []


async def test_too_large_a_file_is_refused_before_a_byte_is_read(installation: Installation):
    """As uvicorn sees it: nothing of the body is received."""
    received = []

    async def receive():
        received.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    statuses = []

    async def send(message):
        statuses.append(message.get("status"))

    path = f"/api/v1/cases/{installation.world.cases['math']}/attachments"
    headers = [(b"content-length", str(200 * MB).encode())]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "scheme": "http", "server": ("127.0.0.1", 80), "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    await installation.app(scope, receive, send)
    assert statuses[0] == 413
    assert received == []


async def test_too_large_a_file_without_a_length_is_refused_while_it_arrives(installation: Installation):
    """Called as ASGI, because httpx would gather the whole body first."""
    chief = await installation.client("math-chief")
    given = 0

    async def receive():
        nonlocal given
        given += 64 * 1024
        return {"type": "http.request", "body": PDF + b"0" * (64 * 1024 - len(PDF)), "more_body": given < 200 * MB}

    answered = []

    async def send(message):
        answered.append(message)

    path = f"/api/v1/cases/{installation.world.cases['math']}/attachments"
    headers = [(b"authorization", f"Bearer {chief.token}".encode()), (b"host", b"127.0.0.1")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers, "scheme": "http",
        "query_string": b"field=attachments.files&name=a.pdf", "server": ("127.0.0.1", 80), "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    tracemalloc.start()
    await installation.app(scope, receive, send)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answered[0]["status"] == 413
    assert given < 3 * MB
    assert peak < 20 * MB
    assert list(installation.app.state.files.digests()) == []
    assert await held(installation) == []


async def test_a_json_body_that_is_too_large_is_413(installation: Installation):
    chief = await installation.client("math-chief")

    async def body() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * MB

    path = f"/cases/{installation.world.cases['math']}/draft"
    answer = await chief.call("PUT", path, content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
