"""The clock process: `python -m schedules.runner`. It works whether or not Prefect does, and waits for its database."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import SQLAlchemyError

from schedules.guard import Guard
from schedules.jobs import HEARTBEAT_EVERY, JOBS, Clockwork, heartbeat
from services.adapters import lifeline
from services.adapters.heartbeat import farewell
from services.adapters.prefect import PrefectOrchestrator
from services.adapters.smtp import SmtpMailer
from services.errors import SetupError
from services.messages.dispatch import LOOK_EVERY, Dispatcher
from services.messages.wake import Listener, Waker
from services.settings import Settings, load_settings
from services.store import migrate
from services.store.clock import StoreClock, SystemClock
from services.store.transaction import Store

log = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that running jobs may take to finish when the clock is told to stop."""
RETRY = 1.0


class Clock:
    """Everything that the clock process does, until it is told to stop.

    Args:
        settings: the installation's.
        store: left out, it is opened at the settings' database.
    """

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self._store = store or _open_store(settings)
        self._orchestrator = PrefectOrchestrator(settings)
        self._mailer = SmtpMailer.from_settings(settings)
        self._dispatcher = Dispatcher(self._store, self._mailer, settings)
        self._listener = Listener(settings.required_database_url())
        self._waker = Waker(settings.required_database_url())
        self._store.wake = self._waker.wake
        work = Clockwork(self._store, settings, self._orchestrator)
        self._jobs = [(job, Guard(job.name, _bound(job.run, work))) for job in JOBS]
        self._dispatching = Guard("dispatch", self._dispatcher.tick)
        self._beating = Guard("heartbeat", lambda: heartbeat(self._store, self._says))
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then let running jobs finish.

        Raises:
            SetupError: the database is not of this release.
        """
        try:
            if not await self._wait_for_database(stop):
                return
            self._schedule()
            self._scheduler.start()
            await self._dispatch(stop)
            await self._finish()
        finally:
            await self._close()

    async def _wait_for_database(self, stop: asyncio.Event) -> bool:
        said = False
        while not stop.is_set():
            try:
                await migrate.require_head(self._store.engine)
            except (SQLAlchemyError, OSError) as error:
                if not said:
                    log.error("the clock waits for the database: %s", error)  # noqa: TRY400 - once, and no fault of ours
                said = True
            else:
                return True
            await _wait(stop, RETRY)
        return False

    def _schedule(self) -> None:
        now = datetime.now(UTC)
        for job, guard in self._jobs:
            first = now + timedelta(seconds=job.after)
            self._scheduler.add_job(guard.once, "interval", seconds=job.every, next_run_time=first, id=job.name)
        self._scheduler.add_job(
            self._beating.once, "interval", seconds=HEARTBEAT_EVERY, next_run_time=now, id=self._beating.name
        )

    async def _dispatch(self, stop: asyncio.Event) -> None:
        """Send what is due whenever a commit wakes us, and every second anyway."""
        while not stop.is_set():
            sending = asyncio.create_task(self._dispatching.once())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({sending, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not sending.done():
                await asyncio.wait({sending}, timeout=GRACE)
                sending.cancel()  # its messages are leased: another dispatcher sends them when the lease is over
            elif sending.result():
                await self._listener.wait(LOOK_EVERY, stop=stop)
            else:
                await _wait(stop, RETRY)

    async def _finish(self) -> None:
        self._scheduler.pause()
        running = {guard.task for guard in self._guards() if guard.task is not None}
        if running:
            await asyncio.wait(running, timeout=GRACE)
        self._scheduler.shutdown(wait=False)
        try:
            async with self._store.transaction() as tx:
                await farewell(tx, "clock")
        except (SQLAlchemyError, OSError):
            log.warning("the clock ends without a word to the database, which does not answer")

    async def _close(self) -> None:
        await self._waker.close()
        await self._listener.close()
        if self._mailer is not None:
            await self._mailer.close()
        await self._orchestrator.close()
        await self._store.close()

    def _guards(self) -> list[Guard]:
        return [guard for _, guard in self._jobs] + [self._dispatching, self._beating]

    def _says(self) -> dict[str, object]:
        return {"jobs": {guard.name: guard.says() for guard in self._guards()}}


def _bound(run: Callable[[Clockwork], Awaitable[None]], work: Clockwork) -> Callable[[], Awaitable[None]]:
    return lambda: run(work)


def _open_store(settings: Settings) -> Store:
    clock = StoreClock() if settings.clock == "store" else SystemClock()
    return Store(settings.required_database_url(), clock=clock, pool_size=11, application_name="guantong-clock")


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


async def run_clock(settings: Settings) -> None:
    """Run a clock until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Clock(settings).run(stop)


def main() -> int:
    """Run the clock; return the process's exit code."""
    lifeline.watch()
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        for noisy in ("apscheduler", "alembic", "httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        asyncio.run(run_clock(settings))
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - one sentence for whoever started it
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
