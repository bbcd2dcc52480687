"""Home Assistant's discovery: one message per board that describes all its entities. Pure.

Source: Home Assistant's MQTT documentation, and version 2026.11 asked itself (docs/testing.md): a template
whose key is missing keeps the old value, so every key is always there; null shows as unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dalybms import __version__
from dalybms.outputs.flat import Shape, flat, section
from dalybms.outputs.names import identifier, node, title
from dalybms.outputs.quantities import FLAG, STATES, TEXT, Quantity, quantities

PREFIX = "homeassistant"
"""Where Home Assistant looks for discoveries, unless it was told otherwise."""
ORIGIN = "dalybms"
_LONGEST_STATE = 255
_NOT_SHOWN = ("charging_power", "discharging_power", "charging_current", "discharging_current")
"""`power` tells the same with a sign, as the energy dashboard wants it."""
_KILO = 1000
_ABOUT = (
    ("sw_version", ("software_version",)),
    ("hw_version", ("hardware_version",)),
    ("serial_number", ("battery_code", "serial_number")),
)


class Discovery:
    """topic: the first levels of the state topics. expire: seconds after which a state is unavailable."""

    def __init__(self, topic: str, expire: int, prefix: str = PREFIX) -> None:
        self._topic, self._expire = topic, expire
        self.topics = f"{prefix}/device/"
        """What the topics of the discoveries begin with."""
        self.birth = f"{prefix}/status"
        """Where Home Assistant says "online" when it has started."""
        self._seen: dict[str, set[str]] = {}
        self._about: dict[str, dict[str, str]] = {}
        self._made: dict[str, Any] = {}

    def take(self, sample: Mapping[str, Any], shape: Shape) -> Iterator[tuple[str, str]]:
        """(topic, message) where something is new, once a status was read: it tells the number of cells."""
        own = identifier(sample)
        seen, about = self._seen.setdefault(own, set()), self._about.setdefault(own, {})
        seen.update(key for key, value in flat(sample, shape).items() if value is not None)
        about.update(_about(section(sample, "info")))
        if not (section(sample, "status") or section(sample, "bank")) and own not in self._made:
            return
        state = (shape, frozenset(seen), tuple(about.items()))
        if self._made.get(own) != state:
            self._made[own] = state
            yield (
                f"{self.topics}daly_bms_{own}/config",
                json.dumps(message(sample, shape, seen, about, self._topic, self._expire)),
            )


def message(
    sample: Mapping[str, Any], shape: Shape, seen: set[str], about: Mapping[str, str], topic: str, expire: int
) -> dict[str, Any]:
    """The discovery of one board. seen: keys that have had a value; about: the device, as read."""
    own, base = f"daly_bms_{identifier(sample)}", f"{topic}/{node(sample)}"
    protocol = str(sample.get("protocol"))
    rows = [row for row in quantities(*shape) if _is_shown(row, protocol, seen)]
    program = {"topic": f"{topic}/status"}
    return {
        "device": {
            "identifiers": [own],
            "name": f"Daly {title(sample)}",
            "manufacturer": "Daly",
            "model": "bank of packs" if protocol == "None" else f"BMS ({protocol})",
            **about,
        },
        "origin": {"name": ORIGIN, "sw_version": __version__},
        "availability": [program, {"topic": f"{base}/status"}],
        "availability_mode": "all",
        "state_topic": f"{base}/state",
        "qos": 1,
        "components": {
            "state": {**_state(own, expire), "availability": [program]},
            **{row.key: _component(own, row, expire) for row in rows},
        },
    }


def _is_shown(row: Quantity, protocol: str, seen: set[str]) -> bool:
    if row.key in _NOT_SHOWN or row.source == "info":
        return False
    return protocol in row.protocols.split() or row.key in seen


def _about(info: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, sources in _ABOUT:
        told = [str(info[source]) for source in sources if info.get(source)]
        if told:
            found[key] = told[0]
    return found


def _state(own: str, expire: int) -> dict[str, Any]:
    """Hangs on the program alone, so that it can say why the board is away."""
    row = Quantity("state", "", "state", TEXT, options=STATES, detail=True)
    return _component(own, row, expire)


def _component(own: str, row: Quantity, expire: int) -> dict[str, Any]:
    platform = "binary_sensor" if row.kind == FLAG else "sensor"
    found: dict[str, Any] = {
        "platform": platform,
        "unique_id": f"{own}_{row.key}",
        "default_entity_id": f"{platform}.{re.sub('[^a-z0-9]+', '_', own.lower())}_{row.key}",
        "name": row.name[0].upper() + row.name[1:],
        "value_template": _template(row),
        "expire_after": expire,
    }
    if row.kind == FLAG:
        found.update(payload_on="True", payload_off="False")
    elif row.options:
        found.update(device_class="enum", options=list(row.options))
    if row.device_class:
        found["device_class"] = row.device_class
    if row.state_class:
        found["state_class"] = row.state_class
    if row.unit:
        found["unit_of_measurement"] = "kWh" if row.unit == "Wh" else row.unit
        found["suggested_display_precision"] = 2 if row.unit == "Wh" else row.precision
    if row.detail:
        found["entity_category"] = "diagnostic"
    return found


def _template(row: Quantity) -> str:
    """null stays null, which is shown as unknown."""
    value = f"value_json.{row.key}"
    if row.unit == "Wh":
        return f"{{{{ {value} / {_KILO} if {value} is not none else none }}}}"
    if row.kind == TEXT and not row.options:
        return f"{{{{ {value}[:{_LONGEST_STATE}] if {value} is not none else none }}}}"
    return f"{{{{ {value} }}}}"
