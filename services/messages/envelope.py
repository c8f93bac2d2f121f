"""From words to a mail that can be handed over: headers that nobody can inject into, text, HTML, calendar file."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, compat32

from services.errors import InvalidInputError
from services.messages.render import Rendered
from services.messages.words import one_line

TEXT, HTML = 'text/plain; charset="utf-8"', 'text/html; charset="utf-8"'
CALENDAR = 'text/calendar; method="PUBLISH"; charset="utf-8"'


PLAIN = compat32.clone(linesep="\r\n")


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
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=one_line(envelope.sender_name, 100), addr_spec=envelope.sender)
    mail["To"] = _recipient(envelope)
    mail["Subject"] = one_line(rendered.subject)
    mail["Date"] = at
    mail["Message-ID"] = envelope.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["MIME-Version"] = "1.0"
    words = (_part(TEXT, rendered.text.encode()), _part(HTML, rendered.html.encode()))
    if calendar is None:
        mail["Content-Type"] = _multipart("alternative")
        for part in words:
            mail.attach(part)
        return mail
    mail["Content-Type"] = _multipart("mixed")
    both = EmailMessage(policy=PLAIN)
    both["Content-Type"] = _multipart("alternative")
    for part in words:
        both.attach(part)
    attached = _part(CALENDAR, calendar)
    attached["Content-Disposition"] = 'attachment; filename="deadline.ics"'
    mail.attach(both)
    mail.attach(attached)
    return mail


def _multipart(kind: str) -> str:
    """Return the content type of parts. No base64 has an underscore, so the boundary stands in none of them."""
    return f'multipart/{kind}; boundary="=_{kind}_="'


def _part(content_type: str, content: bytes) -> EmailMessage:
    """Return a part as base64, so that every server on the way passes it on unchanged.

    Parts have no header of foreign words, so they do without the parsing that the mail gives each of its headers:
    that took half of the time of sending a mail.
    """
    part = EmailMessage(policy=PLAIN)
    part["Content-Type"] = content_type
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode("ascii"))
    return part


def _recipient(envelope: Envelope) -> Address:
    try:
        address = Address(display_name=one_line(envelope.recipient_name, 100), addr_spec=envelope.recipient)
    except (ValueError, IndexError, MessageError):
        raise AddressError(address=envelope.recipient) from None
    if not address.domain or not envelope.recipient.isascii() or any(c.isspace() for c in envelope.recipient):
        raise AddressError(address=envelope.recipient)
    return address
