"""The SMTP adapter against real servers: TLS, sign-in, kept connections."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.adapters.smtp import SmtpMailer
from services.ports import Delivery
from services.settings import load_settings
from tests.smtp_servers import free_port, own_certificate, smtp_server


def mail(subject: str = "Plan") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.test", "b@example.test", subject
    message["Message-ID"] = "<1@example.test>"
    message.set_content("text\n")
    return message


async def hand_over(mailer: SmtpMailer, subject: str = "Plan") -> Delivery:
    return await mailer.send(mail(subject), sender="a@example.test", recipients=["b@example.test"])


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd does not see the TLS around it
@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_over_tls_with_sign_in(tmp_path: Path, tls):
    certificate, trusting = own_certificate(tmp_path)
    with smtp_server(tls=tls, certificate=certificate, account=("user", "secret")) as server:
        right = SmtpMailer("127.0.0.1", server.port, tls=tls, username="user", password="secret", tls_context=trusting)
        assert (await hand_over(right)).outcome == "sent"
        await right.close()
        assert server.signed_in == ["user"]
        wrong = SmtpMailer("127.0.0.1", server.port, tls=tls, username="user", password="no", tls_context=trusting)
        refused = await hand_over(wrong)
        assert refused.outcome == "retry"  # the set-up is wrong, not the mail
        assert "535" in refused.words
        untrusting = SmtpMailer("127.0.0.1", server.port, tls=tls, username="user", password="secret")
        assert (await hand_over(untrusting)).outcome == "retry"
        assert len(server.received) == 1


async def test_connections_are_kept_and_few():
    with smtp_server() as server:
        mailer = SmtpMailer("127.0.0.1", server.port, connections=3)
        done = await asyncio.gather(*(hand_over(mailer, f"n{n}") for n in range(30)))
        await mailer.close()
        assert {delivery.outcome for delivery in done} == {"sent"}
        assert len(server.received) == 30
        assert len(server.sessions) <= 3


async def test_a_refused_mail_does_not_spoil_the_connection_for_the_next():
    with smtp_server() as server:
        mailer = SmtpMailer("127.0.0.1", server.port, connections=1)
        assert (await hand_over(mailer)).outcome == "sent"
        server.mode = "550"
        assert await hand_over(mailer) == Delivery("dead", "550 5.1.1 no such person here")
        server.mode = "accept"
        assert (await hand_over(mailer)).outcome == "sent"
        await mailer.close()
        assert len(server.sessions) == 1


async def test_a_kept_connection_that_the_server_dropped_is_made_anew():
    port = free_port()
    with smtp_server(port=port) as first:
        mailer = SmtpMailer("127.0.0.1", port, connections=1)
        assert (await hand_over(mailer)).outcome == "sent"
        assert len(first.received) == 1
    with smtp_server(port=port) as second:
        assert (await hand_over(mailer)).outcome == "sent"
        assert len(second.received) == 1
    assert (await hand_over(mailer)).outcome == "retry"
    await mailer.close()


@pytest.mark.parametrize("mode", ["421", "450", "drop-after-data", "lose-250"])
async def test_what_may_pass_is_tried_again(mode):
    with smtp_server() as server:
        mailer = SmtpMailer("127.0.0.1", server.port, connections=1)
        server.mode, server.times = mode, 1
        assert (await hand_over(mailer)).outcome == "retry"
        assert (await hand_over(mailer)).outcome == "sent"
        await mailer.close()


async def test_a_hand_over_ends_within_the_timeout_whatever_the_server_does():
    with smtp_server() as server:
        server.mode, server.delay = "slow", 0.6
        mailer = SmtpMailer("127.0.0.1", server.port, timeout=0.2)
        loop = asyncio.get_running_loop()
        begin = loop.time()
        delivery = await hand_over(mailer)
        assert loop.time() - begin < 0.5
        assert (delivery.outcome, delivery.words) == ("retry", "no answer within 0.2 s")
        await mailer.close()


def test_settings_without_a_server_give_no_mailer(tmp_path: Path):
    base = {"home": tmp_path / "home", "key_folder": tmp_path / "keys"}
    assert SmtpMailer.from_settings(load_settings({}, **base)) is None
    assert SmtpMailer.from_settings(load_settings({}, **base, smtp_host="h", smtp_sender="a@b.c")) is not None
