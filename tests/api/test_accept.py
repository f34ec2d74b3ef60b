"""Asking for pictures: what is accepted, what comes back, and that a retry costs nothing."""

import threading
import uuid
from typing import Any

from gateway.models import Generation, Organization
from tests.api.conftest import DoorClient
from tests.databases import Record


def test_only_the_prompt_is_required(client: DoorClient) -> None:
    response = client.post("/v1/generations", {"prompt": "a red apple"})

    generation = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/v1/generations/{generation['id']}"
    assert response["Retry-After"] == "1"
    assert generation["status"] == "screening"
    assert generation["model"] == "pocket"
    assert generation["size"] == "128x128"
    assert generation["output_format"] == "png"
    assert 0 <= generation["seed"] < 2**53
    assert [image["status"] for image in generation["images"]] == ["waiting"]


def test_what_was_asked_is_what_is_shown(client: DoorClient) -> None:
    asked = {
        "prompt": "a red apple", "negative_prompt": "blurry", "n": 3, "size": "64x96", "steps": 7,
        "guidance_scale": 2.5, "seed": 41, "model": "test-card", "output_format": "webp",
    }  # fmt: skip

    accepted = client.post("/v1/generations", {**asked, "user": "anna"}).json()
    shown = client.generation(accepted["id"])

    assert {name: shown[name] for name in asked} == asked
    assert [image["seed"] for image in shown["images"]] == [41, 42, 43]
    assert "user" not in shown


def test_a_retry_gets_the_same_generation(client: DoorClient) -> None:
    first = client.post("/v1/generations", {"prompt": "a red apple"}, HTTP_IDEMPOTENCY_KEY="k1")
    again = client.post("/v1/generations", {"prompt": "a red apple"}, HTTP_IDEMPOTENCY_KEY="k1")

    assert again.status_code == 202
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"


def test_a_key_used_with_another_body_is_refused(client: DoorClient) -> None:
    client.post("/v1/generations", {"prompt": "a red apple", "seed": 1}, HTTP_IDEMPOTENCY_KEY="k1")

    for other in ({"prompt": "a red apple", "seed": 2}, {"prompt": "a red apple"}, {"prompt": "a pear", "seed": 1}):
        response = client.post("/v1/generations", other, HTTP_IDEMPOTENCY_KEY="k1")
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_idempotency_keys_of_two_organizations_are_apart(client: DoorClient, stranger: DoorClient) -> None:
    mine = client.post("/v1/generations", {"prompt": "a red apple"}, HTTP_IDEMPOTENCY_KEY="k1").json()
    theirs = stranger.post("/v1/generations", {"prompt": "a pear"}, HTTP_IDEMPOTENCY_KEY="k1")

    assert theirs.status_code == 202
    assert theirs.json()["id"] != mine["id"]


def test_racing_retries_make_one_generation(client: DoorClient, record: Record) -> None:
    answers: list[Any] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        answers.append(client.post("/v1/generations", {"prompt": "a red apple", "n": 2}, HTTP_IDEMPOTENCY_KEY="race"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer for answer in answers) == 1
    with record.acting_as("people"):
        assert Generation.objects.count() == 1


def test_the_requester_is_a_keyed_hash_of_user_else_the_key(client: DoorClient, record: Record) -> None:
    ids = [client.generate(user="anna")["id"], client.generate(user="anna")["id"], client.generate(user="berta")["id"]]
    without = client.generate()["id"]

    with record.acting_as("people"):
        requesters = [Generation.objects.get(pk=generation_id).requester for generation_id in [*ids, without]]
    assert requesters[0] == requesters[1] != requesters[2]
    assert "anna" not in requesters[0]
    assert requesters[3] == f"key:{client.key.pk}"


def test_an_organization_has_a_cap_on_unfinished_work(client: DoorClient, record: Record) -> None:
    with record.acting_as("people"):
        Organization.objects.filter(pk=client.organization.pk).update(max_unfinished=2)
    client.generate()
    last = client.generate()

    refused = client.post("/v1/generations", {"prompt": "a red apple"})
    client.post(f"/v1/generations/{last['id']}/cancel")
    accepted = client.post("/v1/generations", {"prompt": "a red apple"})

    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_unfinished")
    assert refused.json()["errors"][0]["limit"] == 2
    assert int(refused["Retry-After"]) > 0
    assert accepted.status_code == 202


def test_the_whole_gate_has_a_cap(client: DoorClient, record: Record) -> None:
    with record.admin() as admin:
        admin.execute("UPDATE gate SET unfinished = max_unfinished")

    refused = client.post("/v1/generations", {"prompt": "a red apple"})

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused["Retry-After"]) > 0


def test_a_refused_request_leaves_its_idempotency_key_free(client: DoorClient, record: Record) -> None:
    with record.admin() as admin:
        admin.execute("UPDATE gate SET unfinished = max_unfinished")
    client.post("/v1/generations", {"prompt": "a red apple"}, HTTP_IDEMPOTENCY_KEY="k1")
    with record.admin() as admin:
        admin.execute("UPDATE gate SET unfinished = 0")

    accepted = client.post("/v1/generations", {"prompt": "a pear"}, HTTP_IDEMPOTENCY_KEY="k1")

    assert accepted.status_code == 202


def test_a_model_that_nobody_serves_is_said_at_once(client: DoorClient, record: Record) -> None:
    unserved = client.generate()
    with record.admin() as admin:
        admin.execute("UPDATE workers SET serves = '{test-card}' WHERE kind = 'generation'")
    served = client.generation(unserved["id"])

    assert [warning["code"] for warning in unserved["warnings"]] == ["model_not_served"]
    assert served["warnings"] == []


def test_ids_are_of_version_seven_and_so_in_order(client: DoorClient) -> None:
    ids = [uuid.UUID(client.generate()["id"]) for _ in range(3)]

    assert ids == sorted(ids)
    assert {generation_id.version for generation_id in ids} == {7}
