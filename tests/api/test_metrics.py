"""What Prometheus is told, and who may ask."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.api.conftest import METRICS, Client, Installation, installed
from tests.api.stories import dead_message
from tests.conftest import START, move_clock


async def gauges(installation: Installation, secret: str = METRICS) -> dict[str, float]:
    answer = await Client(installation.stranger().http, secret).get("/metrics")
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_only_a_token_for_metrics_opens_them(installation: Installation):
    assert (await installation.stranger().get("/metrics")).status_code == 401
    assert (await (await installation.client("administrator", "read")).get("/metrics")).status_code == 403
    for wrong in ("", METRICS[:-1], METRICS + "x", "gt_" + METRICS):
        assert (await Client(installation.stranger().http, wrong).get("/metrics")).status_code == 401, wrong
    strange = {"Authorization": b"Bearer \xe9"}
    assert (await installation.stranger().http.get("/metrics", headers=strange)).status_code == 401


async def test_who_is_no_administrator_any_more_is_told_nothing(installation: Installation):
    client = await installation.client("administrator", "metrics")
    assert (await client.get("/metrics")).status_code == 200
    async with installation.store.engine.begin() as connection:
        await connection.execute(text("UPDATE appointment SET ends_on = '2020-01-01', starts_on = '2019-01-01'"))
    assert (await client.get("/metrics")).status_code == 403


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


async def test_a_bureaus_token_is_told_of_its_bureau_and_of_no_process(two: Installation):
    ours, theirs = (two.worlds[code] for code in TWO)
    await move_clock(two.store, START + timedelta(days=20))
    await dead_message(theirs, "math-chief")
    async with two.store.engine.begin() as connection:
        await connection.execute(text("INSERT INTO heartbeat VALUES ('c1', 'clock', clock_timestamp(), '{}')"))
        await connection.execute(
            text("UPDATE alarm SET next_at = NULL WHERE bureau_id = :ours"), {"ours": ours.bureau_id}
        )
        await connection.execute(
            text("UPDATE season SET state = 'completed' WHERE bureau_id = :ours"), {"ours": ours.bureau_id}
        )
    found = {}
    for world in (ours, theirs):
        client = await two.client("administrator", world=world)
        found[world.bureau_id] = await gauges(two, client.token)
    whole = await gauges(two)
    counted = ("guantong_alarms_due", 'guantong_messages{state="dead"}', 'guantong_seasons{state="running"}')
    assert [found[ours.bureau_id][name] for name in counted] == [0, 0, 0]
    assert all(found[theirs.bureau_id][name] > 0 for name in counted)
    assert [whole[name] for name in counted] == [found[theirs.bureau_id][name] for name in counted]
    for told in found.values():
        assert not any("http" in name or "heartbeat" in name for name in told)
    assert any("http_requests" in name for name in whole)
    assert 'guantong_heartbeat_age_seconds{kind="clock"}' in whole


TWO = ("qd", "jn")


@pytest.fixture
async def two(database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(database_url, tmp_path, *TWO) as installation:
        yield installation
