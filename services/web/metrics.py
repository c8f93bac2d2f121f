"""`/metrics` for Prometheus: how this process answers, and whether what is due gets done.

Whoever runs the installation shows its secret (`GUANTONG_METRICS_TOKEN`) and gets the numbers of all bureaus together and
of this process. A bureau's administrator shows a token with the scope `metrics` and gets their bureau's numbers only. No
bureau, person or case stands in any label. One of the two is asked for also on loopback, because behind a reverse proxy
on the same machine every visitor comes from there.
"""

from __future__ import annotations

from secrets import compare_digest
from time import perf_counter
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.errors import ForbiddenError, NotSignedInError
from services.messages.outbox import Lateness, alarm_lateness, message_lateness
from services.people.access import may_use_scopes, require
from services.store.transaction import Tx
from services.web import errors
from services.web.api.callers import reader_of, store_of

router = APIRouter(include_in_schema=False)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ELSEWHERE = "(none)"
"""The route of what met no route: an address that somebody tries is no label."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATES = ("dead", "no-address")
UNDELIVERED = " UNION ALL ".join(
    f"SELECT '{state}' AS state, count(*) AS n FROM bureau b JOIN message m ON m.bureau_id = b.id AND m.state = '{state}'"  # noqa: S608 - constant parts
    " AND m.created_at > $1::timestamptz - interval '30 days' WHERE $2::uuid IS NULL OR b.id = $2"
    for state in STATES
)
SEASONS = """
SELECT state, count(*) AS n, count(*) FILTER (WHERE lease_until < clock_timestamp()) AS expired,
    count(*) FILTER (WHERE opens_at <= $1 AND flow_run_id IS NULL) AS uncarried
FROM season WHERE state IN ('planned', 'running') AND ($2::uuid IS NULL OR bureau_id = $2) GROUP BY state
"""
BEATS = "SELECT kind, extract(epoch FROM clock_timestamp() - max(at))::float8 AS age FROM heartbeat GROUP BY kind"


class Meter:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "guantong_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "guantong_http_request_seconds",
            "Time until a request was answered.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request by its route's template."""
        route = route_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)


def route_of(scope: Scope) -> str:
    """Return the template of the route that a request met."""
    route: Any = scope.get("route")
    path = getattr(route, "path", None)
    if path:
        return str(path)
    return "/static" if scope["path"].startswith("/static/") else ELSEWHERE


class Metered:
    """Counts and times every request; plain ASGI, outermost, so that refusals count too."""

    def __init__(self, app: ASGIApp, *, meter: Meter) -> None:
        self.app = app
        self.meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            self.meter.note(scope, status, perf_counter() - begun)


def install(app: FastAPI) -> None:
    """Count what the application answers."""
    app.state.meter = Meter()
    app.add_middleware(Metered, meter=app.state.meter)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return the bureau's lateness; for the installation's secret that of all bureaus, and this process's counters."""
    facts, whole = CollectorRegistry(), _shows_secret(request)
    try:
        async with store_of(request).transaction() as tx:
            bureau_id = None if whole else await _bureau_of(tx, request)
            await _gauge(tx, facts, bureau_id)
            if whole:
                await _beats(tx, facts)
    except (NotSignedInError, ForbiddenError) as error:
        return errors.problem(request, error)  # a scraper is no browser that could be sent to sign in
    counted = generate_latest(request.app.state.meter.registry) if whole else b""
    return Response(counted + generate_latest(facts), media_type=CONTENT_TYPE_LATEST)


async def _bureau_of(tx: Tx, request: Request) -> UUID:
    """Return the bureau of the token's person, who must be its administrator today, not only when it was made."""
    reader = await reader_of(tx, request, "metrics")
    require(may_use_scopes(reader, ["metrics"]))
    return reader.bureau_id


def _shows_secret(request: Request) -> bool:
    """Tell whether the request carries the installation's secret; nobody's does where none is set."""
    secret = request.app.state.settings.metrics_token
    given = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
    return secret is not None and compare_digest(given, b"Bearer " + secret.get_secret_value().encode())


async def _gauge(tx: Tx, registry: CollectorRegistry, bureau_id: UUID | None) -> None:
    _late(registry, "alarms", "Alarms that are due and not yet dealt with.", await alarm_lateness(tx, bureau_id))
    _late(registry, "messages", "Messages that are due and not yet sent.", await message_lateness(tx, bureau_id))
    messages = Gauge("guantong_messages", "Messages of the last 30 days by state.", ("state",), registry=registry)
    for row in await tx.rows(UNDELIVERED, (tx.now, bureau_id)):
        messages.labels(row["state"]).set(row["n"])
    await _seasons(tx, registry, bureau_id)


async def _beats(tx: Tx, registry: CollectorRegistry) -> None:
    beats = Gauge(
        "guantong_heartbeat_age_seconds",
        "Since the last sign of life of any process of a kind.",
        ("kind",),
        registry=registry,
    )
    for row in await tx.rows(BEATS):
        beats.labels(row["kind"]).set(row["age"])


def _late(registry: CollectorRegistry, name: str, text: str, late: Lateness) -> None:
    Gauge(f"guantong_{name}_due", f"{text} Stops at 1,000.", registry=registry).set(late.count)
    oldest = Gauge(
        f"guantong_{name}_oldest_seconds", "For how long the oldest of them has been due.", registry=registry
    )
    oldest.set(late.oldest)


async def _seasons(tx: Tx, registry: CollectorRegistry, bureau_id: UUID | None) -> None:
    rows = {row["state"]: row for row in await tx.rows(SEASONS, (tx.now, bureau_id))}
    counted = Gauge("guantong_seasons", "Unfinished seasons by state.", ("state",), registry=registry)
    for state in ("planned", "running"):
        counted.labels(state).set(rows[state]["n"] if state in rows else 0)
    for name, text in (
        ("expired", "Seasons whose run has stopped renewing its lease."),
        ("uncarried", "Seasons that have opened and have no run."),
    ):
        Gauge(f"guantong_seasons_{name}", text, registry=registry).set(sum(row[name] for row in rows.values()))
