"""What `guantong up` and `guantong demo` run: every process of an installation, from the first refusal to the last stop.

Started in this order: PostgreSQL, migrations, web, clock, Prefect server, deployments, worker. The page answers before
Prefect is up, and the clock does not wait for it either: reminders and mail need no Prefect.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from pydantic import SecretStr

from services.adapters import prefect_server
from services.adapters.children import Child, Launcher, last_words
from services.adapters.data_folder import DataFolder, Kind
from services.adapters.keys import load_keys, make_keys
from services.adapters.lifeline import Lifeline
from services.adapters.postgres import STOP_TIMEOUT, EmbeddedPostgres
from services.errors import SetupError
from services.i18n import N_, translate
from services.settings import Settings

TICK = 0.1
END_WITH_PARENT = "GUANTONG_END_WITH_PARENT"
WEB_TIMEOUT = 120.0

Prepare = Callable[[Settings], Awaitable[None]]


@dataclass(frozen=True)
class Plan:
    """What is to be run.

    kind: what the data folder is for. prepare: fills the migrated database before anybody may look (first bureau, demo).
    announce: says, once the page answers, where it is. serve: False stops after `prepare`.
    """

    kind: Kind
    prepare: Prepare
    announce: Callable[[Settings], None]
    fresh: bool = False


class _StopAskedError(BaseException):
    """Ctrl-C or SIGTERM; not an Exception, so that nothing on the way takes it for a failure."""


class Supervisor:
    """Runs one installation until it is told to stop.

    Args:
        settings: as they were read; the children get them with the embedded database's address.
        plan: what is to be run.
    """

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._folder = DataFolder(settings.home)
        self._children: list[Child] = []
        self._launcher = Launcher(self._folder, Lifeline())
        self._flows = _Flows(self)

    def run(self) -> None:
        """Start everything, look after it, and stop it all in reverse order, whatever happens.

        Raises:
            SetupError: it cannot start; nothing is left running.
        """
        if os.environ.pop(END_WITH_PARENT, None):
            threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        with _stop_signals():
            try:
                self._start()
                while True:
                    self._look_after()
            except _StopAskedError:
                self.say(N_("Stopping …"))
            finally:
                self._stop()

    def say(self, message: str, /, **values: object) -> None:
        """Tell the person at the terminal."""
        with contextlib.suppress(OSError):  # the terminal may be gone; the installation goes on
            print(translate(self._settings.locale, message, **values), flush=True)  # noqa: T201  a command's output

    def _start(self) -> None:
        self._claim()
        refuse_taken_ports(self._settings)
        self._start_database()
        self._fill_database()
        self._start_web()
        self._plan.announce(self._settings)
        self.add(self._launcher.module("clock", "schedules.runner", environment=self.environment()))
        if self._settings.prefect_api_url is None:
            self.add(self._launcher.program("prefect", *_PREFECT_SERVER, environment=self.server_environment()))

    def _claim(self) -> None:
        settings, folder = self._settings, self._folder
        if settings.clock == "store" and self._plan.kind == "lasting":
            raise SetupError("GUANTONG_CLOCK is “store”: only a demo may move its clock.")
        folder.hold()
        if self._plan.fresh:
            folder.empty()
        folder.require_space(settings.minimum_free_mb)
        keys = make_keys(settings.key_folder) if folder.marker() is None else load_keys(settings.key_folder)
        folder.claim(self._plan.kind, keys.fingerprint)

    def _start_database(self) -> None:
        if self._settings.database_url is not None:
            return
        server = EmbeddedPostgres(
            self._settings.home, port=self._settings.postgres_port, lifeline=self._launcher.lifeline
        )
        held = self._folder.child_fd
        child = Child("postgres", lambda: server.launch(pass_fds=(held,)), log=server.log, patience=STOP_TIMEOUT)
        self._children.append(child)  # before it runs, so that a failed start is cleared away too
        child.start()
        server.wait_until_ready()
        self._settings = self._settings.model_copy(update={"database_url": SecretStr(server.url)})

    def _fill_database(self) -> None:
        # What was refused above needs neither SQLAlchemy nor Alembic, and need not wait for them.
        from services.adapters.schema import bring_up_to_date  # noqa: PLC0415

        async def fill() -> None:
            await bring_up_to_date(self._settings, say=self.say)
            await self._plan.prepare(self._settings)

        asyncio.run(fill())

    def _start_web(self) -> None:
        settings = self._settings
        arguments = [
            "--factory",
            "--host",
            settings.host,
            "--port",
            str(settings.port),
            "--log-level",
            settings.log_level,
        ]
        arguments += ["--no-server-header", "--timeout-graceful-shutdown", "5"]
        web = self._launcher.module("web", "uvicorn", _WEB_APP, *arguments, environment=self.environment())
        self.add(web)
        deadline = time.monotonic() + WEB_TIMEOUT
        while not _listens(settings.host, settings.port):
            if web.process is None or web.process.poll() is not None or time.monotonic() > deadline:
                raise SetupError("The web page did not start: {words}", words=last_words(self._launcher.log("web")))
            time.sleep(TICK / 2)

    def add(self, child: Child) -> None:
        """Start one more child and look after it from now on."""
        self._children.append(child)
        child.start()

    def environment(self) -> dict[str, str]:
        """Return what our own processes, and flow runs, need to know."""
        return prefect_server.client_environment(self._settings) | self._settings.environment()

    def server_environment(self) -> dict[str, str]:
        """Return what the Prefect server needs to know: nothing of ours."""
        whole = prefect_server.server_environment(self._settings)
        return {key: value for key, value in whole.items() if not key.startswith("GUANTONG_")}

    @property
    def launcher(self) -> Launcher:
        """How children are started here."""
        return self._launcher

    @property
    def settings(self) -> Settings:
        """The settings, with the database's address once it runs."""
        return self._settings

    def _look_after(self) -> None:
        for child in self._children:
            ended = child.check()
            if ended is not None:
                self.say(N_("{name} ended ({code}) and is started again in {delay:.1f} s: {words}"), **vars(ended))
        self._flows.advance()
        time.sleep(TICK)

    def _stop(self) -> None:
        self._flows.stop()
        for child in reversed(self._children):
            child.stop()
        self._launcher.lifeline.close()
        self._folder.release()


class _Flows:
    """Brings up what needs Prefect, step by step and without making anybody wait: deployments first, then the worker."""

    RETRY = 5.0
    PROBE = 0.5

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._registering: subprocess.Popen[bytes] | None = None
        self._next = 0.0
        self._done = False
        self._said = ""

    def advance(self) -> None:
        """Take the next step if its time has come."""
        if self._done or time.monotonic() < self._next:
            return
        if self._registering is not None:
            self._see_registered()
        elif prefect_server.answers(self._supervisor.settings):
            command = ["--", sys.executable, "-c", _REGISTER]
            self._registering = self._supervisor.launcher.spawn("deployments", command, self._supervisor.environment())
        self._next = max(self._next, time.monotonic() + self.PROBE)

    def _see_registered(self) -> None:
        code = self._registering.poll() if self._registering else None
        if code is None:
            return
        self._registering = None
        if code == 0:
            self._start_worker()
            return
        words = last_words(self._supervisor.launcher.log("deployments"))
        if words != self._said:  # tried again and again: said once
            self._supervisor.say(N_("The flows could not be registered with Prefect: {words}"), words=words)
            self._said = words
        self._next = time.monotonic() + self.RETRY

    def _start_worker(self) -> None:
        self._done = True
        supervisor = self._supervisor
        command = [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--pool",
            prefect_server.POOL,
            "--type",
            "process",
        ]
        command += ["--name", f"{socket.gethostname()}-{supervisor.settings.port}"]
        supervisor.add(supervisor.launcher.program("worker", *command, environment=supervisor.environment()))
        supervisor.say(N_("Prefect is ready."))

    def stop(self) -> None:
        """End what is under way."""
        if self._registering is not None:
            self._registering.kill()
            self._registering.wait()
        self._done = True


_WEB_APP = "services.web.app:create_app"
_PREFECT_SERVER = (sys.executable, "-m", "prefect", "server", "start", "--analytics-off")
_REGISTER = (
    "import asyncio, inspect; from services.adapters.prefect import register_deployments as go; "
    "found = go(); inspect.isawaitable(found) and asyncio.run(found)"
)


def refuse_taken_ports(settings: Settings) -> None:
    """See that every port that we are to listen on is free.

    Raises:
        SetupError: one is taken, or the address is not this machine's; the sentence names the setting.
    """
    wanted = [("GUANTONG_PORT", settings.host, settings.port)]
    if settings.prefect_api_url is None:
        wanted.append(("GUANTONG_PREFECT_PORT", "127.0.0.1", settings.prefect_port))
    if settings.database_url is None and settings.postgres_port:
        wanted.append(("GUANTONG_POSTGRES_PORT", "127.0.0.1", settings.postgres_port))
    for name, host, port in wanted:
        _refuse_taken(name, host, port)


def _refuse_taken(name: str, host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror as error:
        raise SetupError("GUANTONG_HOST is “{host}”: there is no such address.", host=host) from error
    except PermissionError as error:
        raise SetupError(
            "{name} is {port}: ports below 1024 are for root. Choose another.", name=name, port=port
        ) from error
    except OSError as error:
        if _listens(host, port):
            raise SetupError(
                "Port {port} is taken by another program. Set {name} to another.", port=port, name=name
            ) from error
        raise SetupError(
            "Nothing can listen on {host}:{port}: {words}.", host=host, port=port, words=str(error)
        ) from error


def _listens(host: str, port: int) -> bool:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  read, not bound
    try:
        with socket.create_connection((shown, port), timeout=1):
            return True
    except OSError:
        return False


def _end_with_parent(parent: int) -> None:
    """End as by `kill -9` when whoever started us (make) is gone; the lifeline then ends the children."""
    while os.getppid() == parent:
        time.sleep(TICK)
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into an orderly stop; the ones that follow change nothing about it."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise _StopAskedError

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
