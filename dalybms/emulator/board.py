"""What all fake boards share: finding requests in a stream of bytes, however it is cut."""

from __future__ import annotations

Reply = list[bytes]
"""The frames of one reply in order; empty when the board stays silent."""


class Board:
    """A board hears bytes and answers in frames. It knows neither time nor wire."""

    def __init__(self) -> None:
        self._heard = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        """One reply for each complete request to this board that these bytes complete."""
        self._heard += data
        replies = []
        while self._heard:
            size = self.request_size(bytes(self._heard[:512]))
            if size is None:
                break
            if size == 0:
                del self._heard[0]
                continue
            request = bytes(self._heard[:size])
            del self._heard[:size]
            if self.is_addressed(request):
                replies.append(self.answer(request))
        return replies

    def request_size(self, heard: bytes) -> int | None:
        """Bytes of the sound request at the start, 0 when none starts here, None while it is not complete."""
        raise NotImplementedError

    def is_addressed(self, request: bytes) -> bool:
        """Whether this board is the one that is asked."""
        raise NotImplementedError

    def answer(self, request: bytes) -> Reply:
        """The reply to a request with a good checksum."""
        raise NotImplementedError

    def foreign(self, reply: Reply) -> Reply:
        """The same reply as another board would give it: other values, sound checksum."""
        raise NotImplementedError

    def zeroed(self, reply: Reply) -> Reply:
        """The same reply with all its data zero and a sound checksum: what waking boards send."""
        raise NotImplementedError


def word(value: int) -> bytes:
    """16 bits, big-endian."""
    return (value & 0xFFFF).to_bytes(2, "big")


def words(values: list[int]) -> bytes:
    """16 bits each, big-endian."""
    return b"".join(word(value) for value in values)


def double_word(value: int) -> bytes:
    """32 bits, big-endian."""
    return (value & 0xFFFFFFFF).to_bytes(4, "big")
