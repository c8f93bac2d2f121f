from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import passable_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder
