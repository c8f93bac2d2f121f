"""Keys built from stable ids, so that what comes twice is recognisable as the same."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID


def message_key(message_id: UUID) -> str:
    """Return the key of a message: the same for every attempt to send it."""
    return f"m.{message_id}"


def message_id_header(key: str, public_url: str) -> str:
    """Return the Message-ID of the message with this key."""
    return f"<{key}@{mail_host(public_url)}>"


def calendar_uid(task_id: UUID, public_url: str) -> str:
    """Return the UID of the calendar entry for a task's deadline: a later entry of the same UID replaces it."""
    return f"task.{task_id}@{mail_host(public_url)}"


def mail_host(public_url: str) -> str:
    """Return the host of the public address in the ASCII form that mail headers take."""
    host = urlsplit(public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return "localhost"
