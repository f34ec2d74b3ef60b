"""Clients under test: they ask, retry with the same key, read what was released, and try to read what was not."""

import hashlib
import http.client
import itertools
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

PROMPTS = (
    "a card",
    "a card",
    "a card",
    "a card",
    "a card IMPRIMATUR-TEST-HOLD",
    "a card IMPRIMATUR-TEST-BLOCK",
    "a card IMPRIMATUR-TEST-PROMPT-BLOCK",
    "a card IMPRIMATUR-TEST-PROMPT-HOLD",
)
RETRY_S = 0.3
GIVE_UP_S = 90.0


class UnreachableError(Exception):
    """Nobody answered, or answered with a 5xx."""


@dataclass
class Client:
    """One API client on a connection of its own."""

    port: int
    key: str

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body.

        Raises:
            UnreachableError: connection refused, reset or timed out, or a 5xx.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        try:
            data = None if body is None else json.dumps(body)
            sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **headers}
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            answer = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(str(error)) from error
        finally:
            connection.close()
        if answer[0] >= 500:
            raise UnreachableError(f"{answer[0]}: {answer[2][:200]!r}")
        return answer

    def ask(self, prompt: str, n: int = 1, **more: Any) -> dict[str, Any]:
        """The generation, retried with one Idempotency-Key until somebody answers; what the caller may rely on."""
        key = str(uuid.uuid4())
        ends_at = time.monotonic() + GIVE_UP_S
        while True:
            try:
                status, _, body = self.call(
                    "POST", "/v1/generations", {"prompt": prompt, "n": n, **more}, **{"Idempotency-Key": key}
                )
            except UnreachableError:
                assert time.monotonic() < ends_at, "no answer for too long"
                time.sleep(RETRY_S)
                continue
            if status == 429:
                time.sleep(RETRY_S)
                continue
            assert status == 202, (status, body)
            return dict(json.loads(body))

    def generation(self, generation_id: str, *, wait: int = 0) -> dict[str, Any]:
        status, _, body = self.call("GET", f"/v1/generations/{generation_id}?wait={wait}")
        assert status == 200, (status, body)
        return dict(json.loads(body))


@dataclass
class Load:
    """Producers and a prober of leaks, until stopped."""

    port: int
    key: str
    pause_s: float
    accepted: list[str] = field(default_factory=list)
    served: int = 0
    leaks: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, producers: int) -> None:
        for number in range(producers):
            self._begin(self._produce, number)
        self._begin(self._probe)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _begin(self, work: Any, *arguments: Any) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                self.failures.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _produce(self, number: int) -> None:
        client = Client(self.port, self.key)
        chance = random.Random(number)
        for turn in itertools.count():
            if self._stop.wait(self.pause_s):
                return
            asked = client.ask(f"{chance.choice(PROMPTS)} {number} {turn}", n=chance.choice((1, 1, 2, 3)))
            self.accepted.append(asked["id"])

    def _probe(self) -> None:
        """Every picture is served if and only if its generation says that it is released, and is what that says."""
        client = Client(self.port, self.key)
        chance = random.Random(4711)
        while not self._stop.wait(0.05):
            if not self.accepted:
                continue
            try:
                # First the bytes, then the status: what was served before it was released is a leak.
                generation = client.generation(chance.choice(self.accepted[-60:]))
                for image in generation["images"]:
                    self._probe_image(client, generation["id"], image)
            except UnreachableError:
                continue

    def _probe_image(self, client: Client, generation_id: str, image: dict[str, Any]) -> None:
        status, _, body = client.call("GET", f"/v1/images/{image['id']}")
        if status == 200:
            now = next(i for i in client.generation(generation_id)["images"] if i["id"] == image["id"])
            if now["status"] != "released" or hashlib.sha256(body).hexdigest() != now["sha256"]:
                self.leaks.append(image["id"])
            self.served += 1
        elif status != 404:
            self.leaks.append(f"{image['id']}: {status}")
