from collections.abc import Callable, Iterator

import pytest

from tests.databases import Record
from tests.notices.receivers import Mailbox, Receiver, running_mail_server, running_receiver
from tests.record.world import World


@pytest.fixture
def world(record: Record) -> World:
    return World(record)


@pytest.fixture
def mailbox(configured: Callable[..., None]) -> Iterator[Mailbox]:
    """A mail server that this installation sends by."""
    with running_mail_server() as mailbox:
        configured(email_host="127.0.0.1", email_port=mailbox.port, email_security="none")
        yield mailbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver
