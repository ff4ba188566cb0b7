"""What only hurts now and then: crowds that misbehave, odd splits, ends at the wrong moment."""

import pytest
from client import chat, request
from gateway import ADMIN_KEY
from provider import DONE, HELLO


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
