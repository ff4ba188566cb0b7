import os
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

from client import Raw  # noqa: E402
from dialects import Served  # noqa: E402
from gateway import Gateway, Mock  # noqa: E402
from postgres import Server  # noqa: E402
from provider import Provider  # noqa: E402
from redis_server import RedisServer  # noqa: E402

SERVERS = {"postgres", "own_postgres", "own_server", "redis"}  # the fixtures that start one

BOTH_STORES = pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True)


def pytest_addoption(parser):
    parser.addoption("--servers", action="store_true",
                     help="only the tests that speak to PostgreSQL or Redis (tests/versions)")


def speaks_to_a_server(item):
    """A test of several kinds of a store or a limiter speaks to the one that its parameter says."""
    params = set(map(str, item.callspec.params.values())) if hasattr(item, "callspec") else set()
    if params & {"sqlite", "memory"}:
        return False
    return bool(SERVERS & (params | set(item.fixturenames)))


def pytest_collection_modifyitems(config, items):
    if config.getoption("--servers"):
        others = [item for item in items if not speaks_to_a_server(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if speaks_to_a_server(item)]


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
def own_postgres(made):
    """own_postgres(**settings): a server of the test's own, to be stopped and killed."""

    def make(**settings):
        made.append(Server(**settings))
        return made[-1]

    return make


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


@pytest.fixture(scope="module")
def served(mock, tmp_path_factory):
    """A gateway before the mock, which is a provider of either dialect, and clients of it."""
    running = Served(mock, tmp_path_factory.mktemp("served"))
    yield running
    running.gateway.stop()


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
