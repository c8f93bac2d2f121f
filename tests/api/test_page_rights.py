"""Every role on every page and form: one table. Nothing is kept, so that each cell is tried on the same state."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.conftest import ADDRESS, PDF, Installation, installed
from tests.api.rights import ROLES, SPARE, Forgetful, attach_files, fill, filled, on_paper, page_routes, sign_in

PASSWORDS = {"old": "wrong-password-1", "password": "another-word-2027", "again": "another-word-2027"}
NEAR = {"of": "settings", "v:settings/near_days": "9"}
FORMS = {
    "/account/password": PASSWORDS,
    "/administration/programmes/{programme_id}/values": NEAR | {"reason": "x"},
    "/administration/programmes/{programme_id}/values/preview": NEAR,
    "/cases/{case_id}/exception": {"until": "2027-03-01", "words": "x", "sure": "yes"},
    "/cases/{case_id}/acts/{act_name}": {"words": "x", "sure": "yes"},
    "/cases/{case_id}/copies": {"to": "{colleague_id}"},
    "/cases/{case_id}/priority": {"priority": "urgent", "words": "x"},
    "/questions/{question_id}/answer": {"text": "x"},
    "/queue/bulk": {"task": "{guidance_id}"},
    "/queue/bulk/confirm": {"item": "{guidance_id}:1", "shown": "x"},
    "/tasks/{task_id}/ask": {"to": "{colleague_id}", "text": "x"},
    "/tasks/{task_id}/give/{act}": {"to": "{colleague_id}", "words": "x"},
    "/cases/{case_id}/signers/{task_id}/remove": {"words": "x"},
    "/cases/{case_id}/visits/{visit_id}/extension": {"act": "grant"},
    "/tasks/{task_id}/opinion": {"words": "x"},
    "/tasks/{task_id}/snooze": {"until": "2027-01-26"},
    "/language": {"language": "en", "next": "/account"},
    "/people/{person_id}/slip": {"purpose": "reset"},
    "/people/{person_id}/leaving": {"last_day": "2027-02-05", "what": "leave", "sure": "yes"},
    "/phrases": {"text": "x"},
    "/substitutes": {
        "substitute": SPARE,
        "starts_on": "2027-02-01",
        "ends_on": "2027-02-05",
        "reason": "x",
        "sure": "yes",
    },
    "/tasks/{task_id}/remarks": {"path": "budget.total", "text": "x"},
    "/tasks/{task_id}/return": {"to": "plan", "words": "x"},
}
OF_PHYSICS = ("/form", "/draft", "/attachments", "/remove", "/exception")
OPEN = {"/healthz", "/readyz", "/metrics"}
COLUMNS = (*ROLES, "nobody")


@pytest.fixture(scope="module")
async def full(module_database, tmp_path_factory) -> AsyncIterator[Installation]:
    async with installed(module_database, tmp_path_factory.mktemp("pages"), "qd") as made:
        made.ids["qd"] = await fill(made.world, "qd")
        await attach_files(made)
        made.ids["qd"]["paper_id"] = await on_paper(made, made.world)
        for login in ROLES.values():
            made.sessions[login] = await sign_in(made.world, login)
        kept = made.store
        made.app.state.store = Forgetful(module_database, clock=kept.clock, pool_size=5)
        yield made
        await made.app.state.store.close()
        made.app.state.store = kept


async def status(full: Installation, method: str, template: str, column: str) -> int:
    ids = full.ids["qd"]
    act = "transfer" if "/give/" in template else "claim"
    case = "physics_id" if template.startswith("/cases/") and template.endswith(OF_PHYSICS) else "math_id"
    more = {
        "case_id": ids[case],
        "task_id": ids["guidance_id"],
        "n": "1",
        "act": act,
        "act_name": "end",
        "objection_id": ids["guidance_id"],
        "decision_id": ids["paper_id"],
    }
    if "/scans/" in template:
        more["case_id"] = ids["biology_id"]
    path = template.format(**ids | more)
    token, csrf = full.sessions.get(ROLES.get(column, ""), ("", ""))
    transport = httpx.ASGITransport(app=full.app, raise_app_exceptions=False)
    more = {}
    if method == "POST" and template.endswith("/attachments"):
        more = {"content": PDF, "params": {"field": "attachments.files"}, "headers": {"X-File-Name": "a.pdf"}}
    elif method == "POST":
        nobody = {"login": f"nobody-{column}"}  # each name is counted for itself: five tries lock one
        more = {"data": nobody | filled(FORMS.get(template, {}), ids) | {"task": ids["guidance_id"]}}
    more["headers"] = {"X-CSRF-Token": csrf, **more.get("headers", {})}
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, cookies={"guantong": token}) as http:
        return (await http.request(method, path, **more)).status_code


# Nothing of Qingdao is posted: who finds objections is held in tests/web/test_objecting.py.
# method path chief coach other-chief base unit-admin reviewer clerk head finance outsider administrator auditor security nobody
TABLE = """
GET  /                                                 303 303 303 303 303 303 303 303 303 303 303 303 303 303
GET  /account                                          200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /activate                                         200 200 200 200 200 200 200 200 200 200 200 200 200 200
GET  /administration                                   404 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /administration/programmes/{programme_id} 404 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /administration/programmes/{programme_id}/values 404 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /administration/programmes/{programme_id}/versions/{version_id} 404 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /audit                                            404 404 404 404 404 404 404 404 404 404 404 200 404 303
GET  /audit.xlsx                                       404 404 404 404 404 404 404 404 404 404 404 200 404 303
GET  /cases                                            200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /cases.xlsx                                       200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /cases/{case_id}                                  200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /cases/{case_id}/copies                           200 404 404 404 404 200 404 200 404 404 200 404 404 303
GET  /cases/{case_id}/exception                        404 404 404 404 404 404 404 200 404 404 404 404 404 303
GET  /cases/{case_id}/form                             404 404 200 404 404 403 403 403 403 404 403 404 404 303
GET  /cases/{case_id}/history                          200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /cases/{case_id}/submissions                      200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /cases/{case_id}/submissions/{n}                  200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /copies                                           200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /files/{attachment_id}                            404 404 200 404 404 200 200 200 200 404 200 404 404 303
GET  /mail                                             200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /mail.xlsx                                        200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /mail/{message_id}                                200 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /people                                           404 404 404 404 200 404 404 404 404 404 200 404 200 303
GET  /people.xlsx                                      404 404 404 404 200 404 404 404 404 404 200 404 200 303
GET  /people/{person_id}/leaving                       404 404 404 404 200 404 404 404 404 404 200 404 200 303
GET  /questions                                        200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /queue                                            200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /queue.xlsx                                       200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /seasons                                          404 404 404 200 404 200 200 200 200 200 200 404 404 303
GET  /seasons.xlsx                                     404 404 404 200 404 200 200 200 200 200 200 404 404 303
GET  /seasons/{season_id}                              404 404 404 200 404 200 200 200 200 200 200 404 404 303
GET  /seasons/{season_id}.xlsx                         404 404 404 200 404 200 200 200 200 200 200 404 404 303
GET  /sign-in                                          303 303 303 303 303 303 303 303 303 303 303 303 303 200
GET  /substitutes                                      404 404 404 404 200 404 404 404 404 404 200 404 404 303
GET  /substitutes.xlsx                                 404 404 404 404 200 404 404 404 404 404 200 404 404 303
GET  /substitutes/new                                  200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /substitutes/{substitution_id}/end                200 404 404 404 200 404 404 404 404 404 200 404 404 303
GET  /tasks                                            200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /tasks.xlsx                                       200 200 200 200 200 200 200 200 200 200 200 200 200 303
GET  /tasks/{task_id}                                  200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /tasks/{task_id}/ask                              403 403 404 403 404 200 403 403 403 404 200 404 404 303
POST /account/password                                 401 401 401 401 401 401 401 401 401 401 401 401 401 303
POST /administration/programmes/{programme_id}/values 404 404 404 404 404 404 404 404 404 404 303 404 404 303
POST /administration/programmes/{programme_id}/values/preview 404 404 404 404 404 404 404 404 404 404 200 404 404 303
POST /administration/programmes/{programme_id}/versions/{version_id} 404 404 404 404 404 404 404 404 404 404 303 404 404 303
POST /activate                                         422 422 422 422 422 422 422 422 422 422 422 422 422 303
POST /cases/{case_id}/attachments                      404 404 200 404 404 403 403 403 403 404 403 404 404 303
POST /cases/{case_id}/attachments/{attachment_id}/remove 404 404 303 404 404 403 403 403 403 404 403 404 404 303
POST /cases/{case_id}/copies                           303 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /cases/{case_id}/draft                            404 404 200 404 404 403 403 403 403 404 403 404 404 303
POST /cases/{case_id}/exception                        404 404 404 404 404 404 404 303 404 404 404 404 404 303
POST /cases/{case_id}/form                             404 404 303 404 404 403 403 403 403 404 403 404 404 303
POST /cases/{case_id}/priority                         403 403 404 403 404 403 303 303 303 404 303 404 404 303
POST /cases/{case_id}/withdraw                         303 403 404 403 404 403 403 403 403 404 403 404 404 303
POST /copies/{copy_id}/read                            404 404 404 404 404 404 404 303 404 404 404 404 404 303
POST /copies/{copy_id}/revoke                          403 403 404 403 404 303 403 403 403 404 303 404 404 303
POST /language                                         303 303 303 303 303 303 303 303 303 303 303 303 303 303
POST /mail/{message_id}/again                          404 404 404 404 404 404 404 404 404 404 303 404 404 303
POST /people/{person_id}/back                          404 404 404 404 403 404 404 404 404 404 303 404 303 303
POST /people/{person_id}/disable                       404 404 404 404 303 404 404 404 404 404 303 404 303 303
POST /people/{person_id}/enable                        404 404 404 404 303 404 404 404 404 404 303 404 303 303
POST /people/{person_id}/leaving                       404 404 404 404 403 404 404 404 404 404 303 404 303 303
POST /people/{person_id}/slip                          404 404 404 404 200 404 404 404 404 404 200 404 200 303
POST /people/{person_id}/unlock                        404 404 404 404 303 404 404 404 404 404 303 404 303 303
POST /phrases                                          303 303 303 303 303 303 303 303 303 303 303 303 303 303
POST /phrases/{phrase_id}/remove                       303 404 404 404 404 404 404 404 404 404 404 404 404 303
POST /questions/{question_id}/answer                   403 403 404 403 404 403 403 403 303 404 403 404 404 303
POST /questions/{question_id}/withdraw                 403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /remarks/{remark_id}/remove                       404 404 404 404 404 303 404 404 404 404 404 404 404 303
POST /sign-in                                          401 401 401 401 401 401 401 401 401 401 401 401 401 303
POST /sign-out                                         303 303 303 303 303 303 303 303 303 303 303 303 303 303
POST /substitutes                                      303 303 303 303 303 303 303 303 303 303 303 303 303 303
POST /substitutes/{substitution_id}/end                303 404 404 404 303 404 404 404 404 404 303 404 404 303
POST /tasks/{task_id}/approve                          403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/remarks                          403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/return                           403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/ask                              403 403 404 403 404 303 403 403 403 404 303 404 404 303
POST /tasks/{task_id}/opinion                          403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/snooze                           403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/urge                             303 403 404 303 404 403 303 303 303 404 303 404 404 303
POST /tasks/{task_id}/wake                             404 404 404 404 404 303 404 404 404 404 404 404 404 303
GET  /administration/programmes/{programme_id}/migrate  404 404 404 404 404 404 404 404 404 404 200 404 404 303
GET  /administration/programmes/{programme_id}/versions/{version_id}/process 404 404 404 404 404 404 404 404 404 404 200 404 404 303
POST /administration/programmes/{programme_id}/migrate  404 404 404 404 404 404 404 404 404 404 422 404 404 303
GET  /cases/{case_id}/acts/{act_name}                   404 404 404 404 404 404 404 404 404 404 200 404 404 303
POST /cases/{case_id}/acts/{act_name}                   404 404 404 404 404 404 404 404 404 404 303 404 404 303
GET  /cases/{case_id}/decisions/{decision_id}/scans/{n} 404 404 404 404 404 200 200 200 200 404 200 404 404 303
GET  /cases/{case_id}/objections                        404 404 404 404 404 404 404 404 404 404 404 404 404 303
POST /cases/{case_id}/objections                        404 404 404 404 404 404 404 404 404 404 404 404 404 303
POST /cases/{case_id}/objections/{objection_id}         404 404 404 404 404 404 404 404 404 404 404 404 404 303
GET  /cases/{case_id}/paper                             200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /cases/{case_id}/process                           200 200 404 200 404 200 200 200 200 404 200 404 404 303
GET  /seasons/{season_id}/process                       404 404 404 200 404 200 200 200 200 200 200 404 404 303
GET  /tasks/{task_id}/confirm                           303 303 404 303 404 200 303 303 303 404 303 404 404 303
POST /tasks/{task_id}/confirm                           403 403 404 403 404 303 403 403 403 404 403 404 404 303
GET  /tasks/{task_id}/paper                             404 404 404 404 404 404 404 404 404 404 200 404 404 303
POST /tasks/{task_id}/paper                             404 404 404 404 404 404 404 404 404 404 422 404 404 303
POST /queue/bulk                                        200 200 200 200 200 200 200 200 200 200 200 200 200 303
POST /queue/bulk/confirm                                409 409 409 409 409 409 409 409 409 409 409 409 409 303
GET  /tasks/{task_id}/assessment                       404 404 404 404 404 404 404 404 404 404 404 404 404 303
GET  /tasks/{task_id}/give/{act}                       403 403 404 403 404 200 403 403 403 404 200 404 404 303
POST /cases/{case_id}/signers/{task_id}/remove         404 404 409 404 404 409 409 409 409 404 409 404 404 303
POST /cases/{case_id}/visits/{visit_id}/extension      409 409 404 409 404 409 409 409 409 404 409 404 404 303
POST /tasks/{task_id}/acts/{act}                       403 403 404 403 404 303 403 403 403 404 403 404 404 303
POST /tasks/{task_id}/assessment                       404 404 404 404 404 404 404 404 404 404 404 404 404 303
POST /tasks/{task_id}/draft                            409 409 404 409 404 409 409 409 409 404 409 404 404 303
POST /tasks/{task_id}/give/{act}                       403 403 404 403 404 303 403 403 403 404 303 404 404 303
POST /tasks/{task_id}/take-back                        409 409 404 409 404 409 409 409 409 404 409 404 404 303
"""


def expected() -> dict[tuple[str, str], dict[str, int]]:
    rows = [line.split() for line in TABLE.strip().splitlines()]
    return {(row[0], row[1]): dict(zip(COLUMNS, map(int, row[2:]), strict=True)) for row in rows}


def routes(full: Installation) -> list[tuple[str, str]]:
    return [(method, path) for method, path in page_routes(full.app) if path not in OPEN]


async def test_every_role_on_every_page(full: Installation):
    wanted = expected()
    assert set(wanted) == set(routes(full))
    differing = {}
    for (method, template), row in wanted.items():
        for column in COLUMNS:
            found = await status(full, method, template, column)
            if found != row[column]:
                differing[method, template, column] = (found, row[column])
    assert differing == {}
