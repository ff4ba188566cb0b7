"""What only hurts now and then: crowds that misbehave, odd splits, ends at the wrong moment."""

import resource

import pytest
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import DONE, HELLO, answer_once


@pytest.mark.parametrize("pieces", [39, 40, 41, 80])
def test_the_marker_is_never_lost(provide, gateway, connect, pieces):
    """Frames that are no neighbours fill the batch right before the marker comes."""
    body = (HELLO + b"data: {\n\n") * pieces + DONE

    def script(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(body)
            connection.end_chunks()

    made = gateway(provide(script), workers=1)
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: marker\r\n"))
    assert client.answer()[2] == HELLO * pieces + DONE
    row = made.row("marker")
    assert (row["status"], row["completion_tokens"]) == ("ok", pieces)


def test_a_database_that_cannot_grow(provide, gateway, connect):
    """As with a full disk the records wait in the journal; when there is room, each has its row."""
    made = gateway(provide(answer_once()), workers=1, journal={"size": "1MB"})
    _, most = resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE, (300 << 10, most))
    client = connect(made)
    answered = set()
    status = 200
    for i in range(5000):
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: full-{i}\r\n"))
        status, _, _ = client.answer()
        if status != 200:
            break
        answered.add(f"full-{i}")
    assert status == 503
    resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE, (most, most))
    rows = wait_for(lambda: (r := made.rows()) and len(r) >= len(answered) and r)
    assert sorted(row["request_id"] for row in rows) == sorted(answered)
