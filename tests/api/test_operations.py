"""Every operation of the API does its work for somebody, and says what it can answer with."""

from services.web.api.description import operations
from tests.api.conftest import Installation
from tests.api.stories import STEPS, begin

ELSEWHERE = frozenset(
    [
        "resume_case",
        "ask_extension",
        "suspend_case",
        "jump_case",
        "grant_extension",
        "refuse_extension",
        "claim",
        "transfer",
        "delegate",
        "add_signer",
        "reject",
        "preview_bulk",
        "approve_bulk",
        "printed_form",
        "enter_from_paper",
        "put_back",
        "recall",
        "answer_delegation",
        "remove_signer",
        "take_back",
        "oppose",
        "sign",
        "decline",
        "assess",
        "reopen_case",
    ]
)
"""What only another process has: `test_act_rights` does each of these for somebody."""


async def test_each_operation_answers_somebody(installation: Installation):
    story = await begin(installation)
    for step in STEPS:
        answer = await story.call(step)
        assert answer.is_success, (step.operation, step.login, answer.status_code, answer.text)


def operation_ids(installation: Installation) -> list[str]:
    return [found["operationId"] for _, _, found in operations(installation.app.openapi())]


async def test_each_operation_has_a_step(installation: Installation):
    ids = operation_ids(installation)
    assert len(ids) == len(set(ids))
    assert set(ids) == {step.operation for step in STEPS} | ELSEWHERE


async def test_document_is_served_to_everybody_and_names_each_error(installation: Installation):
    answer = await installation.stranger().get("/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, method, found in operations(document):
        assert found["security"] == [{"token": []}], (method, path)
        assert {"summary", "description", "tags"} <= set(found), (method, path)
        for status, response in found["responses"].items():
            kinds = set(response.get("content", {}))
            expected = {"application/problem+json"} if status[0] in "45" else kinds
            assert kinds == expected, (method, path, status)


async def test_answers_are_as_the_document_says(installation: Installation):
    """A response with a name that the document does not know would be news to every client."""
    document = installation.app.openapi()
    story = await begin(installation)
    for step in STEPS:
        answer = await story.call(step)
        found = next(each for _, _, each in operations(document) if each["operationId"] == step.operation)
        assert str(answer.status_code) in found["responses"], step.operation
        kind = answer.headers.get("content-type", "")
        if kind == "application/json":
            schema = found["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
            assert_known(answer.json(), schema, document, step.operation)


def assert_known(value, schema, document, where):
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list) and "items" in schema:
        for each in value:
            assert_known(each, schema["items"], document, where)
    elif isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"]), where
        assert set(schema.get("required", ())) <= set(value), where
        for name, each in value.items():
            assert_known(each, schema["properties"][name], document, f"{where}.{name}")
