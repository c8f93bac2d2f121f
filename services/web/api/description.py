"""The OpenAPI document: what FastAPI finds out, and every error that an operation can answer with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from services.web.api.models import Problem
from services.web.templating import VERSION

REF = {"$ref": "#/components/schemas/Problem"}
TEMPLATE = "#/components/schemas/{model}"
TEXT = {
    400: "The request cannot be read.",
    401: "There is no token, or it is no longer valid.",
    403: "The token lacks the scope, or its person may not do this.",
    404: "There is nothing here, or nothing that the caller may see.",
    409: "The state has moved on; `detail` says what happened.",
    412: "What `If-Match` named is no longer what is there.",
    413: "The body is too large.",
    422: "Entries need correcting; `problems` names each with its path and what would be right.",
    503: "The service is busy; nothing was changed. Try again in a moment.",
}
ALWAYS = (400, 401, 403, 422, 503)
CHANGES = (409, 413)
MATCHED = "If-Match"
ABOUT = """
The same acts as the pages, for programs. Every call carries `Authorization: Bearer <token>`; a token acts as its person
within its scopes (`read`, `write`, `admin`, `metrics`). Errors are problem JSON (RFC 9457). Lists are paged by `after`
and `limit`; `next` of a page is the following one's `after`. Commands take an `Idempotency-Key`.
"""
TAGS = {
    "me": "Who the token acts as, and its tokens.",
    "seasons": "One season is one run of a process.",
    "cases": "One subject going through a process.",
    "tasks": "What waits for the caller's positions, by due date.",
    "drafts": "The form as it is being filled in.",
    "attachments": "Files of a form.",
    "acts": "What moves a case: submit, approve, vote, sign, assess, return, reject, withdraw, take back; end, suspend, move it.",
    "handing": "Whose task it is: claim, put back, transfer, delegate, answer, recall; signers added and taken out.",
    "extensions": "More time: asked for, granted, refused.",
    "bulk": "Many tasks approved at once: looked at first.",
    "paper": "Decisions that were signed on paper, entered from their scans.",
    "beside": "What does not move a case: copies, questions, urging, priority, putting off, an opinion kept for later.",
    "remarks": "Remarks pinned to fields, and stock phrases.",
    "people": "The people whom the caller looks after.",
    "substitutions": "Who stands in for whom, and when.",
    "programmes": "Versions, their differences, and the bureau's own values; for its administrator.",
    "messages": "What left by mail, what waits, what is dead.",
    "audit": "The chain of everything that was written.",
}


def install(app: FastAPI) -> None:
    """Let the application describe its API with every error; made once, when it is first asked for."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application's API."""
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    found = get_openapi(title="Guantong", version=VERSION, description=ABOUT.strip(), routes=app.routes, tags=tags)
    _, problem = models_json_schema([(Problem, "serialization")], ref_template=TEMPLATE)
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(problem["$defs"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, method, operation in operations(found):
        operation["security"] = [{"token": []}]
        _describe_errors(operation, path, method)
    return found


def operations(found: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of everything in a document."""
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _describe_errors(operation: dict[str, Any], path: str, method: str) -> None:
    statuses = set(ALWAYS)
    statuses |= {404} if "{" in path else set()
    statuses |= set(CHANGES) if method != "get" else set()
    statuses |= {409} if path.endswith("/draft") else set()
    statuses |= {404} if (path.endswith("/substitutions") and method == "post") else set()  # its body names people
    headers = {each["name"] for each in operation.get("parameters", ())}
    statuses |= {412} if MATCHED in headers else set()
    for status in sorted(statuses):
        operation["responses"][str(status)] = {
            "description": TEXT[status],
            "content": {"application/problem+json": {"schema": REF}},
        }
