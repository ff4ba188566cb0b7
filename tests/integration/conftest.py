import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from client import Raw  # noqa: E402
from gateway import Gateway, Mock  # noqa: E402
from provider import Provider  # noqa: E402


@pytest.fixture
def made():
    """Things with a close() or stop(), ended after the test in reverse order."""
    things = []
    yield things
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def provide(made):
    """provide(script): a scripted provider."""

    def make(script, **options):
        made.append(Provider(script, **options))
        return made[-1]

    return make


@pytest.fixture
def gateway(made):
    """gateway(provider, …): a gateway whose model `m` is at that provider's `upstream-model`."""

    def make(provider=None, models=None, providers=None, model=None, **settings):
        if provider is not None:
            providers = [provider.entry()]
            models = models or [
                {"name": "m", "provider": "private", "upstream_model": "upstream-model",
                 **(model or {})}
            ]
        made.append(Gateway(providers or [], models or [], **settings))
        return made[-1]

    return make


@pytest.fixture
def connect(made):
    def make(gateway):
        made.append(Raw(gateway.port))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def mock():
    running = Mock()
    yield running
    running.stop()
