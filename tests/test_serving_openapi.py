"""Checks the server against /openapi.json with schemathesis, which generates valid and invalid requests."""

from collections.abc import Iterator

import pytest

from serving import Client, client_of

schemathesis = pytest.importorskip("schemathesis", reason="the package schemathesis is not installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks", reason="schemathesis is another version")
hypothesis = pytest.importorskip("hypothesis", reason="the package hypothesis is not installed")
pytestmark = pytest.mark.slow

PREDICT = "/v1/models/digits:predict"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_of() as made:
        yield made


def has_several_images(body: object) -> bool:
    images = body.get("instances") if isinstance(body, dict) else None
    return isinstance(images, list) and len(images) > 1


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_answer_is_as_the_document_says(client: Client, mode: str) -> None:
    schema = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")
    media = schema.raw_schema["paths"][PREDICT]["post"]["requestBody"]["content"]["application/json"]
    media["schema"]["properties"]["instances"]["maxItems"] = 1  # more are right as well, but large to generate
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 9
    for operation in operations:
        if mode == "NEGATIVE" and operation.method == "get":
            continue  # it has nothing that could be wrong
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])

        @hypothesis.settings(max_examples=15, deadline=None, derandomize=True, database=None)
        @hypothesis.given(case=strategy)
        def check(case: object) -> None:
            hypothesis.assume(not has_several_images(case.body))  # type: ignore[attr-defined]
            # No schema can describe which bytes are an image.
            case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])  # type: ignore[attr-defined]

        check()
