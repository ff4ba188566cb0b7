"""Redis in cluster mode, where all keys of a step must be on one node."""

import database
import pytest
from gateway import wait_for
from load import either
from redis_server import free_port
from test_cache import KEPT, Asker, Counting
from test_limits_shared import LOST, SHARED, ask, instances, key_for, known, outcome  # noqa: F401

SLOTS = 16384


@pytest.fixture
def cluster(redis):
    """cluster(n): nodes with an equal share of the slots each."""

    def make(n):
        nodes = [redis("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
                 for _ in range(n)]
        for i, node in enumerate(nodes):
            node.ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * i // n, SLOTS * (i + 1) // n - 1)
        for node in nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, nodes[0].options[-1])
        for node in nodes:
            wait_for(lambda node=node: is_whole(node, n))
        return nodes

    return make


def is_whole(node, n):
    told = node.ask("CLUSTER", "INFO").decode().split()
    return {"cluster_state:ok", f"cluster_known_nodes:{n}"} <= set(told)


def slot(node, key_id, what):
    return node.ask("CLUSTER", "KEYSLOT", f"courier:{{k{key_id}}}:{what}")


def newest_key(made):
    return database.rows(made.settings["store"], "select max(id) as id from api_keys")[0]["id"]


def test_a_node_with_all_slots(provide, instances, cluster):  # noqa: F811
    (node,) = cluster(1)
    server, made = instances(provide(either), 2, node)
    key = key_for(made, "--rpm", "40", "--tpm", "100000", "--concurrency", "5")
    left = [int(ask(made[i % 2], key, stream=i % 3 == 0)[1]["x-ratelimit-remaining-requests"])
            for i in range(10)]
    assert left == list(range(left[0], left[0] - 10, -1))
    wait_for(lambda: server.leases() == 0)
    key_id = newest_key(made[0])
    assert server.ask("EXISTS", f"courier:{{k{key_id}}}:windows") == 1
    assert slot(node, key_id, "windows") == slot(node, key_id, "leases")


def test_answers_in_all_slots(provide, gateway, connect, cluster):
    (node,) = cluster(1)
    provider = provide(Counting())
    one, two = (Asker(connect, gateway(provider, model=KEPT, limiter=node.url,
                                       secret_key="a-secret-that-both-instances-share",
                                       cache={"timeout": "10s"})) for _ in range(2))
    for seed in range(5):
        wait_for(lambda seed=seed: one(seed=seed)[0] == "hit")
        wait_for(lambda seed=seed: two(seed=seed)[0] == "hit")
        assert two(seed=seed) == one(seed=seed)
    names = node.ask("KEYS", "courier:answer:*")
    assert len({node.ask("CLUSTER", "KEYSLOT", name) for name in names}) > 1


def keys_here_and_elsewhere(made, node):
    """A key whose limits lie on the first of three nodes, and one of another."""
    found = {}
    while len(found) < 2:
        key = made.create_key("--rpm", "40")
        found[slot(node, newest_key(made), "windows") < SLOTS // 3] = key
    return found[True], found[False]


@pytest.mark.parametrize("policy", ["local", "closed"])
def test_a_node_with_some_slots_is_an_outage(provide, instances, cluster, policy):  # noqa: F811
    """Limits that are shared for some keys and not for others would be wrong, and nobody would know."""
    nodes = cluster(3)
    _, (made,) = instances(provide(either), 1, nodes[0], on_limiter_failure=policy,
                           limiter_instances=4, workers=1)
    here, elsewhere = keys_here_and_elsewhere(made, nodes[0])
    wait_for(lambda: known(made, here))
    assert outcome(made, here)[:2] == (200, "40")
    without = (200, "10") if policy == "local" else (503, None)
    wait_for(lambda: outcome(made, elsewhere)[:2] == without)
    assert made.wait_log(LOST)["error"].startswith("MOVED ")
    for _ in range(5):
        assert {outcome(made, key)[:2] for key in (here, elsewhere)} == {without}

    for node in nodes[1:]:
        nodes[0].ask("CLUSTER", "FORGET", node.ask("CLUSTER", "MYID"))
        node.kill()
    nodes[0].ask("CLUSTER", "ADDSLOTSRANGE", SLOTS // 3, SLOTS - 1)
    made.wait_log(SHARED, 2)
    for key in (here, elsewhere):
        wait_for(lambda key=key: outcome(made, key)[1] == "40")
    assert sum(line["message"] == LOST for line in made.log_lines()) == 1
