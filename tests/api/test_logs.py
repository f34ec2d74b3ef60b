"""What the door's log may hold: routes and outcomes, never a key, a query or a prompt."""

import json
import logging

import pytest

from gateway.logs import JsonFormatter
from tests.api.conftest import DoorClient
from tests.databases import Record


def test_no_log_line_holds_a_key_a_query_or_a_prompt(
    client: DoorClient, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    generation = client.generate("a canary sat on a wire", negative_prompt="a canary in a mine", user="canary-user")
    client.get("/v1/generations?cursor=canary-query")
    client.post("/v1/generations", b'{"prompt": "a broken canary')
    client.get("/canary-path")
    client.send("GET", "/v1/models", key="impr_live_canary")
    with record.admin() as admin:
        admin.execute("UPDATE generation SET parameters = '{}' WHERE id = %s", [generation["id"]])
    client.get(f"/v1/generations/{generation['id']}")
    with record.admin() as admin:
        admin.execute("ALTER TABLE prompt ADD CHECK (text NOT LIKE '%wall%')")
    failed = client.post("/v1/generations", {"prompt": "a canary on a wall"})

    lines = [JsonFormatter().format(line) for line in caplog.records if not line.name.startswith(("tests", "asyncio"))]
    assert failed.status_code == 500
    assert any('"error"' in line for line in lines)
    for line in lines:
        assert "canary" not in line
        assert client.text.split("_")[3] not in line


def test_each_request_leaves_one_line_with_its_route(client: DoorClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    client.get("/v1/generations/01890a5d-ac96-774b-bcce-b302099a8057?wait=0")

    [line] = [record for record in caplog.records if record.name == "gateway.api.access_log"]
    said = json.loads(JsonFormatter().format(line))
    assert (said["method"], said["status"]) == ("GET", 404)
    assert said["route"] == "v1/generations/<uuid:generation_id>"
    assert said["ms"] > 0
