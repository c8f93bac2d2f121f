"""Passwords are hashed a few at a time; who waits holds no connection, and a long queue is refused."""

import asyncio

from services.store.transaction import Store
from services.web.turns import Turns
from tests.web.conftest import Browser

WAYS = ("/sign-in", "/activate")


async def test_waiting_holds_no_connection_and_a_long_queue_is_refused(app, store: Store, browser: Browser):
    app.state.turns = Turns(1, 1)
    await browser.get("/sign-in")
    for path in WAYS:
        async with app.state.turns.take():
            waits = asyncio.create_task(browser.post(path, {"login": "a", "password": "b"}))
            while app.state.turns._here < 2:  # noqa: ASYNC110 - it has no event of its own
                await asyncio.sleep(0)
            assert store.engine.pool.checkedout() == 0, path
            refused = await browser.post(path, {"login": "a", "password": "b"})
            assert refused.status_code == 503
            assert not waits.done()
        assert (await waits).status_code in {401, 422}
        assert app.state.turns._here == 0


async def test_a_slow_body_takes_no_turn(app, browser: Browser):
    app.state.turns = Turns(1, 0)
    await browser.get("/sign-in")
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow():
        begun.set()
        await go.wait()
        yield b"csrf="

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = asyncio.create_task(browser.http.post("/sign-in", content=slow(), headers=kind))
    await begun.wait()
    assert app.state.turns._here == 0
    go.set()
    assert (await sent).status_code == 403
