"""A TCP connection to whichever address of a name answers first."""

from __future__ import annotations

import errno
import os
import select
import socket
import time

_NEXT = 0.25
"""Seconds after which the next address is tried beside those that have not answered (RFC 8305)."""
_ON_ITS_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0))


def dial(host: str, port: int, seconds: float) -> socket.socket:
    """Connected, within so many seconds for all addresses together, whose first may be dead.

    Raises OSError: why the last one failed, TimeoutError where one did not answer; for a name gaierror and
    UnicodeError.
    """
    end = time.monotonic() + seconds
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trying: list[socket.socket] = []
    failure: OSError = TimeoutError()
    try:
        while (addresses or trying) and (left := end - time.monotonic()) > 0:
            if addresses:
                family, kind, protocol, _, address = addresses.pop(0)
                trying.append(socket.socket(family, kind, protocol))
                trying[-1].setblocking(False)
                failure = _begun(trying, trying[-1].connect_ex(address)) or failure
            if trying:
                wait = min(left, _NEXT) if addresses else left
                for each in {each for found in select.select([], trying, trying, wait)[1:] for each in found}:
                    error = each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    trying.remove(each)
                    if not error:
                        return each
                    each.close()
                    failure = OSError(error, os.strerror(error))
        raise TimeoutError() if trying else failure
    finally:
        for each in trying:
            each.close()


def _begun(trying: list[socket.socket], error: int) -> OSError | None:
    """Why the last one failed at once, and is not tried any more; None: it is on its way."""
    if error in _ON_ITS_WAY:
        return None
    trying.pop().close()
    return OSError(error, os.strerror(error))
