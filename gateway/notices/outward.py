"""POST to an address that was typed by somebody: resolved once, refused unless public, never redirected, never long.

The connection goes to the very address that was judged, so that a second answer of the name server changes nothing.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

ANSWER_S = 10  # without a byte
WHOLE_S = 20  # from the connection to the end of the answer's head

_UNICAST = ipaddress.ip_network("2000::/3")
# Within it, but ways to somewhere else: Teredo and other protocols, documentation, 6to4.
_ELSEWHERE = tuple(map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16")))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefusedError(Exception):
    """Nothing was sent: the URL is not one to call, or its name leads to no public address."""


def is_public(address: Address) -> bool:
    """Whether this is a global unicast address that leads nowhere else.

    `is_global` alone calls NAT64, 6to4, site-local and multicast addresses global.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address.is_global and address in _UNICAST and not any(address in network for network in _ELSEWHERE)


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False, whole_s: float = WHOLE_S) -> int:
    """The status of the answer; its body is not read, and a redirect is an answer like any other.

    Args:
        private: let private addresses and plain HTTP through, for a receiver in one's own network.
        whole_s: hang up after so many seconds, whatever came until then.

    Raises:
        AddressRefusedError: not https, or no public address.
        OSError, http.client.HTTPException: no answer, or none in time.
    """
    parts = urlsplit(url)
    connection = _connection(parts, private=private)
    # A receiver that sends a byte now and then would outlast the timeout of each.
    alarm = threading.Timer(whole_s, _hang_up, [connection])
    alarm.daemon = True
    alarm.start()
    try:
        path = parts.path or "/"
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, dict(headers))
        return connection.getresponse().status
    finally:
        alarm.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError):  # it has just been hung up
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def _connection(parts: SplitResult, *, private: bool) -> http.client.HTTPConnection:
    if parts.scheme not in (("http", "https") if private else ("https",)) or not parts.hostname:
        raise AddressRefusedError("only https URLs are called")
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError("a URL with a user in it is not called")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    pinned = _resolved(parts.hostname, port, private=private)
    if parts.scheme == "http":
        return _Pinned(parts.hostname, port, pinned)
    return _PinnedTLS(parts.hostname, port, pinned)


def _resolved(host: str, port: int, *, private: bool) -> str:
    """One address of this host, once all of them were found fit."""
    found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if not private and not all(is_public(ipaddress.ip_address(each.partition("%")[0])) for each in found):
        raise AddressRefusedError("this name leads to an address that is not public")
    return found[0]


class _Pinned(http.client.HTTPConnection):
    """Speaks to the address it was given; the name stands in the Host header alone."""

    def __init__(self, host: str, port: int, pinned: str) -> None:
        super().__init__(host, port, timeout=ANSWER_S)
        self._pinned = pinned

    def connect(self) -> None:
        self.sock = socket.create_connection((self._pinned, self.port), self.timeout)


class _PinnedTLS(_Pinned):
    """As `_Pinned`, with a certificate for the name."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
