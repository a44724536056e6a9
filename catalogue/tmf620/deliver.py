"""HTTP to addresses that others chose. Every address a name resolves to is checked, and the checked one is used.

Without TMF620_ALLOW_PRIVATE_ADDRESSES nothing but public addresses is reached, so that nobody can make this
server ask its neighbours. Redirects are not followed, proxies of the environment not used.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cache

import httpx
from django.conf import settings

# For everything together: the name, the connection, TLS, the request and the head of the answer.
DEADLINE_SECONDS = 10.0
LONGEST_URL = 2000
LARGEST_PORT = 65_535
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Undeliverable(Exception):
    """The request was not answered with success. str() says why, fit for people."""


class ForbiddenAddress(Undeliverable):
    """The address may not be asked, or is none."""


def checked(url: str) -> tuple[httpx.URL, str]:
    """The URL and an address of its host, of which each was checked. Raises ForbiddenAddress."""
    if len(url) > LONGEST_URL:
        raise ForbiddenAddress(f"is longer than {LONGEST_URL} characters")
    if any(not 32 < ord(sign) < 127 for sign in url):
        raise ForbiddenAddress("holds characters that an address does not")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise ForbiddenAddress("is not an address") from None
    if parsed.scheme not in PORTS or not parsed.host:
        raise ForbiddenAddress("is not an http or https address")
    if parsed.userinfo:
        raise ForbiddenAddress("holds a user name or password")
    port = parsed.port or PORTS[parsed.scheme]
    if port > LARGEST_PORT:
        raise ForbiddenAddress("names a port that does not exist")
    addresses = _resolved(parsed.host, port)
    for address in addresses:
        if not settings.TMF620_ALLOW_PRIVATE_ADDRESSES and not is_public(address):
            raise ForbiddenAddress(f"leads to {address}, which is not a public address")
    return parsed, addresses[0]


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


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = DEADLINE_SECONDS) -> None:
    """Raises Undeliverable unless the answer is 2xx and its head is here within `seconds`."""
    began = time.monotonic()
    parsed, address = checked(url)
    try:
        status = asyncio.run(_status(parsed, address, body, headers, seconds - (time.monotonic() - began)))
    except TimeoutError:
        raise Undeliverable(f"did not answer within {seconds:g} seconds") from None
    except (OSError, httpx.HTTPError) as trouble:
        raise Undeliverable(f"did not answer: {trouble or type(trouble).__name__}") from trouble
    if not 200 <= status < 300:
        raise Undeliverable(f"answered {status}")


class PinnedTransport(httpx.AsyncHTTPTransport):
    """Connects to the checked address whatever the name resolves to by now; TLS still asks for the name."""

    def __init__(self, address: str) -> None:
        super().__init__(verify=tls_context(), trust_env=False)
        self.address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": request.url.host}
        request.url = request.url.copy_with(host=self.address)  # the Host header is written already
        return await super().handle_async_request(request)


@cache
def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _status(
    url: httpx.URL, address: str, body: bytes, headers: Mapping[str, str], seconds: float
) -> int:
    """Of the answer, whose body is left unread: nothing in it counts."""
    transport = PinnedTransport(address)
    # httpx's own timeouts begin anew with each byte that comes.
    client = httpx.AsyncClient(transport=transport, timeout=None, trust_env=False)  # noqa: S113
    request = client.build_request("POST", url, content=body, headers=dict(headers))
    async with asyncio.timeout(seconds), client:
        response = await client.send(request, stream=True)
        await response.aclose()
    return response.status_code


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ForbiddenAddress(f"names {host}, which is not known") from None
    return [str(address[0]) for *_, address in found]
