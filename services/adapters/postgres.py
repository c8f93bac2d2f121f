"""The embedded PostgreSQL: the programs of a wheel, run by us as a supervised child.

Own `initdb`, password sign-in only, loopback only, data folder 0700. As root the server runs under an unprivileged
account. What a stale pid file names is never believed: a process counts as ours only when it works in our data folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from services.adapters.data_folder import unusable
from services.adapters.lifeline import Lifeline
from services.adapters.postgres_programs import Account, choose_account, program, require_passage
from services.errors import SetupError

OWNER = DATABASE = "guantong"
START_TIMEOUT, STOP_TIMEOUT = 60.0, 30.0
POLL = 0.02
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a deep data folder would pass the 107 bytes of a socket's path
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",  # planning a short query would cost more than running it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


@dataclass(frozen=True)
class _Place:
    """Where one embedded server keeps things."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def password(self) -> Path:
        return self.root / "password"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"


class EmbeddedPostgres:
    """One server on `home/postgres`; `with EmbeddedPostgres(home) as server: server.url`.

    Args:
        home: the data folder; made if missing.
        port: the loopback port, or 0 for a free one.
        lifeline: the supervisor's pipe; left out, the server ends with this process.
    """

    def __init__(self, home: Path, *, port: int = 0, lifeline: Lifeline | None = None) -> None:
        self._place = _Place(home / "postgres")
        self.home = home
        self._wanted_port = port
        self._own_lifeline = lifeline is None
        self._lifeline = lifeline or Lifeline()
        self._process: subprocess.Popen[bytes] | None = None
        self._account: Account | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The database's address, password included."""
        return f"postgresql://{OWNER}:{self._place.password.read_text().strip()}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def exists(self) -> bool:
        """Whether a database was set up here before."""
        return (self._place.data / "PG_VERSION").exists()

    @property
    def log(self) -> Path:
        """Where the server's words go."""
        return self._place.log

    def start(self) -> None:
        """Set up the database if there is none, start the server and return when it accepts connections.

        Raises:
            SetupError: no account for root, no passage to the folder, a port taken, no space, another version's data.
        """
        self.launch()
        self.wait_until_ready()

    def launch(self, *, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it; started again, it comes back at the same port.

        Args:
            pass_fds: file descriptors that the child is to hold for as long as it lives.

        Raises:
            SetupError: as `start`.
        """
        try:
            self._prepare()
            if not self.exists:
                self._initialise()
        except OSError as error:
            raise unusable(self._place.root, error) from error
        self._refuse_other_version()
        self._end_leftovers()
        self.port = self._wanted_port or self.port or free_port()
        self._process = self._spawn(pass_fds)
        return self._process

    def stop(self) -> None:
        """End the server in good order: sessions are closed, everything committed is on disk."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        if self._own_lifeline:
            self._lifeline.close()
            self._lifeline = Lifeline()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        root = self._place.root
        self.home.mkdir(parents=True, exist_ok=True, mode=0o711 if _is_root() else 0o700)
        root.mkdir(exist_ok=True, mode=0o700)
        self._account = choose_account(root) if _is_root() else None
        if self._account is not None:
            os.chown(root, self._account.uid, self._account.gid)
            require_passage(self.home, self._account)

    def _initialise(self) -> None:
        """Make the cluster and its database beside their final place and rename: a killed start leaves none, or all."""
        fresh, words = self._place.root / "data.new", self._place.password
        shutil.rmtree(fresh, ignore_errors=True)
        self._write_private(words, secrets.token_urlsafe(32))
        # The server's own locale: the same on every machine, and none of the operating system's is needed.
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        signing_in = ["-U", OWNER, f"--pwfile={words}", "--auth=scram-sha-256"]
        self._run(["initdb", "-D", str(fresh), *signing_in, *locale, "--no-instructions"])
        self._run(["postgres", "--single", "-D", str(fresh), "postgres"], stdin=f"CREATE DATABASE {DATABASE}\n")
        fresh.rename(self._place.data)

    def _write_private(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _run(self, command: list[str], *, stdin: str = "") -> None:
        account = self._account
        done = subprocess.run(
            [str(program(command[0], self.home, account)), *command[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._place.root,
            env=_environment(),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        # Single-user mode ends with 0 also after an error, and says so on stderr only.
        if os.strerror(errno.ENOSPC) in done.stderr:
            raise unusable(self._place.root, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise SetupError("PostgreSQL could not be set up: {words}", words=_last_line(done.stderr))

    def _refuse_other_version(self) -> None:
        found = (self._place.data / "PG_VERSION").read_text().strip()
        ours = program("postgres", self.home, self._account)
        said = subprocess.run([str(ours), "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
        if found != said.split(".")[0]:
            raise SetupError(
                "The database in {folder} was written by PostgreSQL {found}; this installation brings {ours}. Restore a backup instead.",
                folder=self._place.data,
                found=found,
                ours=said,
            )

    def _end_leftovers(self) -> None:
        """End what still works in our data folder; forget a pid file that names anybody else.

        The caller holds the data folder's lock, so whatever is left belongs to a run whose supervisor is gone.
        """
        deadline = time.monotonic() + STOP_TIMEOUT
        while left := _working_in(self._place.data):
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill() if time.monotonic() > deadline - STOP_TIMEOUT / 2 else process.send_signal(2)
            if time.monotonic() > deadline:
                raise SetupError("Processes of an earlier run still use {folder}.", folder=self._place.data)
            time.sleep(POLL * 10)
        # Without a living process in the folder the file is stale; PostgreSQL would believe a reused pid of its account.
        (self._place.data / "postmaster.pid").unlink(missing_ok=True)

    def _spawn(self, pass_fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
        account = self._account
        server = [str(program("postgres", self.home, account)), "-D", str(self._place.data), "-p", str(self.port)]
        server += [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
        command = [
            sys.executable,
            "-m",
            "services.adapters.lifeline",
            "--stop",
            "SIGINT",
            "--grace",
            "3",
            "--patience",
            str(int(STOP_TIMEOUT) - 2),
        ]
        command += ["--account", f"{account.uid}:{account.gid}"] if account else []
        with self._place.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--", *server],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment() | self._lifeline.environment() | {"PYTHONPATH": str(Path(__file__).parents[2])},
                cwd=self._place.root,
                pass_fds=(self._lifeline.read_end, *pass_fds),
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when the server accepts connections.

        Raises:
            SetupError: it ended, or is not ready after a minute.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise SetupError("PostgreSQL did not start: {words}", words=self._log_words())
            if _is_ready(self._place.data / "postmaster.pid"):
                return
            time.sleep(POLL)
        self.stop()
        raise SetupError(
            "PostgreSQL was not ready after {seconds} s: {words}", seconds=START_TIMEOUT, words=self._log_words()
        )

    def _log_words(self) -> str:
        return _last_line(self._place.log.read_text(errors="replace")[-4000:])


def running_url(home: Path) -> str | None:
    """Return the address of the embedded server that runs on `home` now, or None.

    Its pid file alone is not believed: a process must work in the folder.
    """
    place = _Place(home / "postgres")
    pid_file = place.data / "postmaster.pid"
    if not _is_ready(pid_file) or not _working_in(place.data):
        return None
    port = int(pid_file.read_text().splitlines()[3])
    return f"postgresql://{OWNER}:{place.password.read_text().strip()}@127.0.0.1:{port}/{DATABASE}"


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_root() -> bool:
    return os.geteuid() == 0


def _environment() -> dict[str, str]:
    # No PG* variable of the person's shell may reach the server, and its words must be the ones that we read.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _is_ready(pid_file: Path) -> bool:
    try:
        lines = pid_file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"  # noqa: PLR2004  the eighth line is the server's status


def _working_in(data: Path) -> list[psutil.Process]:
    """Return the PostgreSQL processes whose working folder is `data`: each of them changes into it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(data.resolve()) and "postgres" in process.name():
                found.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or another account's and therefore not ours
    return found


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL:" in line or "error:" in line.lower()]
    return (telling or lines or ["it gave no reason"])[-1]
