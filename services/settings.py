"""What an installation can be told through its environment: every `GUANTONG_*` name, its default, and what it accepts.

Read once, at the edge (`load_settings()` in a process's entry point), and handed on as an argument: nothing below reads
the environment. The supervisor writes the settings that it resolved (`Settings.environment()`) into its children's.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from services.errors import SetupError

PREFIX = "GUANTONG_"
# Names that our own processes hand to each other, or that only tests read.
INTERNAL_NAMES = frozenset({"GUANTONG_PARENT_FD", "GUANTONG_END_WITH_PARENT"})
INTERNAL_PREFIXES = ("GUANTONG_TEST_",)
SMTP_PORTS = {"none": 25, "starttls": 587, "tls": 465}

Port = Annotated[int, Field(ge=1, le=65535, description="a port number from 1 to 65535")]


def _default_home() -> Path:
    # PostgreSQL never runs as root, and another account cannot pass through /root (0700).
    return Path("/var/lib/guantong") if _is_root() else Path.home() / ".local" / "share" / "guantong"


def _default_key_folder() -> Path:
    return Path("/etc/guantong") if _is_root() else Path.home() / ".config" / "guantong"


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


class Settings(BaseSettings):
    """The installation's settings. A field's description finishes the sentence “it must be …”."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    home: Path = Field(default_factory=_default_home, description="the path of the data folder")
    key_folder: Path = Field(
        default_factory=_default_key_folder, description="the path of a folder for the keys, outside the data folder"
    )
    database_url: SecretStr | None = Field(
        default=None, description="like postgresql://name:password@host:5432/database; left out, the embedded one runs"
    )
    database_pool: int = Field(default=16, ge=1, le=500, description="a number of connections from 1 to 500")
    postgres_port: int = Field(default=0, ge=0, le=65535, description="a port number, or 0 for a free one")
    host: str = Field(default="127.0.0.1", min_length=1, description="the address at which the web page listens")
    port: Port = 8080
    public_url: str = Field(
        default="", pattern=r"^(https?://[^/\s]+)?/?$", description="like https://guantong.example.edu.cn, with no path"
    )
    prefect_port: Port = 4200
    prefect_api_url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="your own Prefect server's address, ending in /api"
    )
    prefect_auth: SecretStr | None = Field(default=None, description="user:password for your own Prefect server")
    smtp_host: str | None = Field(default=None, description="the mail server's name; left out, messages wait")
    smtp_port: int = Field(default=0, ge=0, le=65535, description="a port number, or 0 for the usual one of smtp_tls")
    smtp_tls: Literal["none", "starttls", "tls"] = Field(default="starttls", description="none, starttls or tls")
    smtp_username: str | None = Field(default=None, description="the name to sign in to the mail server")
    smtp_password: SecretStr | None = Field(default=None, description="the password for the mail server")
    smtp_sender: str | None = Field(
        default=None, pattern=r"^[^@\s]+@[^@\s]+$", description="the mail address that messages come from"
    )
    smtp_timeout: float = Field(default=30, gt=0, le=600, description="a number of seconds up to 600")
    smtp_connections: int = Field(default=4, ge=1, le=64, description="a number from 1 to 64")
    clock: Literal["system", "store"] = Field(default="system", description="system, or store in a demo")
    locale: Literal["zh", "en"] = Field(default="zh", description="zh or en")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    attachment_limit_mb: int = Field(default=50, ge=1, le=2000, description="a number of megabytes from 1 to 2000")
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="a secret of at least 16 characters; left out, /metrics tells only one bureau's numbers",
    )
    session_hours: float = Field(default=12, gt=0, le=24 * 30, description="a number of hours up to 720")
    minimum_free_mb: int = Field(default=500, ge=0, description="a number of megabytes")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    @field_validator("home", "key_folder")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        text = url.get_secret_value()
        if text.startswith("postgres://"):  # the other common spelling, which SQLAlchemy does not know
            text = "postgresql" + text.removeprefix("postgres")
        try:
            parsed = make_url(text)
        except (ArgumentError, ValueError) as error:
            raise ValueError("not an address") from error
        if parsed.get_backend_name() != "postgresql" or not parsed.database:
            raise ValueError("not a PostgreSQL database")
        return SecretStr(text)

    @model_validator(mode="before")
    @classmethod
    def _lower_choices(cls, values: dict[str, object]) -> dict[str, object]:
        choices = {"smtp_tls", "clock", "locale", "log_level"}
        return {k: v.strip().lower() if k in choices and isinstance(v, str) else v for k, v in values.items()}

    @model_validator(mode="after")
    def _fill(self) -> Self:
        fields = self.__dict__
        if not self.smtp_port:
            fields["smtp_port"] = SMTP_PORTS[self.smtp_tls]
        shown = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  a comparison, not a bind
        fields["public_url"] = self.public_url.rstrip("/") or f"http://{shown}:{self.port}"
        return self

    @property
    def files(self) -> Path:
        """The folder of the content-addressed files."""
        return self.home / "files"

    @property
    def attachment_limit(self) -> int:
        """The largest accepted attachment, in bytes."""
        return self.attachment_limit_mb * 1024 * 1024

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies may travel over TLS only: the public address says so."""
        return self.public_url.startswith("https://")

    def required_database_url(self) -> str:
        """Return the database's address in asyncpg's form.

        Raises:
            SetupError: there is none, because no supervisor has started the embedded server for this process.
        """
        if self.database_url is None:
            raise SetupError(
                "No database is known. Set GUANTONG_DATABASE_URL, or let “guantong up” start the embedded one."
            )
        url = make_url(self.database_url.get_secret_value()).set(drivername="postgresql+asyncpg")
        return url.render_as_string(hide_password=False)

    def environment(self) -> dict[str, str]:
        """Return the settings that differ from their defaults, or depend on who runs, as `GUANTONG_*` variables."""
        always = {"home", "key_folder", "public_url"}
        values = {name: getattr(self, name) for name in type(self).model_fields}
        chosen = {k: v for k, v in values.items() if v is not None and (k in always or k in self.model_fields_set)}
        return {PREFIX + name.upper(): _plain(value) for name, value in chosen.items()}


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def load_settings(environ: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings from the environment.

    Args:
        environ: the variables to read instead of the process's own.
        overrides: fields given on the command line; they win.

    Raises:
        SetupError: a `GUANTONG_*` name is unknown, a value is not accepted, or two contradict each other.
    """
    environ = os.environ if environ is None else environ
    _refuse_unknown(environ)
    names = {PREFIX + name.upper(): name for name in Settings.model_fields}
    given: dict[str, object] = {names[key.upper()]: v for key, v in environ.items() if key.upper() in names and v != ""}
    try:
        settings = Settings.model_validate(given | overrides)
    except ValidationError as error:
        raise _sentence(error.errors()[0]) from None
    _refuse_contradictions(settings)
    return settings


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for key in sorted(environ):
        name = key.upper()
        if not name.startswith(PREFIX) or name in INTERNAL_NAMES or name.startswith(INTERNAL_PREFIXES):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            if near:
                raise SetupError("{name} is not a setting. Did you mean {near}?", name=key, near=near[0])
            raise SetupError("{name} is not a setting. “guantong settings” lists the known ones.", name=key)


def _sentence(error: ErrorDetails) -> SetupError:
    field = str(error["loc"][0]) if error["loc"] else ""
    info = Settings.model_fields[field]
    expected = info.description or "something else"
    name = PREFIX + field.upper()
    if "Secret" in str(info.annotation):
        return SetupError("{name} is not accepted: it must be {expected}.", name=name, expected=expected)
    return SetupError("{name} is “{value}”: it must be {expected}.", name=name, value=error["input"], expected=expected)


def _refuse_contradictions(settings: Settings) -> None:
    if settings.key_folder.is_relative_to(settings.home) and settings.clock != "store":
        raise SetupError(
            "GUANTONG_KEY_FOLDER {folder} lies inside the data folder: whoever takes the one would have the other. Choose a folder outside.",
            folder=settings.key_folder,
        )
    if settings.smtp_host and not settings.smtp_sender:
        raise SetupError(
            "GUANTONG_SMTP_HOST is set, but GUANTONG_SMTP_SENDER is not: say which address messages come from."
        )
    if bool(settings.smtp_username) != bool(settings.smtp_password):
        raise SetupError("GUANTONG_SMTP_USERNAME and GUANTONG_SMTP_PASSWORD belong together: set both, or neither.")
    if settings.port == settings.prefect_port and not settings.prefect_api_url:
        raise SetupError(
            "GUANTONG_PORT and GUANTONG_PREFECT_PORT are both {port}: choose two ports.", port=settings.port
        )
