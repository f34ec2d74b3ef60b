"""A notice as a signed POST to the one address of this installation.

Source: Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, a secret `whsec_` and base64.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import json
import time
from datetime import UTC, datetime

from django.conf import settings

from gateway.models.fields import new_id
from gateway.notices import outward
from gateway.notices.rules import Notice, Rule

TYPE = "review.waiting"
PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)


class WebhookFailedError(Exception):
    """The receiver did not take it: an answer other than 2xx, or a secret that is none."""


FAILURES = (WebhookFailedError, outward.AddressRefusedError, http.client.HTTPException, OSError)


def rule() -> Rule | None:
    """When the webhook is told; None where there is none."""
    configuration = settings.CONFIGURATION
    if configuration.notice_webhook_url is None:
        return None
    return Rule(configuration.notice_webhook_every_s, waits_s=configuration.notice_webhook_waits_s)


def send(notice: Notice) -> None:
    """Post the notice.

    Raises:
        One of `FAILURES`: it was not taken.
    """
    configuration = settings.CONFIGURATION
    url, secret_file = configuration.notice_webhook_url, configuration.notice_webhook_secret_file
    if url is None or secret_file is None:
        raise WebhookFailedError("no webhook is set up")
    message_id, timestamp, body = f"notice_{new_id().hex}", str(int(time.time())), compose(notice)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Imprimatur",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret_of(secret_file.read_text()), message_id, timestamp, body),
    }
    status = outward.post(url, body, headers, private=configuration.notice_webhook_private)
    if not 200 <= status < 300:
        raise WebhookFailedError(f"answer {status}")


def compose(notice: Notice) -> bytes:
    """The JSON that is posted."""
    document = {
        "type": TYPE,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "waiting": notice.depth,
            "oldest_s": int(notice.oldest_s),
            "queues": [
                {"name": each.queue, "waiting": each.depth, "oldest_s": int(each.oldest_s)} for each in notice.waiting
            ],
            "url": f"{settings.CONFIGURATION.people_url.rstrip('/')}/review/",
        },
    }
    return json.dumps(document).encode()


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """What `webhook-signature` holds."""
    signed = hmac.new(secret, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def secret_of(text: str) -> bytes:
    """The key in a secret file.

    Raises:
        WebhookFailedError: it is not `whsec_` and the base64 of 24 to 64 bytes.
    """
    encoded = text.strip().removeprefix(PREFIX)
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) not in SECRET_BYTES or not text.startswith(PREFIX):
        raise WebhookFailedError(f"the secret is not {PREFIX} and the base64 of 24 to 64 bytes")
    return secret
