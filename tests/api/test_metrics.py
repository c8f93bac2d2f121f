"""What Prometheus is told, and who may ask."""

from datetime import timedelta

from sqlalchemy import text

from tests.api.conftest import Installation
from tests.api.stories import dead_message
from tests.conftest import START, move_clock


async def gauges(installation: Installation) -> dict[str, float]:
    answer = await (await installation.client("administrator")).get("/metrics")
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_only_a_token_for_metrics_opens_them(installation: Installation):
    assert (await installation.stranger().get("/metrics")).status_code == 401
    assert (await (await installation.client("administrator", "read")).get("/metrics")).status_code == 403


async def test_alarms_are_late_once_nobody_sweeps(installation: Installation):
    assert (await gauges(installation))["guantong_alarms_due"] == 0
    await move_clock(installation.store, START + timedelta(days=20))
    found = await gauges(installation)
    assert found["guantong_alarms_due"] > 0
    assert 86400 < found["guantong_alarms_oldest_seconds"] < 20 * 86400


async def test_messages_seasons_and_heartbeats_are_told(installation: Installation):
    await dead_message(installation.world, "math-chief")
    async with installation.store.engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO heartbeat VALUES ('c1', 'clock', clock_timestamp() - interval '1 minute', '{}')")
        )
        await connection.execute(
            text("UPDATE message SET state = 'waiting', try_at = clock_timestamp() - interval '9 minutes'")
        )
    await dead_message(installation.world, "physics-chief")
    found = await gauges(installation)
    assert found["guantong_messages_due"] == 1
    assert 540 <= found["guantong_messages_oldest_seconds"] < 600
    assert found['guantong_messages{state="dead"}'] == 1
    assert found['guantong_seasons{state="running"}'] == 1
    assert found["guantong_seasons_uncarried"] == 1
    assert 60 <= found['guantong_heartbeat_age_seconds{kind="clock"}'] < 120


async def test_requests_are_counted_by_template_never_by_address(installation: Installation):
    chief = await installation.client("math-chief")
    for group in ("math", "physics"):
        await chief.get(f"/cases/{installation.world.cases[group]}")
    await chief.get("/cases/nobody-knows-this")
    await chief.get("/no-such-thing")
    found = await gauges(installation)
    template = 'method="GET",route="/api/v1/cases/{case_id}"'
    assert found[f'guantong_http_requests_total{{{template},status="200"}}'] == 1
    assert found[f'guantong_http_requests_total{{{template},status="404"}}'] == 1
    assert found[f'guantong_http_requests_total{{{template},status="422"}}'] == 1
    assert found['guantong_http_requests_total{method="GET",route="(none)",status="404"}'] == 1
    assert found[f"guantong_http_request_seconds_count{{{template}}}"] == 3
