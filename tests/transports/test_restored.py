"""A connection that is cut in the middle of a reading, by a gateway that takes the next one."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import PATIENCE

from dalybms import DalyBMS, TransportError
from dalybms.emulator.options import build

BOARDS = ["", "protocol=d2", "protocol=p81", "protocol=sinowealth&cells=4"]


@contextmanager
def gateway(board: str, answers: list[int]) -> Iterator[tuple[str, list[int]]]:
    """(its name, how many questions came on each connection). Each connection ends behind so many answers,
    in the middle of the next; after the last of these nothing listens any more."""
    asked: list[int] = []
    line = build(board)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for most in answers:
            client, _ = server.accept()
            asked.append(0)
            with client:
                while asked[-1] <= most and (question := client.recv(64)):
                    asked[-1] += 1
                    line.write(question, time.monotonic())
                    answer = line.take(time.monotonic() + 1)
                    client.sendall(answer if asked[-1] <= most else answer[: len(answer) // 2])
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}", asked
    finally:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def battery(board: str) -> DalyBMS:
    return DalyBMS(
        protocol=board.partition("&")[0].partition("=")[2] or "a5", address=4 if not board else None
    )


@pytest.mark.parametrize("board", BOARDS)
def test_a_reading_whose_connection_is_cut_is_done_on_a_new_one(board: str) -> None:
    with gateway(board, [1, 1000]) as (name, asked), battery(board) as bms:
        bms.connect(name)
        found = bms.get_all()
        assert not [each for each in found.values() if isinstance(each, dict) and "error" in each]
        assert len(asked) == 2


def test_it_is_done_once() -> None:
    with gateway("", [1, 1]) as (name, asked), battery("") as bms:
        bms.connect(name)
        with pytest.raises(TransportError, match="cut the connection"):
            bms.get_all()
        assert len(asked) == 2


def test_a_gateway_that_answers_nothing_is_not_connected_once_more() -> None:
    """Another client may have it, and would lose it."""
    with gateway("", [0]) as (name, asked), battery("") as bms:
        bms.connect(name)
        with pytest.raises(TransportError, match="cut the connection"):
            bms.get_all()
        assert len(asked) == 1
