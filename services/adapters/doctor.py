"""What works and what does not: one line per thing, read by a person or, as JSON, by a monitor. It changes nothing."""

from __future__ import annotations

import asyncio
import json
import platform
import shutil
import smtplib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import asyncpg
from chinese_calendar import constants

from services.adapters import prefect_server
from services.adapters.data_folder import DataFolder
from services.adapters.keys import SHEET, load_keys
from services.adapters.postgres import running_url
from services.errors import SetupError
from services.i18n import N_, Message
from services.settings import Settings
from services.store import migrate

Level = Literal["ok", "warn", "fail"]
TIMEOUT = 5.0
OLDEST_HEARTBEAT = 30.0
PYTHONS = ((3, 11), (3, 13))
OLDEST_POSTGRES = 15


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and the sentence that says so."""

    thing: str
    level: Level
    words: Message


def ok(thing: str, message: str, **values: object) -> Finding:
    """Return that it works."""
    return Finding(thing, "ok", Message(message, values))


def warn(thing: str, message: str, **values: object) -> Finding:
    """Return that it works, but somebody should look."""
    return Finding(thing, "warn", Message(message, values))


def fail(thing: str, message: str, **values: object) -> Finding:
    """Return that it does not work."""
    return Finding(thing, "fail", Message(message, values))


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; a thing that cannot even be looked at is a finding too."""
    url = settings.database_url.get_secret_value() if settings.database_url else running_url(settings.home)
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", _python),
        ("data folder", lambda: _data_folder(settings)),
        ("disk", lambda: _disk(settings)),
        ("key", lambda: _key(settings)),
        ("database", lambda: _database(url)),
        ("schema", lambda: _schema(url)),
        ("web", lambda: _web(settings)),
        ("clock", lambda: _clock(settings, url)),
        ("prefect", lambda: _prefect(settings)),
        ("worker", lambda: _worker(settings)),
        ("mail", lambda: _mail(settings)),
        ("calendar", _calendar),
    ]
    for thing, check in checks:
        try:
            yield check()
        except SetupError as error:
            yield Finding(thing, "fail", Message(error.template, error.details))
        except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
            yield Finding(thing, "fail", Message(str(error) or type(error).__name__))


def _python() -> Finding:
    found = platform.python_version()
    if PYTHONS[0] <= tuple(int(part) for part in platform.python_version_tuple()[:2]) <= PYTHONS[1]:
        return ok("python", N_("Python {found}"), found=found)
    return warn("python", N_("Python {found}; tried are 3.11 to 3.13"), found=found)


def _data_folder(settings: Settings) -> Finding:
    folder = DataFolder(settings.home)
    marker = folder.marker()
    if marker is None:
        return warn("data folder", N_("{folder} is empty; “guantong up” sets it up"), folder=settings.home)
    if folder.is_held():
        return ok("data folder", N_("{folder} ({kind}), in use"), folder=settings.home, kind=marker.kind)
    return warn("data folder", N_("{folder} ({kind}); nothing runs on it"), folder=settings.home, kind=marker.kind)


def _disk(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free // 1_000_000
    if free < settings.minimum_free_mb:
        return fail(
            "disk", N_("{free} MB left; at least {needed} MB are needed"), free=free, needed=settings.minimum_free_mb
        )
    return ok("disk", N_("{free} MB left"), free=free)


def _key(settings: Settings) -> Finding:
    keys = load_keys(settings.key_folder)
    if (settings.key_folder / SHEET).exists() and settings.clock == "system":
        return warn(
            "key",
            N_("{file} is still there: print it, put it into a safe, delete it"),
            file=settings.key_folder / SHEET,
        )
    return ok(
        "key", N_("{folder}, fingerprint {fingerprint}"), folder=settings.key_folder, fingerprint=keys.fingerprint
    )


def _database(url: str | None) -> Finding:
    if url is None:
        return fail("database", N_("the embedded PostgreSQL does not run"))
    version = str(_query(url, "SHOW server_version"))
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_POSTGRES:
        return fail("database", N_("PostgreSQL {version}; at least 15 is needed"), version=version)
    return ok("database", N_("PostgreSQL {version}"), version=version)


def _schema(url: str | None) -> Finding:
    if url is None:
        return fail("schema", N_("not seen: there is no database"))
    found, wanted = asyncio.run(migrate.current(url)), migrate.head()
    if found != wanted:
        return fail("schema", N_("{found}, but this release needs {wanted}"), found=found or "-", wanted=wanted)
    return ok("schema", N_("{found}, up to date"), found=found)


def _web(settings: Settings) -> Finding:
    address = f"http://{_reachable(settings.host)}:{settings.port}"
    if prefect_server.answers_http(f"{address}/healthz", timeout=TIMEOUT):
        return ok("web", N_("{address} answers"), address=address)
    return fail("web", N_("{address} does not answer"), address=address)


def _clock(settings: Settings, url: str | None) -> Finding:
    if url is None:
        return fail("clock", N_("not seen: there is no database"))
    beat = _query(url, _HEARTBEAT) if _query(url, "SELECT to_regclass('public.heartbeat')") else None
    kind = settings.clock
    if not isinstance(beat, datetime):
        return fail("clock", N_("has never beaten (kind: {kind})"), kind=kind)
    age = (datetime.now(UTC) - beat).total_seconds()
    if age > OLDEST_HEARTBEAT:
        return fail("clock", N_("last beat {age:.0f} s ago (kind: {kind})"), age=age, kind=kind)
    return ok("clock", N_("last beat {age:.0f} s ago (kind: {kind})"), age=age, kind=kind)


def _prefect(settings: Settings) -> Finding:
    address = prefect_server.api_url(settings)
    if prefect_server.answers(settings, timeout=TIMEOUT):
        return ok("prefect", N_("{address} answers"), address=address)
    return fail("prefect", N_("{address} does not answer; nothing is lost meanwhile, seasons wait"), address=address)


def _worker(settings: Settings) -> Finding:
    workers = prefect_server.workers(settings, timeout=TIMEOUT)
    online = [name for name, status in workers if status == "ONLINE"]
    if not online:
        return fail("worker", N_("no worker of pool {pool} is online"), pool=prefect_server.POOL)
    return ok("worker", N_("online: {names}"), names=", ".join(online))


def _mail(settings: Settings) -> Finding:
    if settings.smtp_host is None:
        return warn("mail", N_("no mail server is set (GUANTONG_SMTP_HOST); messages wait"))
    server = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        _greet(settings)
    except (smtplib.SMTPException, OSError) as error:
        return fail("mail", N_("{server}: {words}"), server=server, words=str(error))
    return ok("mail", N_("{server} answers"), server=server)


def _greet(settings: Settings) -> None:
    host, port = settings.smtp_host or "", settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(host, port, timeout=TIMEOUT)
    with smtp:
        if settings.smtp_tls == "starttls":
            smtp.starttls(context=context)
        if settings.smtp_username and settings.smtp_password:
            smtp.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        smtp.noop()


def _calendar() -> Finding:
    last = max(day.year for day in constants.holidays)
    this = datetime.now(UTC).year
    if last < this + 1:
        return warn("calendar", N_("workdays are known up to {last}; later dates are provisional"), last=last)
    return ok("calendar", N_("workdays are known up to {last}"), last=last)


_HEARTBEAT = "SELECT max(at) FROM heartbeat WHERE kind = 'clock'"


def _query(url: str, statement: str) -> Any:
    async def ask() -> Any:
        plain = url.replace("postgresql+asyncpg://", "postgresql://")
        connection = await asyncpg.connect(plain, timeout=TIMEOUT)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  read, not bound


def report(findings: list[Finding], locale: str) -> str:
    """Return the lines for a person: word, thing, sentence."""
    words = {"ok": N_("ok"), "warn": N_("look"), "fail": N_("FAILS")}
    rows = [(Message(words[f.level]).in_(locale), f.thing, f.words.in_(locale)) for f in findings]
    return "\n".join(f"{word:<6} {thing:<12} {sentence}" for word, thing, sentence in rows)


def as_json(findings: list[Finding]) -> str:
    """Return the same for a monitor."""
    works = not any(f.level == "fail" for f in findings)
    found = [{"thing": f.thing, "level": f.level, "words": str(f.words)} for f in findings]
    return json.dumps({"works": works, "findings": found}, ensure_ascii=False)
