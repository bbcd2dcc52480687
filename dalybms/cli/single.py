"""What becomes of one reading beside JSON: one bare value, a table, MQTT."""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Mapping
from typing import Any

from dalybms.cli import mqtt_flags, output
from dalybms.getters import presentable


def misuse(options: argparse.Namespace, several: bool) -> str:
    """Why these options cannot be; "" when they can."""
    idle = mqtt_flags.meant(options)
    if idle:
        return f"{', '.join(idle)}: only with --mqtt"
    if options.mqtt_hass or options.mqtt_hass_prefix or options.mqtt_hass_remove:
        return "--mqtt-hass is for daly-bms-cli watch: a single reading would never expire"
    chosen = [name for name in ("get", "mqtt") if getattr(options, name)]
    chosen += ["format"] if options.format == "table" else []
    if len(chosen) > 1:
        return f"--{' and --'.join(chosen)} contradict each other: give one of them"
    if chosen and several:
        return f"--{chosen[0]} is for one battery: give --board a single number"
    if options.get and (options.sections or options.all):
        return "--get reads what it needs: leave the other readings out"
    return ""


def make_ready(options: argparse.Namespace) -> None:
    """What can be known before a battery is asked. Raises ValueError, DalyError for what will not work."""
    if options.mqtt:
        mqtt_flags.settings(options)
    if options.format == "table":
        importlib.import_module("dalybms.outputs.table")


def section_of(path: str) -> str:
    """The section that --get needs. Raises ValueError for a path that begins with none."""
    from dalybms.outputs import one_value

    return one_value.section_of(path)


def put(
    outcomes: Mapping[str, Any], about: Mapping[str, Any], options: argparse.Namespace, alone: bool
) -> int:
    """Print or publish; the exit code of having done so. DalyError when it could not be done.

    about: the `protocol`, and what the readings go without, `unusable`.
    """
    sample = _sample(outcomes, about, options)
    if options.get:
        from dalybms.outputs import one_value

        return output.write(one_value.value(sample, options.get))
    if options.format == "table":
        from dalybms.outputs.table.view import show

        return output.put(lambda: show(sample))
    from dalybms.outputs.mqtt.once import messages, publish

    settings = mqtt_flags.settings(options)
    document = next(iter(outcomes.values())) if alone else presentable(dict(outcomes))
    publish(settings, list(messages(settings.topic, document)))
    return output.DONE


def _sample(
    outcomes: Mapping[str, Any], about: Mapping[str, Any], options: argparse.Namespace
) -> dict[str, Any]:
    from dalybms.packs import Pack, failure
    from dalybms.sampling import rfc3339

    readings = presentable(dict(outcomes))
    failed = any(map(failure, readings.values()))  # what a board has not is no failure, as in a watch
    head = {
        "time": rfc3339(time.time()),
        "device": str(options.device),
        "name": str(options.device),
        "board": options.board,
        "protocol": about["protocol"],
        "state": "partial" if failed else "ok",
    }
    inverted = bool(options.invert_current)
    known = Pack("", {**head, **readings}, {}, inverted).polarity
    return {
        **head,
        "polarity": known,
        **readings,
        **({"unusable": about["unusable"]} if about["unusable"] else {}),
    }
