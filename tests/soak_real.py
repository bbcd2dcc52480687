"""The part of the soak that is real: sockets that are cut, threads, and bleak."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from soak_boards import RARE, STATES, fill, truth
from soak_result import Result, held
from support import Clock

from dalybms.emulator.options import build
from dalybms.sampling import READ, Sampler, Watched
from dalybms.watching import Watch, opened

if TYPE_CHECKING:
    from bluez.standin import BlueZ

_SLOW = {"late", "slow", "foreign", "echo", "echo-partial"}
"""They would cost real seconds; a socket or a dongle has no echo, and one link is one board."""
FAULTS = ",".join(f"{name}:0.01" for name in RARE.split() if name not in _SLOW)
CUT = 0.002
"""Of the requests: the link breaks."""
_LIMIT = 5.0


def state_of(sample: dict[str, Any]) -> int:
    """The state that a sample shows, by its state of charge; all of it must be of that one."""
    percent = sample.get("soc", {}).get("soc_percent")
    return 0 if percent is None else round(percent * 10 - 500) // 7 % STATES


class Gateway:
    """A TCP server with a board behind it that cuts connections; its values change with every request."""

    def __init__(self, options: str, seed: int) -> None:
        self._options, self._dice = f"{options}&fault={FAULTS}", random.Random(seed)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.name = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self.opened = self.injected = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                self._answer(client)

    def _answer(self, client: socket.socket) -> None:
        """Until it is cut. The values stay as they are while it lives: a reading must not see two states."""
        line = build(f"{self._options}&seed={self._dice.randrange(1 << 30)}")
        fill(line.boards[0].pack, self.opened % STATES)
        self.opened += 1
        try:
            while (request := client.recv(4096)) and self._dice.random() >= CUT:
                now = time.monotonic()
                line.write(request, now)
                client.sendall(line.take(now))
        except OSError:
            return
        finally:
            self.injected += sum(line.injected.values())

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(_LIMIT)


@contextmanager
def gateways(protocols: Iterable[str]) -> Iterator[dict[str, Gateway]]:
    with ExitStack() as stack:
        found = {}
        for seed, protocol in enumerate(protocols):
            found[protocol] = Gateway(f"protocol={protocol}&cells=16&sensors=4", seed)
            stack.callback(found[protocol].close)
        yield found


def sockets(count: int) -> Result:
    """The whole loop with its threads, ten samples a second of each of three boards."""
    protocols = ("a5", "d2", "p81")
    true = {protocol: truth(f"protocol={protocol}&cells=16&sensors=4", READ) for protocol in protocols}
    with gateways(protocols) as servers:
        batteries = [Watched(name, each.name, (), {"timeout": 0.1}) for name, each in servers.items()]
        list(Watch(batteries, 0.1, count=1).__enter__())  # what is loaded once is loaded now
        result = Result("sockets, real time")
        with Watch(batteries, 0.1, count=count) as samples:
            for sample in samples:
                result.take(sample, true[sample["name"]][state_of(sample)])
        result.opened = sum(each.opened for each in servers.values())
        result.injected = sum(each.injected for each in servers.values())
        return result.finish()


def bluetooth(protocol: str, samples: int, bluez: BlueZ) -> Result:
    """One link of the real bleak, opened anew whenever it broke."""
    from bluez import MAC, device
    from bluez.battery import cut
    from bluez.peripheral import CUT as BREAK

    options = f"protocol={protocol}&cells=16&sensors=4"
    line, dice = build(f"{options}&fault={FAULTS}"), random.Random(1)

    def answer(request: bytes) -> Iterable[Any]:
        if dice.random() < CUT / 2:
            yield BREAK
            return
        now = time.monotonic()
        line.write(request, now)
        yield from cut(line.take(now), 20)

    bluez.peripherals[:] = [dongle := device(answer=answer)]
    true, result = truth(options, READ), Result(f"Bluetooth, {protocol}")
    clock = Clock()
    sampler = Sampler(Watched("van", MAC, (), {"timeout": 0.1, "protocol": protocol}), opened, clock)
    for number in range(samples):
        if number == samples // 2:
            result.before = held()
        fill(line.boards[0].pack, number % STATES)
        clock.now += 60.0
        (sample,) = sampler.samples(clock)
        result.take(sample, true[number % STATES])
        dongle.written.clear()  # what the stand-ins remember is no leak of ours
        for log in (line.log, line.boards[0].log):
            log.heard.clear()
        result.opened += bluez.calls.count("Connect")
        bluez.calls.clear()
    result.finish()
    sampler.end()
    result.injected = sum(line.injected.values())
    return result
