"""Looking at generations: what is shown of each state, lists, waiting, ending and erasing."""

import threading
import time
from typing import Any

import pytest

from gateway.models import Prompt
from tests.api.conftest import DoorClient
from tests.databases import Record
from tests.record.world import World

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"


def test_a_blocked_prompt_says_stage_category_and_policy_and_no_more(client: DoorClient, world: World) -> None:
    generation_id, _ = world.one("pending", prompt="block")

    shown = client.generation(generation_id)

    assert shown["status"] == "blocked"
    assert shown["images"][0]["status"] == "canceled"
    assert shown["reason"] == {
        "stage": "prompt",
        "category": "canary/hold",
        "policy_version": "test",
        "decided_by": "policy",
        "appeal": shown["reason"]["appeal"],
    }
    assert "operator" in shown["reason"]["appeal"]


def test_a_denied_picture_says_that_a_person_did_and_not_who(client: DoorClient, world: World) -> None:
    generation_id, image_id = world.one("held")
    case = world.case(generation_id)
    world.say(world.ada, case.pk, "deny")

    [shown] = client.generation(generation_id)["images"]

    assert (shown["id"], shown["status"]) == (str(image_id), "rejected")
    assert (shown["reason"]["stage"], shown["reason"]["decided_by"]) == ("review", "person")
    assert "ada" not in str(shown)


def test_a_failed_generation_says_where_it_failed(client: DoorClient, world: World) -> None:
    generation_id, image_id = world.one("pending")
    world.settle_not_generated(world.lease("pending", image_id))

    shown = client.generation(generation_id)

    assert shown["status"] == "failed"
    assert (shown["reason"]["stage"], shown["reason"]["category"]) == ("generation", "pipeline")
    assert shown["finished_at"] is not None


def test_what_has_ended_carries_no_retry_after(client: DoorClient, world: World) -> None:
    going, _ = world.one("held")
    ended, _ = world.one("released")

    assert client.get(f"/v1/generations/{going}")["Retry-After"] == "1"
    assert "Retry-After" not in client.get(f"/v1/generations/{ended}")


def test_the_list_is_newest_first_in_pages_without_gap_or_repeat(client: DoorClient) -> None:
    made = [client.generate()["id"] for _ in range(5)]

    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = client.get("/v1/generations?limit=2" + (f"&cursor={cursor}" if cursor else "")).json()
        seen += [generation["id"] for generation in page["data"]]
        cursor = page["next_cursor"]
        pages += 1

    assert seen == made[::-1]
    assert pages == 3


def test_a_page_that_ends_exactly_has_no_next(client: DoorClient) -> None:
    for _ in range(2):
        client.generate()

    assert client.get("/v1/generations?limit=2").json()["next_cursor"] is None


def test_the_list_can_be_of_one_status(client: DoorClient) -> None:
    kept, ended = client.generate(), client.generate()
    client.post(f"/v1/generations/{ended['id']}/cancel")

    def ids(status: str) -> list[str]:
        return [generation["id"] for generation in client.get(f"/v1/generations?status={status}").json()["data"]]

    assert ids("screening") == [kept["id"]]
    assert ids("canceled") == [ended["id"]]
    assert ids("blocked") == []


def test_waiting_ends_when_the_status_changes(client: DoorClient, world: World) -> None:
    generation_id, _ = world.one("waiting")
    answers: list[tuple[float, Any]] = []

    def wait() -> None:
        began = time.monotonic()
        answers.append((0.0, client.get(f"/v1/generations/{generation_id}?wait=20")))
        answers[0] = (time.monotonic() - began, answers[0][1])

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.5)
    world.cancel(generation_id)
    waiter.join()

    [(waited_s, response)] = answers
    assert response.json()["status"] == "canceled"
    assert 0.4 < waited_s < 10


def test_waiting_ends_when_the_time_is_up(client: DoorClient) -> None:
    generation = client.generate()

    began = time.monotonic()
    response = client.get(f"/v1/generations/{generation['id']}?wait=1")

    assert response.json()["status"] == "screening"
    assert time.monotonic() - began >= 1


def test_what_has_ended_is_not_waited_for(client: DoorClient, world: World) -> None:
    generation_id, _ = world.one("released")

    began = time.monotonic()
    client.get(f"/v1/generations/{generation_id}?wait=30")

    assert time.monotonic() - began < 10


def test_whoever_waits_holds_no_connection(client: DoorClient, world: World, record: Record) -> None:
    generation_id, _ = world.one("waiting")
    record.close()  # what this thread keeps for its next step
    waiter = threading.Thread(target=client.get, args=[f"/v1/generations/{generation_id}?wait=4"])
    waiter.start()
    time.sleep(1)

    counts = []
    with record.admin() as admin:
        for _ in range(20):
            [count] = admin.execute(  # type: ignore[misc]
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = 'clients'", [record.name]
            ).fetchone()
            counts.append(count)
            time.sleep(0.03)
    waiter.join()

    assert counts.count(0) > len(counts) / 2


def test_canceling_answers_with_what_it_is_then(client: DoorClient) -> None:
    generation = client.generate(n=2)

    response = client.post(f"/v1/generations/{generation['id']}/cancel")

    assert response.status_code == 200
    assert response.json()["status"] == "canceled"
    assert [image["status"] for image in response.json()["images"]] == ["canceled", "canceled"]


def test_what_has_ended_cannot_be_canceled(client: DoorClient, world: World) -> None:
    generation_id, _ = world.one("released")

    response = client.post(f"/v1/generations/{generation_id}/cancel")

    assert (response.status_code, response.json()["code"]) == (409, "not_cancelable")


def test_erasing_ends_it_and_forgets_the_words(client: DoorClient, record: Record) -> None:
    generation = client.generate("secret words", negative_prompt="other words")

    erased = client.delete(f"/v1/generations/{generation['id']}")
    again = client.delete(f"/v1/generations/{generation['id']}")
    shown = client.generation(generation["id"])

    assert (erased.status_code, erased.content, again.status_code) == (204, b"", 204)
    assert (shown["status"], shown["prompt"], shown["negative_prompt"]) == ("canceled", None, None)
    assert shown["erased_at"] is not None
    with record.acting_as("people"):
        assert Prompt.objects.get(pk=generation["id"]).text is None


def test_erasing_withdraws_what_was_released(client: DoorClient, world: World) -> None:
    generation_id, image_id = world.one("released")

    client.delete(f"/v1/generations/{generation_id}")

    assert [image["status"] for image in client.generation(generation_id)["images"]] == ["withdrawn"]
    assert client.get(f"/v1/images/{image_id}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/generations/{generation}"),
        ("GET", "/v1/generations/{generation}?wait=1"),
        ("DELETE", "/v1/generations/{generation}"),
        ("POST", "/v1/generations/{generation}/cancel"),
        ("GET", "/v1/images/{image}"),
        ("DELETE", "/v1/images/{image}"),
    ],
)
@pytest.mark.parametrize("upto", ["waiting", "released"])
def test_a_tenant_never_reaches_anothers_data(
    stranger: DoorClient, world: World, method: str, path: str, upto: Any
) -> None:
    generation_id, image_id = world.one(upto)
    before = world.statuses(generation_id)

    foreign = stranger.send(method, path.format(generation=generation_id, image=image_id))
    absent = stranger.send(method, path.format(generation=ABSENT, image=ABSENT))

    assert foreign.status_code == 404
    own = str(image_id if "image" in path else generation_id)
    assert foreign.content.decode().replace(own, ABSENT) == absent.content.decode()
    assert world.statuses(generation_id) == before


def test_a_tenants_lists_hold_its_own_alone(client: DoorClient, stranger: DoorClient, world: World) -> None:
    world.one("released")
    theirs = stranger.generate()

    assert [generation["id"] for generation in stranger.get("/v1/generations").json()["data"]] == [theirs["id"]]
    assert theirs["id"] not in client.get("/v1/generations").content.decode()
    assert client.get("/v1/usage").json()["images"] == 1
    assert stranger.get("/v1/usage").json() == {"images": 0, "units": 0}


def test_a_cursor_of_another_tenant_shows_nothing_of_it(client: DoorClient, stranger: DoorClient) -> None:
    older = client.generate()
    newer = stranger.generate()

    page = stranger.get(f"/v1/generations?cursor={newer['id']}").json()

    assert older["id"] not in str(page)
    assert page["data"] == []


def test_no_scope_and_no_state_lets_the_internals_out(client: DoorClient, world: World) -> None:
    generation_id, _ = world.one("held")

    text = client.get(f"/v1/generations/{generation_id}").content.decode()

    for internal in ("score", "threshold", "held_why", "wrapped", "object_key", "requester", "lease", "boot", "master"):
        assert internal not in text
