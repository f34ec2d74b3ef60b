"""Which addresses are called, and for how long an answer is waited for."""

import ipaddress
import socket
import threading
import time

import pytest

from gateway.notices import outward
from tests.notices.receivers import Receiver


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2001::1", "2001:db8::1", "fe80::1", "fec0::1", "fc00::1", "ff02::1",
    ],
)  # fmt: skip
def test_an_address_that_leads_into_a_network_of_ones_own_is_not_public(address: str) -> None:
    assert not outward.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "::ffff:1.1.1.1", "2606:4700:4700::1111"])
def test_a_global_unicast_address_is_public(address: str) -> None:
    assert outward.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
        "https://127.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    ],
)  # fmt: skip
def test_no_spelling_of_this_machine_is_called(url: str) -> None:
    with pytest.raises((outward.AddressRefusedError, OSError)) as refused:
        outward.post(url, b"", {})

    assert not isinstance(refused.value, ConnectionError), "it was tried"


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https:///", "example"]
)
def test_only_https_is_called(url: str) -> None:
    with pytest.raises(outward.AddressRefusedError):
        outward.post(url, b"", {})


def test_a_url_that_carries_a_user_is_not_called() -> None:
    with pytest.raises(outward.AddressRefusedError):
        outward.post("https://user:password@example.com/", b"", {})


def test_a_receiver_in_ones_own_network_is_called_where_that_was_said(receiver: Receiver) -> None:
    assert outward.post(f"{receiver.url}?a=1", b"body", {"X-A": "b"}, private=True) == 204

    [request] = receiver.requests
    assert (request.path, request.body, request.headers["X-A"]) == ("/hook?a=1", b"body", "b")
    assert request.headers["Host"] == receiver.url.split("/")[2]


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = 302

    assert outward.post(receiver.url, b"", {}, private=True) == 302
    assert len(receiver.requests) == 1


def test_a_receiver_that_answers_a_byte_now_and_then_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=[server], daemon=True).start()
        began = time.monotonic()
        with pytest.raises((OSError, outward.http.client.HTTPException)):
            outward.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"", {}, private=True, whole_s=1.0)

    assert time.monotonic() - began < 5


def _drip(server: socket.socket) -> None:
    accepted, _ = server.accept()
    with accepted:
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X" * 100:
            try:
                accepted.send(bytes([byte]))
            except OSError:
                return
            time.sleep(0.2)
