"""Administration and calls to models at the same time: neither waits for the other."""

import signal
import sqlite3
import threading

from admin import Admin, refused
from client import chat, request
from gateway import wait_for
from provider import answer_once


def caller(client, key):
    def status():
        client.send(request(chat(), key))
        return client.answer()[0]

    return status


def test_calls_go_on_while_the_store_is_locked(provide, gateway, connect):
    running = gateway(provide(answer_once()))
    admin = Admin(running)
    status = caller(connect(running), admin.new_key(admin.user())["key"])
    wait_for(lambda: status() == 200)
    db = sqlite3.connect(f"{running.folder}/courier.db", timeout=60, isolation_level=None)
    db.execute("begin immediate")
    answers = []
    threads = [threading.Thread(
        target=lambda n=n: answers.append(admin.post("/users", {"name": f"u{n}"})))
        for n in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert status() == 200
    for thread in threads:  # nobody waits for ever
        thread.join()
    db.execute("rollback")
    db.close()
    for answer in answers:
        refused(answer, 503, "store_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
    assert admin.user("after")["id"]


def test_calls_go_on_during_changes(provide, gateway, connect):
    running = gateway(provide(answer_once()))
    admin = Admin(running)
    status = caller(connect(running), admin.new_key(admin.user())["key"])
    wait_for(lambda: status() == 200)
    users = [admin.user(f"busy {n}") for n in range(4)]
    ended = threading.Event()

    def administer(user):
        while not ended.is_set():
            assert admin.patch(f"/users/{user['id']}", {"status": "disabled"}).status == 200
            assert admin.post("/keys", {"user_id": user["id"]}).status == 201
            assert admin.get("/keys?limit=1000").status == 200

    threads = [threading.Thread(target=administer, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for _ in range(200):
        assert status() == 200
    ended.set()
    for thread in threads:
        thread.join()
    assert len(admin.all("/audit?action=update")) >= 4


def test_an_answer_to_a_change_says_that_it_holds(provide, gateway, connect, either_store):
    """No waiting, no second try: the next request finds it."""
    running = gateway(provide(answer_once()), **either_store())
    admin = Admin(running)
    clients = [connect(running) for _ in range(4)]  # of several workers, for all we know
    for n in range(5):
        key = admin.new_key(admin.user(f"u{n}"))
        assert {caller(client, key["key"])() for client in clients} == {200}
        admin.patch(f"/keys/{key['id']}", {"status": "disabled"})
        assert {caller(client, key["key"])() for client in clients} == {401}
        admin.patch(f"/keys/{key['id']}", {"status": "active"})
        new = admin.post(f"/keys/{key['id']}/rotate", {"grace": "0"}).json["key"]
        assert {caller(client, key["key"])() for client in clients} == {401}
        assert {caller(client, new)() for client in clients} == {200}
        admin.delete(f"/users/{key['user_id']}")
        assert {caller(client, new)() for client in clients} == {401}


def test_a_database_that_is_away_or_silent(provide, gateway, connect, own_postgres):
    server = own_postgres()
    running = gateway(provide(answer_once()), store=server.url(server.make_database()),
                      secret_key="a-secret-for-tests-and-only-for-tests")
    admin = Admin(running)
    key = admin.new_key(admin.user())
    status = caller(connect(running), key["key"])
    assert status() == 200
    for away, back in ((lambda: server.stop("immediate"), server.start),
                       (lambda: server.signal(signal.SIGSTOP),
                        lambda: server.signal(signal.SIGCONT))):
        away()
        for answer in (admin.get("/users"), admin.patch(f"/keys/{key['id']}", {"name": "x"})):
            refused(answer, 503, "store_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert status() == 200
        back()
        wait_for(lambda: admin.get("/users").status == 200)
        assert admin.patch(f"/keys/{key['id']}", {"name": "y"}).status == 200
