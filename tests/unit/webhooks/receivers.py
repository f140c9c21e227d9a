"""Servers on this machine that answer as they are told, and certificates for names that lead to them."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Serve = Callable[[socket.socket], None]


class Server:
    """Accepts one connection after the other; `seen` has the bytes that came in on each."""

    def __init__(self, serve: "Callable[[Server, socket.socket], None]", tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[bytes] = []
        self.names: list[str | None] = []
        self.stopped = threading.Event()
        self._serve, self._tls = serve, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with socket.create_connection(("127.0.0.1", self.port)):
            pass
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        while True:
            line, _ = self._listener.accept()
            with line:
                if self.stopped.is_set():
                    return
                line.settimeout(10)
                try:
                    self._serve(self, self._wrapped(line))
                except OSError:
                    continue  # the other side went away, as it may

    def _wrapped(self, line: socket.socket) -> socket.socket:
        if self._tls is None:
            return line
        self._tls.sni_callback = lambda _line, name, _context: self.names.append(name)
        return self._tls.wrap_socket(line, server_side=True)


def read_request(line: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += line.recv(65536) or _closed()
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length"))
    while len(body) < length:
        body += line.recv(65536) or _closed()
    return head + b"\r\n\r\n" + body


def _closed() -> bytes:
    raise ConnectionResetError


def answering(raw: bytes) -> Callable[[Server, socket.socket], None]:
    def serve(server: Server, line: socket.socket) -> None:
        server.seen.append(read_request(line))
        line.sendall(raw)
        line.close()

    return serve


def dripping(first: bytes, drop: bytes, seconds: float) -> Callable[[Server, socket.socket], None]:
    """Never idle, never done."""

    def serve(server: Server, line: socket.socket) -> None:
        server.seen.append(read_request(line))
        line.sendall(first)
        while not server.stopped.wait(seconds):
            line.sendall(drop)

    return serve


def silent(server: Server, line: socket.socket) -> None:
    server.seen.append(read_request(line))
    server.stopped.wait(10)


@contextmanager
def authority(folder: Path, *names: str) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """A certificate for the names, as a server has it, and what a client that trusts its maker has."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(pem))
    server.load_cert_chain(pem)
    yield server, client
