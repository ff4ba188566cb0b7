import os
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

from client import Raw  # noqa: E402
from gateway import Gateway, Mock  # noqa: E402
from postgres import Server  # noqa: E402
from provider import Provider  # noqa: E402
from redis_server import RedisServer  # noqa: E402

BOTH_STORES = pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True)


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


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server that tests share; each takes a database of its own."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def store_kind(request):
    """Which store; a test of both says `pytestmark = BOTH_STORES`, a run of all COURIER_TEST_STORE."""
    return getattr(request, "param", os.environ.get("COURIER_TEST_STORE", "sqlite"))


@pytest.fixture
def store(store_kind, request):
    """The settings that put a gateway's store there; none: a file in its folder."""
    if store_kind == "sqlite":
        return {}
    server = request.getfixturevalue("postgres")
    return {"store": server.url(server.make_database())}


@pytest.fixture
def gateway(made, store):
    """gateway(provider, …): a gateway whose model `m` is at that provider's `upstream-model`."""

    def make(provider=None, models=None, providers=None, model=None, **settings):
        if provider is not None:
            providers = [provider.entry()]
            models = models or [
                {"name": "m", "provider": "private", "upstream_model": "upstream-model",
                 **(model or {})}
            ]
        made.append(Gateway(providers or [], models or [], **{**store, **settings}))
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


@pytest.fixture(params=["sqlite", "postgres"])
def either_store(request):
    """either_store(): settings of a gateway with a store of its own; the test runs for each kind."""
    if request.param == "sqlite":
        return lambda: {}
    server = request.getfixturevalue("postgres")
    return lambda: {"store": server.url(server.make_database()),
                    "secret_key": "a-secret-for-tests-and-only-for-tests"}


@pytest.fixture
def redis(made):
    """redis(): a Redis of the test's own."""

    def make(*options, **more):
        made.append(RedisServer(*options, **more))
        return made[-1]

    return make


@pytest.fixture(params=["memory", "redis"])
def limited(request, gateway, redis):
    """limited(provider, …): a gateway with each of the limiters."""

    def make(provider, **settings):
        if request.param == "memory":
            return gateway(provider, **settings)
        shared = gateway(provider, limiter=redis().url, limiter_timeout="10s", **settings)
        shared.wait_log("Redis keeps the limits")
        return shared

    return make
