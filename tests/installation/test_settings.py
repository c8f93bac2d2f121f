from pathlib import Path

import pytest

from services.errors import SetupError
from services.settings import Settings, load_settings


def test_nothing_set_gives_defaults_that_listen_on_loopback() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert (settings.clock, settings.locale, settings.database_url) == ("system", "zh", None)
    assert settings.attachment_limit == 50 * 1024 * 1024
    assert not settings.key_folder.is_relative_to(settings.home)


def test_names_and_choices_are_read_in_any_case_and_empty_ones_as_unset() -> None:
    settings = load_settings({"guantong_log_level": "Warning", "GUANTONG_PORT": "", "GUANTONG_SMTP_TLS": "TLS"})
    assert (settings.log_level, settings.port, settings.smtp_port) == ("warning", 8080, 465)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"GUANTONG_PROT": "1"}, "GUANTONG_PROT is not a setting. Did you mean GUANTONG_PORT?"),
        (
            {"GUANTONG_QQQQQQQQQQ": "1"},
            "GUANTONG_QQQQQQQQQQ is not a setting. “guantong settings” lists the known ones.",
        ),
        ({"GUANTONG_PORT": "abc"}, "GUANTONG_PORT is “abc”: it must be a port number from 1 to 65535."),
        ({"GUANTONG_PORT": "70000"}, "GUANTONG_PORT is “70000”: it must be a port number from 1 to 65535."),
        ({"GUANTONG_CLOCK": "sundial"}, "GUANTONG_CLOCK is “sundial”: it must be system, or store in a demo."),
        (
            {"GUANTONG_SMTP_SENDER": "me"},
            "GUANTONG_SMTP_SENDER is “me”: it must be the mail address that messages come from.",
        ),
        ({"GUANTONG_PUBLIC_URL": "https://a/b"}, "GUANTONG_PUBLIC_URL is “https://a/b”: it must be like https://"),
        ({"GUANTONG_PORT": "4200"}, "GUANTONG_PORT and GUANTONG_PREFECT_PORT are both 4200: choose two ports."),
        ({"GUANTONG_SMTP_HOST": "mail"}, "GUANTONG_SMTP_HOST is set, but GUANTONG_SMTP_SENDER is not"),
        ({"GUANTONG_SMTP_USERNAME": "me"}, "GUANTONG_SMTP_USERNAME and GUANTONG_SMTP_PASSWORD belong together"),
        (
            {"GUANTONG_HOME": "/d", "GUANTONG_KEY_FOLDER": "/d/keys"},
            "GUANTONG_KEY_FOLDER /d/keys lies inside the data folder",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(SetupError) as caught:
        load_settings(environ)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "secret", "postgresql://u:secret@h:port/d", "postgresql://secret@h"]
)
def test_a_wrong_database_address_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SetupError, match="GUANTONG_DATABASE_URL is not accepted") as caught:
        load_settings({"GUANTONG_DATABASE_URL": url})
    assert "secret" not in str(caught.value)


def test_the_database_address_comes_in_asyncpgs_form() -> None:
    settings = load_settings({"GUANTONG_DATABASE_URL": "postgres://u:p%40ss@h:5433/d"})
    assert settings.required_database_url() == "postgresql+asyncpg://u:p%40ss@h:5433/d"
    with pytest.raises(SetupError, match="No database is known"):
        load_settings({}).required_database_url()


def test_secrets_do_not_show() -> None:
    settings = load_settings(
        {"GUANTONG_DATABASE_URL": "postgresql://u:secret@h/d", "GUANTONG_PREFECT_AUTH": "a:secret"}
    )
    assert "secret" not in repr(settings) + str(settings)


def test_a_childs_environment_gives_the_same_settings(tmp_path: Path) -> None:
    told = {
        "GUANTONG_HOME": str(tmp_path / "home"),
        "GUANTONG_DATABASE_URL": "postgresql://u:p@h/d",
        "GUANTONG_SMTP_HOST": "mail.example.test",
        "GUANTONG_SMTP_SENDER": "guantong@example.test",
        "GUANTONG_SESSION_HOURS": "2.5",
    }
    settings = load_settings(told, clock="store")
    assert load_settings(settings.environment()) == settings


def test_every_setting_says_what_it_accepts() -> None:
    assert [
        name
        for name, field in Settings.model_fields.items()
        if not field.description and name not in {"port", "prefect_port"}
    ] == []
