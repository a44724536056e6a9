"""Deliveries over a real socket: one deadline for everything, the checked address, TLS by name, no byte of a body."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from catalogue.tmf620 import deliver

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n"
SOON = 0.3
Served = Callable[[socket.socket], None]


class Listener:
    """Answers one connection as `serve` says, in a thread; `closed` is set when the other side is gone."""

    def __init__(self, serve: Served, tls: ssl.SSLContext | None = None) -> None:
        self.serve, self.tls = serve, tls
        self.heard = b""
        self.closed = threading.Event()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            connection, _address = self.server.accept()
            with connection, self._wrapped(connection) as spoken:
                self.serve(spoken)
                while spoken.recv(65_536):
                    pass
        except OSError:
            pass
        self.closed.set()

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection

    def listen(self, connection: socket.socket) -> None:
        while b"\r\n\r\n" not in self.heard:
            self.heard += connection.recv(65_536)

    def drip(self, connection: socket.socket, content: bytes) -> None:
        """A byte each hundredth of a second: each comes long before a timeout that begins anew with it."""
        for byte in content:
            connection.sendall(bytes([byte]))
            if self.closed.wait(0.01):
                return


@pytest.fixture
def listening(settings) -> Iterator[Callable[..., Listener]]:
    settings.TMF620_ALLOW_PRIVATE_ADDRESSES = True
    opened: list[Listener] = []

    def open_one(
        serve: Callable[[Listener, socket.socket], None], tls: ssl.SSLContext | None = None
    ) -> Listener:
        listener = Listener(lambda connection: serve(listener, connection), tls)
        opened.append(listener)
        return listener

    yield open_one
    for listener in opened:
        listener.server.close()


def post(listener: Listener, host="127.0.0.1", scheme="http", body=b"{}", seconds=30.0) -> None:
    deliver.post(f"{scheme}://{host}:{listener.port}/hub?key=1", body, {"X-Sign": "s"}, seconds=seconds)


def answering(content: bytes) -> Callable[[Listener, socket.socket], None]:
    def serve(listener: Listener, connection: socket.socket) -> None:
        listener.listen(connection)
        connection.sendall(content)

    return serve


def test_a_request_as_it_arrives(listening):
    listener = listening(answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
    post(listener, body=b'{"eventId": "1"}')
    head, _, body = listener.heard.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first == b"POST /hub?key=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{listener.port}".encode() in headers
    assert {b"X-Sign: s", b"Content-Length: 16"} <= set(headers)
    assert body in (b"", b'{"eventId": "1"}')  # the body may come in a packet of its own


def drips_its_head(listener: Listener, connection: socket.socket) -> None:
    listener.listen(connection)
    # At last it would be a success: only a deadline for the whole ends it before.
    listener.drip(connection, HEAD + b"X-Slow: " + b"x" * 2000 + b"\r\n\r\n")


def says_nothing(listener: Listener, connection: socket.socket) -> None:
    listener.listen(connection)
    listener.closed.wait(30)


def reads_nothing(listener: Listener, connection: socket.socket) -> None:
    listener.closed.wait(30)


@pytest.mark.parametrize(
    ("serve", "size"), [(drips_its_head, 2), (says_nothing, 2), (reads_nothing, 50_000_000)]
)
def test_nobody_holds_a_delivery_beyond_its_deadline(listening, serve, size):
    listener = listening(serve)
    with pytest.raises(deliver.Undeliverable, match=r"^did not answer within 0\.3 seconds$"):
        post(listener, body=b"x" * size, seconds=SOON)


def test_the_search_for_the_address_counts(listening, monkeypatch):
    clock = iter([100.0, 100.4])
    monkeypatch.setattr(deliver, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    listener = listening(says_nothing)
    with pytest.raises(deliver.Undeliverable, match=r"^did not answer within 0\.3 seconds$"):
        post(listener, seconds=SOON)
    assert listener.heard == b""


def test_a_success_is_one_when_its_head_is_here_and_the_body_is_left(listening):
    def drips_its_body(listener: Listener, connection: socket.socket) -> None:
        listener.listen(connection)
        connection.sendall(HEAD + b"\r\n")
        listener.drip(connection, b"x" * 2999)

    listener = listening(drips_its_body)
    post(listener)
    assert listener.closed.wait(20)  # long before the body would end


def test_a_head_without_end_is_not_read(listening):
    def tells_forever(listener: Listener, connection: socket.socket) -> None:
        listener.listen(connection)
        connection.sendall(HEAD + b"X-Long: " + b"x" * 1_000_000)

    with pytest.raises(deliver.Undeliverable, match=r"^did not answer: "):
        post(listening(tells_forever))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", "^answered 500$"),
        (b"HTTP/1.1 302 There\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "^answered 302$"),
        (b"SSH-2.0-OpenSSH\r\n", "^did not answer: "),
        (b"", "^did not answer: "),
    ],
)
def test_what_is_no_success(listening, content, says):
    def serve(listener: Listener, connection: socket.socket) -> None:
        answering(content)(listener, connection)
        connection.shutdown(socket.SHUT_WR)

    with pytest.raises(deliver.Undeliverable, match=says):
        post(listening(serve))


def test_nobody_is_there(settings):
    settings.TMF620_ALLOW_PRIVATE_ADDRESSES = True
    with pytest.raises(deliver.Undeliverable, match=r"^did not answer: "):
        deliver.post("http://127.0.0.1:1/", b"", {}, seconds=5)


@pytest.fixture
def named(monkeypatch) -> list[str]:
    """Every name leads to this machine; collects those that are looked up."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_options: object) -> list[tuple]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(deliver.socket, "getaddrinfo", resolve)
    return asked


def test_the_checked_address_is_connected_to_and_the_name_is_told(listening, named):
    listener = listening(answering(b"HTTP/1.1 204 No Content\r\n\r\n"))
    post(listener, "rebound.example")
    assert f"\r\nHost: rebound.example:{listener.port}\r\n".encode() in listener.heard
    assert named == ["rebound.example"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """Of listener.example, signed by itself; with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "listener.example")])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("listener.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "listener.pem"
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


@pytest.fixture
def secured(listening, certificate) -> Listener:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    return listening(answering(b"HTTP/1.1 204 No Content\r\n\r\n"), tls)


def test_tls_asks_for_the_name(secured, named, certificate, monkeypatch):
    monkeypatch.setattr(deliver, "tls_context", lambda: ssl.create_default_context(cafile=certificate))
    post(secured, "listener.example", "https")
    assert f"\r\nHost: listener.example:{secured.port}\r\n".encode() in secured.heard


def test_a_certificate_of_another_name_is_refused(secured, named, certificate, monkeypatch):
    monkeypatch.setattr(deliver, "tls_context", lambda: ssl.create_default_context(cafile=certificate))
    with pytest.raises(deliver.Undeliverable, match=r"^did not answer: .*not valid for 'other\.example'"):
        post(secured, "other.example", "https")
    assert secured.heard == b""


def test_a_certificate_nobody_vouches_for_is_refused(secured, named):
    deliver.tls_context.cache_clear()
    with pytest.raises(deliver.Undeliverable, match=r"^did not answer: .*self-signed certificate"):
        post(secured, "listener.example", "https")
    assert secured.heard == b""
