"""From words to a mail that can be handed over: headers that nobody can inject into, text, HTML, calendar file."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from services.errors import InvalidInputError
from services.messages.render import Rendered
from services.messages.words import one_line

SEVEN_BIT = SMTP.clone(cte_type="7bit")
"""Text goes as quoted-printable or base64, so that every server on the way passes it on unchanged."""


class AddressError(InvalidInputError):
    """A person's mail address is none, or none that mail servers take. `details`: address."""

    code, default = "mail-address", "The mail address “{address}” cannot be used."


@dataclass(frozen=True)
class Envelope:
    """Who writes to whom under which Message-ID."""

    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    message_id: str


def build_mail(envelope: Envelope, rendered: Rendered, calendar: bytes | None, *, at: dt.datetime) -> EmailMessage:
    """Return the mail.

    Raises:
        AddressError: the recipient's address cannot stand in a header.
    """
    mail = EmailMessage(policy=SEVEN_BIT)
    mail["From"] = Address(display_name=one_line(envelope.sender_name, 100), addr_spec=envelope.sender)
    mail["To"] = _recipient(envelope)
    mail["Subject"] = one_line(rendered.subject)
    mail["Date"] = at
    mail["Message-ID"] = envelope.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(rendered.text)
    mail.add_alternative(rendered.html, subtype="html")
    if calendar is not None:
        mail.add_attachment(
            calendar,
            maintype="text",
            subtype="calendar",
            filename="deadline.ics",
            params={"method": "PUBLISH", "charset": "utf-8"},
        )
    return mail


def _recipient(envelope: Envelope) -> Address:
    try:
        address = Address(display_name=one_line(envelope.recipient_name, 100), addr_spec=envelope.recipient)
    except (ValueError, IndexError, MessageError):
        raise AddressError(address=envelope.recipient) from None
    if not address.domain or not envelope.recipient.isascii() or any(c.isspace() for c in envelope.recipient):
        raise AddressError(address=envelope.recipient)
    return address
