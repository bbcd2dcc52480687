"""`daly-bms-cli watch`: sample for ever, and feed what is named."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from dalybms.battery_names import BANK
from dalybms.cli import mqtt_flags, output, watch_config
from dalybms.cli.options import DEVICE_VARIABLE, add_battery, add_patience, add_verbose
from dalybms.cli.parser import Parser
from dalybms.cli.run import show_bytes
from dalybms.cli.settings import settings
from dalybms.cli.systemd import Notifier, complain
from dalybms.cli.values import Once, seconds, whole_from
from dalybms.cli.watch_outputs import Outputs, ReaderGone
from dalybms.cli.watch_pace import PaceNotice
from dalybms.cli.watch_signals import EndedBySignals
from dalybms.errors import DalyError
from dalybms.sampling import Watched
from dalybms.watching import Watch, check_options, named

INTERVAL = 10.0
_GOOD = ("ok", "partial")
_DESCRIPTION = """\
Read one or several batteries again and again, for years: a sample that failed is a line as well,
a wire that was lost is opened again. Ends with 0 on Ctrl-C and SIGTERM.

  daly-bms-cli watch -d /dev/ttyUSB0
  daly-bms-cli watch -d house=/dev/ttyUSB0 -d van=AA:BB:CC:DD:EE:FF --interval 30 --mqtt --mqtt-hass
  daly-bms-cli watch --config /etc/daly-bms.toml --format table
"""


def main(given: Sequence[str]) -> int:
    """Run the verb with its arguments; returns the exit code (argparse exits with 2 for wrong usage)."""
    parser = _parser()
    options = parser.parse_args(given)
    if options.verbose:
        show_bytes()
    try:
        kept = watch_config.load(options.config) if options.config else {}
        if options.mqtt_hass_remove:
            return _remove(options, kept)
        return _watch(options, kept)
    except ReaderGone:
        output.silence()
        return output.DONE
    except DalyError as error:
        complain(str(error))
        return output.FAILED
    except ValueError as error:
        parser.error(str(error))


def _watch(options: argparse.Namespace, kept: Mapping[str, Any]) -> int:
    idle = [] if "mqtt" in kept else mqtt_flags.meant(options)
    if idle:
        raise ValueError(f"{', '.join(idle)}: only with --mqtt")
    interval = options.interval or float(kept.get("interval", INTERVAL))
    batteries = _batteries(options, kept)
    with watch_config.blamed(None if options.device else options.config):
        several = Watch(
            batteries,
            interval,
            count=options.count,
            bank=options.bank or kept.get("bank", False),
            release=options.release or kept.get("release", False),
        )
    energy = _energy(options.energy or kept.get("energy"), interval)
    outputs = Outputs(options, kept, interval, complain, [each.name for each in several.watched])
    with EndedBySignals(several, outputs.tick) as ended:
        try:
            return _run(several, outputs, energy, ended)
        finally:
            try:
                outputs.close()
            finally:
                _save(energy, outputs)


def _run(several: Watch, outputs: Outputs, energy: Any, ended: EndedBySignals) -> int:
    """Hand over sample by sample; the exit code."""
    manager, ready, good, counted = Notifier(), False, 0, 0
    everyone = {(each.name, board) for each in several.watched for board in each.boards or (None,)}
    awaited = set(everyone)
    inverted = {each.name: each.inverted for each in several.watched}
    pace = PaceNotice(several.interval, outputs.complain)
    with several:
        for sample in several:
            of_battery = sample["name"] != BANK
            if of_battery:
                pace.take(sample, several.read_at)
            if energy and of_battery:
                sample = {**sample, "energy": _count(energy, sample, several.read_at, inverted, outputs)}
            outputs.take(sample)
            counted += of_battery
            good += of_battery and sample["state"] in _GOOD
            awaited.discard((sample["name"], sample["board"]))
            words = f"{sample['name']}: {sample['state']}; {good} of {counted} samples read"
            manager.say(
                **({} if ready else {"READY": 1}), STATUS=words, **({} if awaited else {"WATCHDOG": 1})
            )
            ready, awaited = True, awaited or set(everyone)
        ended.over()
    manager.say(STOPPING=1)
    return output.FAILED if several.ended_by_count and counted and not good else output.DONE


def _energy(path: str | None, interval: float) -> Any:
    if path is None:
        return None
    from dalybms.energy_file import EnergyFile

    return EnergyFile(path, interval)


def _count(
    energy: Any, sample: Mapping[str, Any], at: float, inverted: Mapping[str, bool], outputs: Outputs
) -> Any:
    """What stands in the file; a file that cannot be written stops nothing."""
    try:
        return energy.add(sample, at, inverted.get(str(sample["name"]), False))
    except DalyError as error:
        outputs.complain(str(error))
        return energy.shown(sample)


def _save(energy: Any, outputs: Outputs) -> None:
    if energy:
        try:
            energy.save()
        except DalyError as error:
            outputs.complain(str(error))


def _batteries(options: argparse.Namespace, kept: Mapping[str, Any]) -> list[Watched]:
    """Those of the options, else those of the file, else that of the environment."""
    devices = options.device or ()
    if not devices and kept.get("battery"):
        return [_of_file(options, each) for each in kept["battery"]]
    if not devices and os.environ.get(DEVICE_VARIABLE):
        devices = (os.environ[DEVICE_VARIABLE],)
    if not devices:
        raise ValueError(f"which battery? give -d DEVICE, --config FILE or set {DEVICE_VARIABLE}")
    return [_watched(options, *named(text)) for text in devices]


def _watched(options: argparse.Namespace, name: str, device: str) -> Watched:
    own = copy(options)
    own.device = device
    if own.board == "all":
        raise ValueError("name the boards to watch, as --board 1,2: one that vanished would not be missed")
    several = isinstance(own.board, list)
    chosen = {**settings(own), **({} if several or own.board is None else {"board": own.board})}
    if own.adapter:
        chosen["adapter"] = own.adapter
    return Watched(name, device, tuple(own.board) if several else (), chosen)


def _of_file(options: argparse.Namespace, kept: Mapping[str, Any]) -> Watched:
    """A battery of the config file; the options hold what it does not say."""
    own = copy(options)
    for key, value in kept.items():
        if key not in ("name", "device"):
            setattr(own, key, value)
    if isinstance(own.board, list) and len(own.board) == 1:
        own.board = own.board[0]
    with watch_config.blamed(options.config):
        watched = _watched(own, kept.get("name", kept["device"]), kept["device"])
        check_options(watched)
    return watched


def _remove(options: argparse.Namespace, kept: Mapping[str, Any]) -> int:
    """Clear what was announced to Home Assistant, by us or by 0.5."""
    with watch_config.blamed(options.config if "mqtt" in kept else None):
        found = mqtt_flags.settings(options, dict(kept.get("mqtt", {})))
    from dalybms.outputs.mqtt.removal import remove

    prefix = options.mqtt_hass_prefix or kept.get("mqtt", {}).get("hass_prefix", "homeassistant")
    for topic in remove(found, prefix):
        output.write(topic)
    return output.DONE


def _count_of(text: str) -> int:
    if not whole_from(1, 10**9, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _parser() -> Parser:
    usage = "%(prog)s [-d [NAME=]DEVICE ...] [--config FILE] [options]"
    parser = Parser("daly-bms-cli watch", usage=usage, description=_DESCRIPTION)
    general = parser.add_argument_group("options")
    general.add_argument("-h", "--help", action="help", help="show this help and exit")
    add_verbose(general)
    general.add_argument(
        "--config", action=Once, metavar="FILE", help="a TOML file with batteries and outputs"
    )
    add_battery(parser.add_argument_group("which batteries"), several=True, boards=", several as 1,2,3")
    general.add_argument("--invert-current", action="store_true", help="turn the sign of the current")
    loop = parser.add_argument_group("how often")
    loop.add_argument(
        "--interval", type=seconds, metavar="SECONDS", help=f"from sample to sample ({INTERVAL:g})"
    )
    loop.add_argument("--count", type=_count_of, metavar="N", help="end after N samples of each battery")
    loop.add_argument(
        "--release", action="store_true", help="close the wire between samples: apps can connect"
    )
    loop.add_argument("--bank", action="store_true", help="add a sample of all batteries as one")
    loop.add_argument("--energy", action=Once, metavar="FILE", help="count Wh and Ah in this file")
    add_patience(parser.add_argument_group("how long to try"), ends=False)
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--format", choices=watch_config.FORMATS, help="on stdout or in -o (jsonl)")
    outputs.add_argument(
        "-o", "--output", action=Once, metavar="FILE", help="append to this file instead of stdout"
    )
    outputs.add_argument(
        "--prometheus",
        action=Once,
        metavar="WHERE",
        help="serve or write metrics: PORT, ADDRESS:PORT or FILE.prom",
    )
    mqtt_flags.add_options(parser.add_argument_group("MQTT"))
    return parser
