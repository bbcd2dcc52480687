"""A command of the A5 protocol as bytes, for the curious."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dalybms.arguments import check_whole

if TYPE_CHECKING:
    from dalybms.detection import Detection
    from dalybms.link import Link


class Raw:
    """What DalyBMS has beyond its readings and writes."""

    _detection: Detection
    _retries: int

    if TYPE_CHECKING:

        def _connected(self) -> Link: ...

        def refuse_read_only(self) -> None: ...

    def request(self, command: int, data: bytes = bytes(8)) -> list[bytes]:
        """The 8-byte data fields that answer a raw A5 command, in order of arrival; for the curious.

        Reads (0x50-0x8A, 0x90-0x9A, 0xD8) are repeated when nothing comes. Anything else may
        change the battery: it is sent once and not verified, and refused under read_only (WriteRefused).
        Raises NoReply without an answer.
        """
        check_whole("command", command, 0, 255)
        if not isinstance(data, (bytes, bytearray)):
            raise TypeError(f"data must be bytes, not {data!r}")
        if len(data) != 8:
            raise ValueError(f"data must be 8 bytes, not {len(data)}")
        from dalybms.protocols.a5.questions import READS

        changes = command not in READS
        if changes:
            self.refuse_read_only()
        link = self._connected()
        with link.call(self._retries):
            protocol, _ = self._detection.found(["soc"])
            if changes:
                self.refuse_read_only()  # others may have had their turn before
            return protocol.request(self._detection.ask, command, bytes(data))
