"""The database of an installation for a command that is not `up`: one's own, the running embedded one, or started for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from services.adapters.data_folder import DataFolder
from services.adapters.postgres import EmbeddedPostgres, running_url
from services.errors import SetupError
from services.settings import Settings

DEMO = "demo"


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Give the settings with the address of a database that answers, for as long as the block lasts.

    An embedded server that `up` runs is used as it is; one that stands still is started, holding the data folder.

    Raises:
        SetupError: there is no installation, the data folder is held by somebody else, or the server does not start.
    """
    settings = here(settings)
    if settings.database_url is not None:
        yield settings
        return
    if DataFolder(settings.home).marker() is None:
        raise SetupError("{folder} holds no installation.", folder=settings.home)
    url = running_url(settings.home)
    if url is not None:
        yield _with(settings, url)
        return
    with held(settings), database_of_held(settings) as running:
        yield running


@contextlib.contextmanager
def database_of_held(settings: Settings) -> Iterator[Settings]:
    """Do the same for a caller that holds the data folder, so that nothing else can run on it.

    Raises:
        SetupError: the embedded server does not start.
    """
    if settings.database_url is not None:
        yield settings
        return
    with EmbeddedPostgres(settings.home, port=settings.postgres_port) as server:
        yield _with(settings, server.url)


def here(settings: Settings) -> Settings:
    """Return the settings of the installation that a command means: a demo's, where the data folder is one or has one running.

    So that after “make demo” a command in another window needs no variables.
    """
    if settings.database_url is not None or settings.clock == "store":
        return settings
    marker, demo = DataFolder(settings.home).marker(), DataFolder(settings.home / DEMO)
    if marker is not None:
        return as_demo(settings, settings.home) if marker.kind == "demo" else settings
    return as_demo(settings, demo.path) if demo.is_held() else settings


def as_demo(settings: Settings, home: Path) -> Settings:
    """Return the settings of a demo on `home`: its clock can be moved, and its key need not outlive it."""
    return settings.model_copy(update={"home": home, "key_folder": home / "keys", "clock": "store"})


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[DataFolder]:
    """Hold the data folder: while the block lasts, no `up` runs on it.

    Raises:
        SetupError: one does.
    """
    folder = DataFolder(settings.home)
    folder.hold()
    try:
        yield folder
    finally:
        folder.release()


def _with(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(url)})
