"""Real SMTP servers for tests, on loopback: one that takes everything, and ones that misbehave.

    server = RecordingServer(); server.start()  …  server.received  …  server.stop()

`mode` may be changed while it runs; it holds for every following mail (or, with `times`, for so many of them).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Mode = Literal["accept", "421", "450", "550", "drop-after-data", "lose-250", "slow"]
"""accept; 421: closes the service at DATA; 450 and 550: refuses the recipient for now or for good; drop-after-data: cuts
the connection after DATA without having taken the mail; lose-250: takes the mail, then cuts; slow: answers `delay`
seconds after DATA."""


@dataclass
class Received:
    """A mail that the server took."""

    sender: str
    recipients: list[str]
    mail: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.mail["Message-ID"])

    def part(self, media_type: str) -> str:
        """Return the text of the first part of this type."""
        part = next(part for part in self.mail.walk() if part.get_content_type() == media_type)
        content = cast("EmailMessage", part).get_content()
        return content if isinstance(content, str) else content.decode()

    @property
    def text(self) -> str:
        return self.part("text/plain")

    @property
    def html(self) -> str:
        return self.part("text/html")

    @property
    def calendar(self) -> str | None:
        has = any(part.get_content_type() == "text/calendar" for part in self.mail.walk())
        return self.part("text/calendar") if has else None


@dataclass
class Behaviour:
    """The handler: what the server does with each mail."""

    mode: Mode = "accept"
    delay: float = 1.0
    times: int | None = None
    received: list[Received] = field(default_factory=list)
    refused: int = 0
    sessions: set[int] = field(default_factory=set)
    signed_in: list[str] = field(default_factory=list)

    def _mode(self) -> Mode:
        if self.mode == "accept":
            return "accept"
        if self.times is not None:
            if self.times == 0:
                return "accept"
            self.times -= 1
        self.refused += 1
        return self.mode

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mode in {"450", "550"} and (mode := self._mode()) != "accept":
            return {"450": "450 4.2.1 mailbox busy", "550": "550 5.1.1 no such person here"}[mode]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.sessions.add(id(session))
        mode = self._mode()
        if mode == "421":
            asyncio.get_running_loop().call_soon(server.transport.close)
            return "421 4.3.2 service shuts down"
        if mode == "drop-after-data":
            server.transport.abort()
            return "250 never seen"
        if mode == "slow":
            await asyncio.sleep(self.delay)
        mail = cast("EmailMessage", message_from_bytes(cast("bytes", envelope.content), policy=cast("Any", default)))
        self.received.append(Received(str(envelope.mail_from), list(envelope.rcpt_tos), mail))
        if mode == "lose-250":
            server.transport.abort()
        return "250 taken"


class RecordingServer(Behaviour):
    """An SMTP server in a thread of its own, on a free port of loopback."""

    def __init__(
        self,
        *,
        tls: Literal["none", "starttls", "tls"] = "none",
        certificate: ssl.SSLContext | None = None,
        account: tuple[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        super().__init__()
        self._account = account
        arguments: dict[str, Any] = {"enable_SMTPUTF8": True, "ident": "test"}
        if account is not None:
            arguments |= {
                "authenticator": self._authenticate,
                "auth_required": True,
                "auth_require_tls": tls == "starttls",
            }
        if tls == "starttls":
            arguments |= {"tls_context": certificate, "require_starttls": True}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=port or free_port(),
            ssl_context=certificate if tls == "tls" else None,
            **arguments,
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = (data.login.decode(), data.password.decode()) == self._account
        if right:
            self.signed_in.append(data.login.decode())
        return AuthResult(success=right, handled=right)

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def wait_for(self, count: int, *, seconds: float = 20) -> list[Received]:
        """Return what was received once it is at least `count` mails."""
        end = time.monotonic() + seconds
        while len(self.received) < count:
            if time.monotonic() > end:
                raise AssertionError(f"{len(self.received)} of {count} mails came within {seconds} s")
            threading.Event().wait(0.02)
        return self.received


@contextmanager
def smtp_server(**arguments: Any) -> Iterator[RecordingServer]:
    """Run a server while the block runs."""
    server = RecordingServer(**arguments)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1; return the server's context and one for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "smtp.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=certificate.public_bytes(serialization.Encoding.PEM).decode())
    return server, client
