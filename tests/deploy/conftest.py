import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The tests of test_compose.py build on each other."""
    made = Stack(tmp_path_factory.mktemp("stack"))
    yield made
    made.compose("down", "--volumes", "--remove-orphans", check=False)
