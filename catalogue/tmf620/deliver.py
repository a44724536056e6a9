"""HTTP to addresses that others chose. Every address a name resolves to is checked, and the checked one is used.

Without TMF620_ALLOW_PRIVATE_ADDRESSES nothing but public addresses is reached, so that nobody can make this
server ask its neighbours. Redirects are not followed, proxies of the environment not used.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

TIMEOUT_SECONDS = 10.0
LONGEST_URL = 2000
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Undeliverable(Exception):
    """The request was not answered with success. str() says why, fit for people."""


class ForbiddenAddress(Undeliverable):
    """The address may not be asked, or is none."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


@dataclass(frozen=True)
class Target:
    """A URL with an address that was checked."""

    url: SplitResult
    host: str
    port: int
    address: str


def checked(url: str) -> Target:
    """Resolve the host and check each of its addresses. Raises ForbiddenAddress."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ForbiddenAddress("is not an address") from None
    if parts.scheme not in ("http", "https") or not host or len(url) > LONGEST_URL:
        raise ForbiddenAddress("is not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress("holds a user name or password")
    if any(not 32 < ord(sign) < 127 for sign in url):
        raise ForbiddenAddress("holds characters that an address does not")
    port = port or (443 if parts.scheme == "https" else 80)
    addresses = _resolved(host, port)
    for address in addresses:
        if not settings.TMF620_ALLOW_PRIVATE_ADDRESSES and not is_public(address):
            raise ForbiddenAddress(f"leads to {address}, which is not a public address")
    return Target(parts, host, port, addresses[0])


def is_public(address: str) -> bool:
    """Whether anybody on the internet is meant by it, also when it carries an IPv4 address inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inside is None and ip in NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None and not is_public(str(inside)):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Raises Undeliverable unless the answer is 2xx."""
    return _ask("POST", url, body, headers, largest=1000)


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, largest: int) -> Answer:
    target = checked(url)
    connection = _connection(target)
    path = target.url.path or "/"
    try:
        connection.request(
            method, f"{path}?{target.url.query}" if target.url.query else path, body, dict(headers)
        )
        response = connection.getresponse()
        answer = Answer(response.status, response.read(largest))
    except (OSError, http.client.HTTPException) as trouble:
        raise Undeliverable(f"did not answer: {trouble or type(trouble).__name__}") from trouble
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise Undeliverable(f"answered {answer.status}")
    return answer


def _connection(target: Target) -> http.client.HTTPConnection:
    """Speaks to the checked address whatever the name resolves to by now; TLS still asks for the name."""
    connection: Any
    if target.url.scheme == "https":
        connection = http.client.HTTPSConnection(
            target.host, target.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_SECONDS)
    connection._create_connection = lambda _address, *rest: socket.create_connection(
        (target.address, target.port), *rest
    )
    return connection


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ForbiddenAddress(f"names {host}, which is not known") from None
    return [str(address[0]) for *_, address in found]
