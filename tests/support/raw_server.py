"""A server on 127.0.0.1 that answers with the very bytes that a test says, faults of the network among them."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Act(Enum):
    """What a server does beside sending."""

    CLOSE = auto()
    RESET = auto()
    STALL = auto()
    """It says nothing until the client is gone."""


Steps = Sequence[bytes | Act]
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class RawServer:
    port: int
    script: list[Steps] = field(default_factory=list)
    """The answers to the next requests, one after the other; the last one is given ever after."""
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    """Set once it closed one."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_steps(self) -> Steps:
        with self.lock:
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@contextmanager
def raw_server(context: ssl.SSLContext | None = None, *, shakes_hands: bool = True) -> Iterator[RawServer]:
    """`context`: its own for TLS; not `shakes_hands`, it takes connections and says nothing."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = RawServer(listening.getsockname()[1])
    open_ones: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                one, _ = listening.accept()
                server.connections += 1
                open_ones.append(one)
                if shakes_hands:
                    threading.Thread(target=serve, args=(one,), daemon=True).start()

    def serve(one: socket.socket) -> None:
        # A socket that is wrapped only after the server ended is closed by nobody else.
        with suppress(OSError), ExitStack() as stack:
            stack.callback(one.close)
            if context is not None:
                one = context.wrap_socket(one, server_side=True, do_handshake_on_connect=False)
                stack.callback(one.close)
                open_ones.append(one)
                one.do_handshake()
            while (request := _request(one)) is not None:
                server.requests.append(request)
                if not _do(one, server.next_steps()):
                    server.closed.set()
                    return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for one in open_ones:
            with suppress(OSError):
                one.close()


def _request(one: socket.socket) -> bytes | None:
    got = b""
    while b"\r\n\r\n" not in got:
        if not (more := one.recv(65536)):
            return None
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    length = int(lengths[0]) if lengths else 0
    while len(body) < length:
        body += one.recv(65536)
    return head + b"\r\n\r\n" + body


def _do(one: socket.socket, steps: Steps) -> bool:
    """Whether the connection is still open."""
    for step in steps:
        if isinstance(step, bytes):
            one.sendall(step)
            continue
        if step is Act.STALL:
            one.recv(1)
        if step is Act.RESET:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        else:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        one.close()
        return False
    return True


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of a test's own, and a server that it vouches for."""

    bundle: Path
    server: ssl.SSLContext


def authority(folder: Path, host: str = "127.0.0.1") -> Authority:
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {folder.name}")])
    ca = _certificate(ca_name, ca_key.public_key(), ca_name).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = ca.add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    signed = (
        _certificate(subject, key.public_key(), ca_name)
        .add_extension(names, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    bundle, chain = folder / "bundle.pem", folder / "server.pem"
    bundle.write_bytes(authority.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(private + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Authority(bundle, context)


def _certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
