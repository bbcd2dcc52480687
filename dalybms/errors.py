"""What can go wrong, as one tree.

    DalyError
      TransportError   (OSError)       the wire: cannot open, no permission, busy, unplugged, Bluetooth gone
      NoReply          (TimeoutError)  the wire is open, but nothing usable came
      BadReply         (ValueError)    an answer came that cannot be; `.raw` holds its bytes
      NotSupported                     this board or protocol has no such reading
      WriteRefused                     not sent, or the board still has the old value and says otherwise
      WriteUnverified                  sent, but reading back does not prove it; both: `.result`

Every message says what happened and what to try next. Wrong arguments raise
ValueError or TypeError before anything is sent. No other exception leaves the
public methods.
"""

from __future__ import annotations


class DalyError(Exception):
    """Anything that went wrong between this library and a battery."""

    repeated = False
    """Was it asked for more than once, as everything is that a board is expected to have?"""


class TransportError(DalyError, OSError):
    """The wire cannot be opened or has gone: port, permission, adapter, network, Bluetooth.

    `cause` is what it was, in a word: on a wire missing, permission, busy, not-a-port, pyserial, name, host,
    refused, unreachable, rfc2217, gone, hangs or cut; "" where nobody knows.

    `stage` says how far a Bluetooth link came: "import", "bus", "scan", "connect", "subscribe", "write",
    "open" (it stood and was lost) or "closed"; None on other wires.
    """

    stage: str | None = None
    passing = False
    """A write that failed, and that may be tried once more if it only reads."""

    def __init__(self, message: str = "", cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class NoReply(DalyError, TimeoutError):
    """The wire is open, but no usable answer came within all attempts.

    `seen` names what was heard instead: "silence", "echo", "another board",
    "another protocol", "another command", "damage" (parts of the answer) or "noise".
    """

    def __init__(self, message: str, seen: str = "silence") -> None:
        super().__init__(message)
        self.seen = seen


class BadReply(DalyError, ValueError):
    """An answer came that cannot be; `raw` holds the bytes it was read from."""

    def __init__(self, message: str, raw: bytes = b"") -> None:
        super().__init__(message)
        self.raw = raw


class NotSupported(DalyError):
    """This board or its protocol has no such reading or command.

    `passing`: it has, but just now cannot tell it: a pack that balances and does not say which cells.
    """

    def __init__(self, message: str, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class WriteFailed(DalyError):
    """What WriteRefused and WriteUnverified share: `result`, the dict that a write returns otherwise."""

    def __init__(self, message: str, result: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.result: dict[str, object] = {} if result is None else result


class WriteRefused(WriteFailed):
    """Nothing was sent, or the board keeps the old value and its answer says otherwise."""


class WriteUnverified(WriteFailed):
    """Sent, but the board cannot be read back, or does not show the new value in time."""
