import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stack import COMMIT, Stack, docker, inspect  # noqa: E402


@pytest.fixture(scope="session")
def engine():
    """For what needs one; where none runs, the rest is tested all the same."""
    if "DOCKER_HOST" not in os.environ:
        pytest.skip("no Docker engine")


@pytest.fixture(scope="session")
def image(engine):
    """What is known of the image `courier`, built."""
    docker("compose", "build", "courier",
           env={"COURIER_COMMIT": COMMIT, "COMPOSE_PROGRESS": "plain"})
    return inspect("courier")


@pytest.fixture(scope="session")
def stack(engine, tmp_path_factory):
    """The tests of test_compose.py build on each other."""
    made = Stack(tmp_path_factory.mktemp("stack"))
    yield made
    made.compose("down", "--volumes", "--remove-orphans", check=False)
