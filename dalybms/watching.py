"""The loop that keeps sampling: schedule, reconnect, states. Yields samples, plain dicts.

from dalybms import watch

for sample in watch(["house=/dev/ttyUSB0"], interval=10):
    print(sample["state"], sample.get("soc"))
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Callable, Union

from dalybms.arguments import check_seconds, check_whole
from dalybms.battery_names import BANK, check_names, key_of
from dalybms.cable import open_cable
from dalybms.elapsed import elapsed
from dalybms.opening import battery_class
from dalybms.sampling import ERROR, Sample, Sampler, Watched, rfc3339
from dalybms.schedule import Schedule

_FRESH = 2.0
"""Intervals: older samples do not count for the bank."""
_ROOM = 1000
"""Samples that wait for a slow consumer; then the wires wait."""
_LOOK_UP = 1.0 if os.name == "nt" else None
"""Seconds: Windows handles Ctrl-C only between two waits."""
_FAREWELL = 1.5
"""Seconds that all wires together are granted to end."""
Device = Union[str, Watched]


class Watch:
    """Samples of several batteries, for `with`: iterate over it; stop() from anywhere ends the iteration.

    devices: texts as for open_bms(), with NAME= in front where a name is wanted, or Watched. interval: s.
    count: samples per battery; None: for ever. bank: add a sample of all of them as one. release: close each
    wire between samples, so that a phone app can connect.
    One thread per wire: one that hangs delays no other. Raises ValueError or TypeError for what cannot be,
    options of a battery when its first sample is due. A wire that cannot be opened is a sample with `error`.
    """

    def __init__(
        self,
        devices: Iterable[Device],
        interval: float = 10.0,
        count: int | None = None,
        bank: bool = False,
        release: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        check_seconds("interval", interval, 0.1, 86400)
        if count is not None:
            check_whole("count", count, 1, 10**9)
        self.watched = [_watched(each) for each in devices]
        check_names([(each.name, each.boards) for each in self.watched])
        self.interval, self._count, self._wall = interval, count, wall
        self._bank = _Bank(self.watched, interval) if bank else None
        self._samplers = [Sampler(each, opened, wall, release) for each in self.watched]
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """(sampler, elapsed(), sample), None: a wire has ended, or an exception that ended it.

        Of the queues only this one can be filled by a signal handler that interrupts its own reader."""
        self._room = threading.Semaphore(_ROOM)
        self._stopping = threading.Event()
        self._stopped = False
        self._threads: list[threading.Thread] = []
        self.read_at = 0.0
        """When the sample given last had been read, by elapsed(), s: a slow consumer gets it later."""
        self.ended_by_count = False
        """Has every battery given `count` samples?"""

    def __enter__(self) -> Watch:
        start = time.monotonic()
        for sampler in self._samplers:
            thread = threading.Thread(
                target=self._run, args=(sampler, start), name=f"dalybms-{sampler.watched.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        end = time.monotonic() + _FAREWELL
        for sampler in self._samplers:
            threading.Thread(target=sampler.end, daemon=True).start()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def __iter__(self) -> Iterator[Sample]:
        """Each sample as it comes; the bank behind those that it is made of."""
        running = len(self._samplers)
        while running and not self._stopping.is_set():
            item = self._next()
            if item is None:
                running -= 1
                continue
            if isinstance(item, BaseException):
                raise item
            sampler, at, sample = item
            self._room.release()
            self.read_at = at
            yield sample
            if self._bank and self._bank.takes(sampler, at, sample):
                yield self._bank.sample(at, rfc3339(self._wall()))
        self.ended_by_count = not running and not self._stopping.is_set()

    def _next(self) -> Any:
        """The next item, or None when the watch is to end."""
        while not self._stopping.is_set():
            try:
                return self._queue.get(timeout=_LOOK_UP)
            except queue.Empty:
                continue
        return None

    def stop(self) -> None:
        """End the iteration soon; may be called from a signal handler and from any thread."""
        if not self._stopped:  # a handler must not wait for the lock of a call that it interrupted
            self._stopped = True
            self._stopping.set()
            self._queue.put(None)

    def _run(self, sampler: Sampler, start: float) -> None:
        try:
            self._sample(sampler, start)
        except Exception as error:  # noqa: BLE001 - raised where the samples are taken
            self._queue.put(error)
        else:
            self._queue.put(None)
        finally:
            sampler.end()

    def _sample(self, sampler: Sampler, start: float) -> None:
        schedule, done, due = Schedule(start, self.interval), 0, start
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            for sample in sampler.samples(time.monotonic):
                if not self._hand_over(sampler, sample):
                    return
            done += 1
            if self._count is not None and done >= self._count:
                return
            due = schedule.after(time.monotonic())

    def _hand_over(self, sampler: Sampler, sample: Sample) -> bool:
        """False when the watch ends: nobody will take it any more."""
        at = elapsed()
        while not self._stopping.is_set():
            if self._room.acquire(timeout=0.2):
                self._queue.put((sampler, at, sample))
                return True
        return False


class _Bank:
    """The latest sample of each battery, and when the bank is to be told."""

    def __init__(self, watched: Iterable[Watched], interval: float) -> None:
        self._interval = interval
        self._names = [key_of(each.name, board) for each in watched for board in each.boards or (None,)]
        self._inverted = {
            key_of(each.name, b) for each in watched if each.inverted for b in each.boards or (None,)
        }
        self._latest: dict[str, tuple[float, Sample]] = {}
        self._voices: dict[str, Mapping[str, int]] = {}
        self._new: set[str] = set()
        self._told_at, self._began = float("-inf"), float("inf")

    def takes(self, sampler: Sampler, at: float, sample: Sample) -> bool:
        """Is it time for a sample of the bank: when all have told anew, or an interval after the last one?"""
        key = key_of(sample["name"], sample["board"])
        self._began = min(self._began, at)
        self._latest[key] = at, sample
        self._voices[key] = sampler.voices()[sample["board"]]
        self._new.add(key)
        self._told_at = max(self._told_at, self._began)
        return self._new >= set(self._names) or at - self._told_at >= _FRESH * self._interval

    def sample(self, at: float, now: str) -> Sample:
        from dalybms.banking import bank

        self._new.clear()
        self._told_at = at
        packs: dict[str, Any] = {name: {"error": "no sample within two intervals"} for name in self._names}
        for name, (taken, sample) in self._latest.items():
            if at - taken <= _FRESH * self._interval:
                packs[name] = sample
        found = bank(packs, self._voices, self._inverted)
        whole = found["boards"]["answering"] == found["boards"]["of"]
        head = {"time": now, "device": None, "name": BANK, "board": None, "protocol": None}
        if not found["boards"]["answering"]:
            return {**head, "state": ERROR, "error": "no pack answers: their own samples say why"}
        return {**head, "state": "ok" if whole else "partial", "polarity": 1, "bank": found}


def watch(devices: Iterable[Device] | Device, interval: float = 10.0, **options: Any) -> Iterator[Sample]:
    """Samples for ever, or `count` of each battery; as Watch. Closing the generator closes the wires."""
    several = [devices] if isinstance(devices, (str, Watched)) else devices
    with Watch(several, interval, **options) as samples:
        yield from samples


def opened(watched: Watched) -> tuple[dict[int | None, Any], Callable[[], None]]:
    """The batteries of a wire by number, and how to close it. Raises as open_bms()."""
    if not watched.boards:
        options = dict(watched.options)
        adapter = options.pop("adapter", None)
        bms = battery_class(watched.device)(**options)
        bms.connect(watched.device, **({"adapter": adapter} if adapter else {}))
        return {None: bms}, bms.disconnect
    cable = open_cable(watched.device, **watched.options)
    return {number: cable.board(number) for number in watched.boards}, cable.close


def check_options(watched: Watched) -> None:
    """Raises ValueError or TypeError for options that cannot be; opens nothing."""
    options = {name: value for name, value in watched.options.items() if name != "adapter"}
    for board in watched.boards or (options.pop("board", None),):
        battery_class(watched.device)(**options, board=board)


def named(text: str) -> tuple[str, str]:
    """(name, device) of NAME=DEVICE, where the name holds nothing that a device begins with, or of DEVICE.

    Raises ValueError where one of the two is missing.
    """
    name, equals, rest = text.partition("=")
    if not equals or set(name) & set("/:?\\."):
        return text, text
    if not name or not rest:
        raise ValueError(f"{text!r} is half of a battery: write NAME=DEVICE, or DEVICE alone")
    return name, rest


def _watched(device: Device) -> Watched:
    return device if isinstance(device, Watched) else Watched(*named(device))
