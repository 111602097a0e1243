"""The client against a small kubelet on a real TLS socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from exporter.config import Config
from exporter.errors import (
    KubeletBodyError,
    KubeletRefused,
    KubeletTimeout,
    KubeletUnreachable,
    KubeletUntrusted,
    TokenError,
)
from exporter.kubelet.client import KubeletClient

Handler = Callable[[socket.socket, bytes], None]
DRIP_SECONDS = 0.05


class Kubelet:
    """Answers each connection with ``handler(connection, request head)``, then closes it; without TLS at once."""

    def __init__(self, context: ssl.SSLContext | None, address: str = "127.0.0.1") -> None:
        self.handler: Handler = respond(b"hello")
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self._context = context
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._threads):
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):
            stream = self._context.wrap_socket(connection, server_side=True) if self._context else connection
            with stream:
                head = b""
                while self._context and b"\r\n\r\n" not in head:
                    received = stream.recv(65536)
                    if not received:
                        return
                    head += received
                self.requests.append(head)
                self.handler(stream, head)


def respond(body: bytes, status: str = "200 OK") -> Handler:
    def handler(connection: socket.socket, head: bytes) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    return handler


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.crt"
    path.write_bytes(authority.cert_pem.bytes())
    return path


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


def serving(authority: trustme.CA, name: str, address: str = "127.0.0.1") -> Iterator[Kubelet]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    kubelet = Kubelet(context, address)
    yield kubelet
    kubelet.stop()


@pytest.fixture
def kubelet(authority: trustme.CA) -> Iterator[Kubelet]:
    yield from serving(authority, "127.0.0.1")


@pytest.fixture
def named_kubelet(authority: trustme.CA) -> Iterator[Kubelet]:
    yield from serving(authority, "node-1")


@pytest.fixture
def ipv6_kubelet(authority: trustme.CA) -> Iterator[Kubelet]:
    yield from serving(authority, "::1", "::1")


def client_of(kubelet: Kubelet, ca_file: Path, token_file: Path | None = None, **how: object) -> KubeletClient:
    server_name, insecure = how.get("server_name"), bool(how.get("insecure", False))
    return KubeletClient(
        f"https://127.0.0.1:{kubelet.port}",
        ca_file,
        token_file,
        server_name=str(server_name) if server_name else None,
        insecure=insecure,
    )


def test_fetches_the_body_with_the_token_and_uncompressed(kubelet: Kubelet, ca_file: Path, token_file: Path) -> None:
    body = client_of(kubelet, ca_file, token_file).fetch("/stats/summary?only_cpu_and_memory=true", 5)

    assert body == b"hello"
    head = kubelet.requests[0]
    assert head.startswith(b"GET /stats/summary?only_cpu_and_memory=true HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer first\r\n" in head
    assert b"\r\nAccept-Encoding: identity\r\n" in head


def test_an_ipv6_address_has_its_brackets_and_its_certificate_is_verified(
    ipv6_kubelet: Kubelet, ca_file: Path, token_file: Path
) -> None:
    url = Config.from_environment({"NODE_NAME": "node-1", "NODE_IP": "0:0:0:0:0:0:0:1"}).kubelet_url
    assert url == "https://[::1]:10250"
    url = url.replace("10250", str(ipv6_kubelet.port))
    assert KubeletClient(url, ca_file, token_file).fetch("/", 5) == b"hello"
    assert f"\r\nHost: [::1]:{ipv6_kubelet.port}\r\n".encode() in ipv6_kubelet.requests[0]


def test_a_rotated_token_is_used_at_once(kubelet: Kubelet, ca_file: Path, token_file: Path) -> None:
    client = client_of(kubelet, ca_file, token_file)
    client.fetch("/", 5)
    token_file.write_text("second")
    client.fetch("/", 5)

    assert [b"Bearer first" in head for head in kubelet.requests] == [True, False]
    assert b"Bearer second" in kubelet.requests[1]


@pytest.mark.parametrize("content", [None, "", "  \n", "two\nlines", "ümlaut"])
def test_an_unusable_token_file_is_named(kubelet: Kubelet, ca_file: Path, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "unusable"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    with pytest.raises(TokenError, match=r"KUBELET_TOKEN_FILE .*unusable"):
        client_of(kubelet, ca_file, path).fetch("/", 5)
    assert kubelet.requests == []


def test_environment_has_no_influence(
    kubelet: Kubelet, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The variables themselves are what is tested: the environment has to have them.
    other = tmp_path / "other.crt"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert client_of(kubelet, ca_file).fetch("/", 5) == b"hello"

    # Nor the other way round: what the environment trusts is not trusted here.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    with pytest.raises(KubeletUntrusted):
        client_of(kubelet, other).fetch("/", 5)


def test_an_unknown_authority_is_refused_and_the_settings_are_named(kubelet: Kubelet, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(trustme.CA().cert_pem.bytes())

    with pytest.raises(KubeletUntrusted) as raised:
        client_of(kubelet, other).fetch("/", 5)
    for setting in ("KUBELET_CA_FILE", "KUBELET_SERVER_NAME", "KUBELET_INSECURE_TLS"):
        assert setting in str(raised.value)
    # And the chart's values that set them.
    for value in ("kubelet.ca)", "(kubelet.serverName)", "(kubelet.insecureTls)"):
        assert value in str(raised.value)
    assert (raised.value.stage, raised.value.reason) == ("connect", "tls_verification")
    assert kubelet.requests == []


def test_insecure_only_when_asked(kubelet: Kubelet, tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_bytes(trustme.CA().cert_pem.bytes())

    assert client_of(kubelet, other, insecure=True).fetch("/", 5) == b"hello"


def test_server_name_is_what_the_certificate_must_bear(named_kubelet: Kubelet, ca_file: Path) -> None:
    assert client_of(named_kubelet, ca_file, server_name="node-1").fetch("/", 5) == b"hello"
    with pytest.raises(KubeletUntrusted):
        client_of(named_kubelet, ca_file).fetch("/", 5)
    with pytest.raises(KubeletUntrusted):
        client_of(named_kubelet, ca_file, server_name="node-2").fetch("/", 5)


def test_a_ca_file_that_is_none_is_named(kubelet: Kubelet, tmp_path: Path) -> None:
    empty = tmp_path / "empty.crt"
    empty.write_text("")
    for path in (empty, tmp_path / "absent.crt"):
        with pytest.raises(KubeletUntrusted, match="KUBELET_CA_FILE") as raised:
            client_of(kubelet, path).fetch("/", 5)
        assert raised.value.reason == "ca_file"


def test_no_tls_at_the_port(ca_file: Path) -> None:
    plain = Kubelet(None)
    try:
        with pytest.raises(KubeletUntrusted, match=r"no TLS .*KUBELET_URL") as raised:
            client_of(plain, ca_file).fetch("/", 5)
        assert raised.value.reason == "tls"
    finally:
        plain.stop()


def test_nobody_listens(ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(KubeletUnreachable, match=r"no connection .*KUBELET_URL") as raised:
        KubeletClient(f"https://127.0.0.1:{port}", ca_file, None).fetch("/", 5)
    assert (raised.value.stage, raised.value.reason) == ("connect", "unreachable")


@pytest.mark.parametrize(
    ("status", "path", "says"),
    [
        ("401 Unauthorized", "/stats/summary", "KUBELET_TOKEN_FILE"),
        ("403 Forbidden", "/stats/summary?only_cpu_and_memory=true", "`get` `nodes/stats`"),
        ("403 Forbidden", "/metrics/cadvisor", "`get` `nodes/metrics`"),
        ("500 Internal Server Error", "/stats/summary", "expected 200"),
        ("302 Found", "/stats/summary", "expected 200"),
    ],
)
def test_another_status_says_what_is_missing(
    kubelet: Kubelet, ca_file: Path, status: str, path: str, says: str
) -> None:
    kubelet.handler = respond(b"no", status)
    with pytest.raises(KubeletRefused) as raised:
        client_of(kubelet, ca_file).fetch(path, 5)

    assert says in str(raised.value)
    assert raised.value.status == int(status[:3])
    assert (raised.value.stage, raised.value.reason) == ("read", f"http_{status[:3]}")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
def test_a_body_that_is_cut_off_is_no_body(kubelet: Kubelet, ca_file: Path, answer: bytes) -> None:
    kubelet.handler = lambda connection, head: connection.sendall(answer)
    with pytest.raises(KubeletBodyError, match="cut off"):
        client_of(kubelet, ca_file).fetch("/", 5)


def test_chunked_body_is_whole(kubelet: Kubelet, ca_file: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n5\r\n more\r\n0\r\n\r\n"
    kubelet.handler = lambda connection, head: connection.sendall(answer)

    assert client_of(kubelet, ca_file).fetch("/", 5) == b"half more"


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ],
)
def test_a_kubelet_that_drips_is_cut_at_the_deadline(kubelet: Kubelet, ca_file: Path, beginning: bytes) -> None:
    """A byte now and then keeps every single read within its timeout: only a deadline for the whole ends it."""

    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(beginning)
        while not kubelet.stopping.wait(DRIP_SECONDS):
            connection.sendall(b"x" if beginning else b"")

    kubelet.handler = drip
    begin = time.monotonic()
    with pytest.raises(KubeletTimeout, match=r"no complete answer within 0\.5 s"):
        client_of(kubelet, ca_file).fetch("/", 0.5)
    assert time.monotonic() - begin < 3


def test_a_port_that_accepts_and_says_nothing(ca_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = KubeletClient(f"https://127.0.0.1:{listener.getsockname()[1]}", ca_file, None)
        begin = time.monotonic()
        with pytest.raises(KubeletTimeout):
            client.fetch("/", 0.4)
    assert time.monotonic() - begin < 3
