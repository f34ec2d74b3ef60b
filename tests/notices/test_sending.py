"""What waits is told, once, to whoever asked and to nobody else; through a real mail server and a real receiver."""

import base64
import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import sweep
from gateway.models import NoticeRule, NoticeSending, Queue, QueueAssignment, User
from gateway.notices import sending, webhook
from tests.notices.receivers import Mailbox, Receiver
from tests.record.world import PROMPT, World

Configured = Callable[..., None]
SECRET = bytes(range(32))


def ask(world: World, person: User, **wanted: Any) -> None:
    """This person asks to be told."""
    with world.record.acting_as("people"):
        address = f"{person.username}@example.com"
        NoticeRule.objects.update_or_create(pk=person.pk, defaults={"address": address, **wanted})


def tell(world: World) -> int:
    """One round of a sweeper's: it counts, then tells."""
    with world.record.acting_as("sweeper"):
        sweep.count()
        return sending.send_due()


def interval_over(world: World) -> None:
    with world.record.admin() as admin:
        admin.execute("UPDATE notice_sending SET next_at = now() - interval '1 s'")


def row(world: World) -> NoticeSending:
    with world.record.acting_as("people"):
        return NoticeSending.objects.get()


def test_nobody_is_told_who_did_not_ask(world: World, mailbox: Mailbox) -> None:
    world.one("held")

    assert tell(world) == 0
    assert mailbox.messages == []


def test_whoever_asked_is_told_how_much_waits_where_and_for_how_long(
    world: World, mailbox: Mailbox, configured: Configured
) -> None:
    configured(people_url="https://review.example.com/")
    world.one("held")
    world.one("held prompt")
    ask(world, world.ada)

    assert tell(world) == 1

    [message] = mailbox.messages
    assert message["To"] == "ada@example.com"
    assert message["From"] == "imprimatur@localhost"
    assert message["Subject"] == "Imprimatur: 2 cases wait"
    body = message.get_content()
    assert "default: 2, the oldest for" in body
    assert "https://review.example.com/review/" in body.splitlines()
    assert "https://review.example.com/review/settings/notices" in body.splitlines()


def test_a_notice_holds_nothing_of_what_waits(world: World, mailbox: Mailbox) -> None:
    generation_id, image_id = world.one("held")
    ask(world, world.ada)
    tell(world)

    [message] = mailbox.messages
    said = message.as_string().lower()
    assert not message.is_multipart()
    for secret in (PROMPT, "somebody", "first", "canary", "0.81", str(generation_id), str(image_id)):
        assert secret not in said


def test_what_is_sealed_is_in_no_notice(world: World, mailbox: Mailbox) -> None:
    generation_id, _ = world.one("held")
    world.seal(generation_id)
    ask(world, world.ada)

    assert tell(world) == 0


def test_there_is_one_notice_in_an_interval(world: World, mailbox: Mailbox) -> None:
    world.one("held")
    ask(world, world.ada, every_s=300)

    assert [tell(world), tell(world)] == [1, 0]
    assert row(world).next_at - (row(world).sent_at or row(world).next_at) > timedelta(seconds=290)
    interval_over(world)
    assert tell(world) == 1


def test_many_sweepers_tell_once(world: World, mailbox: Mailbox) -> None:
    world.one("held")
    for person in (world.ada, world.ben):
        ask(world, person)
    tell_nobody_yet = threading.Barrier(6)

    def one() -> None:
        with world.record.acting_as("sweeper"):
            tell_nobody_yet.wait()
            sending.send_due()
        world.record.close()

    with world.record.acting_as("sweeper"):
        sweep.count()
    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(message["To"] for message in mailbox.messages) == ["ada@example.com", "ben@example.com"]


def test_only_the_first_is_told_to_who_wants_no_more(world: World, mailbox: Mailbox) -> None:
    generation_id, _ = world.one("held")
    ask(world, world.ada, only_first=True)
    assert tell(world) == 1
    interval_over(world)
    world.one("held")
    assert tell(world) == 0

    for case in (generation_id, None):
        with world.record.admin() as admin:
            admin.execute("UPDATE review_case SET claimable_at = now() + interval '1 h' WHERE status = 'open'")
        assert tell(world) == 0, case
    world.one("held")

    assert tell(world) == 1


def test_in_the_quiet_hours_nothing_is_told_and_afterwards_it_is(world: World, mailbox: Mailbox) -> None:
    now = datetime.now(UTC)
    around = {"quiet_from": (now - timedelta(hours=1)).time(), "quiet_until": (now + timedelta(hours=1)).time()}
    world.one("held")
    ask(world, world.ada, only_first=True, **around)
    assert tell(world) == 0

    ask(world, world.ada, quiet_from=None, quiet_until=None)
    assert tell(world) == 1


def test_what_has_not_waited_long_enough_is_not_told(world: World, mailbox: Mailbox) -> None:
    world.one("held")
    ask(world, world.ada, waits_s=3600)
    assert tell(world) == 0

    ask(world, world.ada, waits_s=0)
    assert tell(world) == 1


def other_queue(world: World, *people: User) -> Queue:
    with world.record.admin() as admin:
        admin.execute("INSERT INTO queue (name) VALUES ('other')")
    with world.record.acting_as("people"):
        queue = Queue.objects.get(name="other")
        for person in people:
            QueueAssignment.objects.create(queue=queue, user=person)
    return queue


def test_a_reviewer_is_told_of_no_queue_but_their_own(world: World, mailbox: Mailbox) -> None:
    queue = other_queue(world, world.ada)
    world.one("held")
    ask(world, world.ada, queue_ids=[1, queue.pk])
    ask(world, world.ben)

    assert tell(world) == 1
    assert [message["To"] for message in mailbox.messages] == ["ben@example.com"]


@pytest.mark.parametrize(
    ("role", "active", "told"),
    [("senior", True, 1), ("operator", True, 1), ("auditor", True, 0), ("officer", True, 0), ("reviewer", False, 0)],
)
def test_those_are_told_who_review_or_operate_and_may_still_sign_in(
    world: World, mailbox: Mailbox, role: str, active: bool, told: int
) -> None:
    world.one("held")
    ask(world, world.ada)
    with world.record.acting_as("people"):
        User.objects.filter(pk=world.ada.pk).update(role=role, is_active=active)

    assert tell(world) == told


def test_a_failure_is_logged_kept_for_the_operator_and_tried_again_later(
    world: World, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox.refuse = "451 not now"
    world.one("held")
    ask(world, world.ada, only_first=True)

    pauses = []
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert tell(world) == 0
            failed = row(world)
            pauses.append(round((failed.next_at - datetime.now(UTC)).total_seconds() / 60))
            interval_over(world)

    assert pauses == [1, 2, 4]
    assert (failed.failures, failed.problem) == (3, "SMTPDataError")
    fields = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert (fields["alarm"], fields["failures"]) == ("notices", 3)
    assert "example.com" not in json.dumps(fields)

    mailbox.refuse = None
    assert tell(world) == 1
    assert (row(world).failures, row(world).problem) == (0, None)


def test_a_failed_sending_is_not_repeated_before_its_time(world: World, mailbox: Mailbox) -> None:
    mailbox.refuse = "550 never"
    world.one("held")
    ask(world, world.ada)
    tell(world)
    mailbox.refuse = None

    assert tell(world) == 0


def test_a_mail_server_that_is_away_stops_no_one_else(
    world: World, configured: Configured, receiver: Receiver, tmp_path: Path
) -> None:
    hook(configured, receiver, tmp_path)
    configured(email_host="127.0.0.1", email_port=9, email_security="none")
    world.one("held")
    ask(world, world.ada)

    assert tell(world) == 1
    assert len(receiver.requests) == 1


def test_without_a_mail_server_each_message_is_a_file(world: World, configured: Configured, tmp_path: Path) -> None:
    configured(email_folder=tmp_path / "mail")
    world.one("held")
    ask(world, world.ada)

    assert tell(world) == 1
    [file] = (tmp_path / "mail").iterdir()
    assert "1 case waits for a person" in file.read_text()


def test_where_nothing_is_set_up_nothing_is_started_or_sent(world: World) -> None:
    world.one("held")
    ask(world, world.ada)
    before = threading.active_count()

    sending.start(lambda: False)

    assert threading.active_count() == before
    assert tell(world) == 0


def test_it_is_sent_in_the_background_until_it_is_asked_to_stop(world: World, mailbox: Mailbox) -> None:
    world.one("held")
    ask(world, world.ada)
    with world.record.acting_as("sweeper"):
        sweep.count()
    stop = threading.Event()

    with world.record.whole_process_as("sweeper"):
        sending.start(stop.is_set)
        for _ in range(100):
            if mailbox.messages:
                break
            threading.Event().wait(0.1)
        stop.set()

    assert len(mailbox.messages) == 1


# ---- the webhook


def hook(configured: Configured, receiver: Receiver, folder: Path) -> None:
    secret = folder / "secret"
    secret.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n")
    configured(
        notice_webhook_url=receiver.url, notice_webhook_secret_file=secret, notice_webhook_private=True,
        people_url="https://review.example.com",
    )  # fmt: skip


def test_the_webhook_is_told_and_can_tell_that_it_was_us(
    world: World, configured: Configured, receiver: Receiver, tmp_path: Path
) -> None:
    hook(configured, receiver, tmp_path)
    world.one("held")

    assert [tell(world), tell(world)] == [1, 0]

    [request] = receiver.requests
    said = json.loads(request.body)
    assert said["type"] == "review.waiting"
    assert set(said["data"]) == {"waiting", "oldest_s", "queues", "url"}
    assert said["data"]["waiting"] == 1
    assert [set(queue) for queue in said["data"]["queues"]] == [{"name", "waiting", "oldest_s"}]
    assert said["data"]["url"] == "https://review.example.com/review/"
    signed = webhook.signature(
        SECRET, request.headers["webhook-id"], request.headers["webhook-timestamp"], request.body
    )
    assert request.headers["webhook-signature"] == signed


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification."""
    secret = webhook.secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signed = webhook.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_an_answer_that_is_not_yes_is_a_failure(
    world: World, configured: Configured, receiver: Receiver, tmp_path: Path, answer: int
) -> None:
    hook(configured, receiver, tmp_path)
    receiver.answer = answer
    world.one("held")

    assert tell(world) == 0
    assert len(receiver.requests) == 1
    assert row(world).problem == f"WebhookFailedError: answer {answer}"


def test_a_webhook_on_this_machine_is_not_called_unless_that_was_said(
    world: World, configured: Configured, receiver: Receiver, tmp_path: Path
) -> None:
    hook(configured, receiver, tmp_path)
    configured(notice_webhook_private=False, notice_webhook_url=receiver.url.replace("http:", "https:"))
    world.one("held")

    assert tell(world) == 0
    assert receiver.requests == []
    assert row(world).problem == "AddressRefusedError"


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!", base64.b64encode(SECRET).decode()])
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(webhook.WebhookFailedError):
        webhook.secret_of(text)


def test_the_sweeper_reads_no_more_of_a_person_than_where_to_tell_them(world: World) -> None:
    ask(world, world.ada, quiet_from=time(22), quiet_until=time(7))
    with world.record.connect("sweeper") as sweeper:
        assert sweeper.execute("SELECT count(*) FROM notice_recipient").fetchone() == (1,)
        for table in ("person", "notice_rule"):
            assert sweeper.execute("SELECT has_table_privilege(current_user, %s, 'SELECT')", [table]).fetchone() == (
                False,
            )
