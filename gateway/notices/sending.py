"""Sends what is due, each once however many sweepers there are, in a thread of the sweeper's that nothing waits for.

A sending is claimed in the record before it leaves, so at most one leaves in an interval; one that failed is tried
again with a growing pause, and may then come twice where the failure came after the receiver had taken it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import Error, close_old_connections, connection
from django.utils import timezone

from gateway.notices import mail, webhook
from gateway.notices.rules import Notice, Rule, Waiting

logger = logging.getLogger(__name__)

ROUND_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60, 3600
STALE_S = 300  # a count of that age says nothing of what waits now
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to tell somebody: the key of its row in the record, when they want it, how it is sent, how it fails."""

    key: str
    rule: Rule
    send: Callable[[Notice], None]
    failures: tuple[type[Exception], ...]


def key_of(user_id: object) -> str:
    """The key of a person's e-mails."""
    return f"mail:{user_id}"


def is_set_up() -> bool:
    """Whether anything could be sent from here."""
    return mail.is_set_up() or webhook.rule() is not None


def start(should_stop: Callable[[], bool]) -> None:
    """Send in the background until asked to stop; nothing is started where nothing is set up."""
    if is_set_up():
        threading.Thread(target=_run, args=[should_stop], name="notices", daemon=True).start()


def _run(should_stop: Callable[[], bool]) -> None:
    while not should_stop():
        close_old_connections()
        try:
            send_due()
        except Error:
            logger.exception("notices found no database")
            connection.close()
        except Exception:  # whatever it is, the next round begins anew
            logger.exception("a round of notices failed")
        time.sleep(ROUND_S)


def send_due() -> int:
    """Send what is due now; how many were sent."""
    waiting = _waiting()
    return sum(_tell(channel, waiting) for channel in _channels())


def _tell(channel: Channel, waiting: Sequence[Waiting]) -> bool:
    if not channel.rule.concerns(waiting):
        _arm(channel.key)
        return False
    notice = channel.rule.notice(waiting, at=timezone.now())
    if notice is None or not _claim(channel):
        return False
    try:
        channel.send(notice)
    except channel.failures as error:
        _failed(channel.key, error)
        return False
    _sent(channel.key)
    return True


def _waiting() -> list[Waiting]:
    """What waits in each queue that is not empty, as a sweeper counted it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, depth, greatest(0, extract(epoch FROM now() - oldest_at))::float FROM queue "
            "WHERE depth > 0 AND oldest_at IS NOT NULL AND counted_at > now() - make_interval(secs => %s) ORDER BY id",
            [STALE_S],
        )
        return [Waiting(*row) for row in cursor.fetchall()]


def _channels() -> Iterator[Channel]:
    if (rule := webhook.rule()) is not None:
        yield Channel(WEBHOOK, rule, webhook.send, webhook.FAILURES)
    if not mail.is_set_up():
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, address, queue_ids, every_s, waits_s, only_first, quiet_from, quiet_until, time_zone "
            "FROM notice_recipient ORDER BY user_id"
        )
        rows = cursor.fetchall()
    for user_id, address, queue_ids, every_s, waits_s, only_first, quiet_from, quiet_until, time_zone in rows:
        rule = Rule(
            every_s,
            waits_s=waits_s,
            only_first=only_first,
            quiet_from=quiet_from,
            quiet_until=quiet_until,
            time_zone=time_zone,
            queue_ids=frozenset(queue_ids),
        )
        yield Channel(key_of(user_id), rule, partial(mail.send, to=address), mail.FAILURES)


def _claim(channel: Channel) -> bool:
    """Whether this sending is ours: the interval is over, and where it matters nothing had waited before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notice_sending AS s (key, next_at, armed) "
            "VALUES (%(key)s, now() + make_interval(secs => %(every_s)s), false) ON CONFLICT (key) DO UPDATE "
            "SET next_at = excluded.next_at, armed = false "
            "WHERE s.next_at <= now() AND (s.armed OR NOT %(only_first)s)",
            {"key": channel.key, "every_s": channel.rule.every_s, "only_first": channel.rule.only_first},
        )
        return bool(cursor.rowcount == 1)


def _arm(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notice_sending SET armed = true WHERE key = %s AND NOT armed", [key])


def _sent(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notice_sending SET sent_at = now(), failures = 0, problem = NULL WHERE key = %s", [key])


def _failed(key: str, error: Exception) -> None:
    """Try again later, and tell the operator; an address or an answer of the receiver stands in no log."""
    problem = type(error).__name__
    if isinstance(error, webhook.WebhookFailedError):
        problem = f"{problem}: {error}"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notice_sending SET failures = failures + 1, problem = %s, armed = true, next_at = now() + "
            "make_interval(secs => least(%s * power(2, least(failures, 10)), %s)) WHERE key = %s RETURNING failures",
            [problem[:100], FIRST_PAUSE_S, LONGEST_PAUSE_S, key],
        )
        (failures,) = cursor.fetchone()
    logger.error(
        "a notice could not be sent",
        extra={"fields": {"alarm": "notices", "key": key, "failures": failures, "problem": problem[:100]}},
    )
