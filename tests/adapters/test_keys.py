from pathlib import Path

import pytest

from services.adapters.keys import FILE, SHEET, Keys, from_words, load_keys, make_keys, store_keys
from services.errors import SetupError

KEYS = Keys(bytes(range(32)))
IDENTITY = "e06e7d4aef978972e0d2fb4214fd270d66aade05cf3fad2eb0b4dc2e9388d01a"
FINGERPRINT = "567821dec234a099"


def test_words_come_back_however_they_are_typed() -> None:
    words = KEYS.words()
    for typed in (
        words,
        words.lower(),
        words.replace("-", " "),
        f"  {words}\n",
        words.replace("O", "0").replace("I", "1"),
    ):
        assert from_words(typed) == KEYS


def test_one_wrong_letter_is_noticed_wherever_it_is() -> None:
    words = KEYS.words()
    for at, letter in enumerate(words):
        if letter != "-":
            wrong = "C" if letter != "C" else "D"
            with pytest.raises(SetupError):
                from_words(words[:at] + wrong + words[at + 1 :])


@pytest.mark.parametrize("text", ["", "ABC", KEYS.words()[:-1], KEYS.words() + "A", "中文"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(SetupError):
        from_words(text)


def test_each_purpose_has_its_own_key() -> None:
    derived = [KEYS.identity, KEYS.lookup, KEYS.web, KEYS.anchor.private_bytes_raw(), KEYS.master]
    assert len(set(derived)) == len(derived)
    assert KEYS.identity != Keys(bytes(32)).identity


def test_derived_keys_never_change() -> None:
    """What was encrypted by one release is read by the next: these values stand for all that is stored."""
    assert KEYS.identity.hex() == IDENTITY
    assert KEYS.fingerprint == FINGERPRINT


def test_a_key_is_made_once_and_its_sheet_never_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = make_keys(folder)
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert keys.words() in (folder / SHEET).read_text()
    (folder / SHEET).unlink()
    assert make_keys(folder) == keys == load_keys(folder)
    assert not (folder / SHEET).exists()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(SetupError, match="chmod 600"):
        load_keys(tmp_path)


def test_a_missing_key_says_how_it_comes_back(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="recovery sheet"):
        load_keys(tmp_path)


def test_another_key_does_not_take_the_place_of_one(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    store_keys(tmp_path, keys)
    with pytest.raises(SetupError, match="Another key"):
        store_keys(tmp_path, KEYS)
    assert load_keys(tmp_path) == keys
