"""What to try about a fault. Pure."""

from __future__ import annotations

WIRES = "check the balance wires and their plug, then how many cells the board is set to"
OVERCHARGED = "stop charging; measure it, check its balance wire and the chemistry that is set"
EMPTIED = "measure it, check its balance wire and the chemistry that is set; if it is true, charge it gently"
_WAYS = (
    (
        "cell_voltage_high",
        "stop charging; then look for the cell that is ahead, and at the charger's voltage",
    ),
    ("cell_voltage_low", "charge it soon, gently; then look for the cell that is behind"),
    ("pack_voltage_high", "stop charging; check the charger's voltage"),
    ("pack_voltage_low", "charge it soon"),
    (
        "cell_voltage_difference",
        "look at the single cells: let it balance, or check the connections of the odd one",
    ),
    ("charge_temperature_low", "warm the pack before charging"),
    ("discharge_temperature_low", "warm the pack"),
    ("charge_overcurrent", "charge with less current"),
    ("discharge_overcurrent", "take less current"),
    ("short_circuit", "find the short circuit before anything is switched on"),
    ("soc_low", "charge it"),
    ("cell_sense_wire", WIRES),
    ("forced_start", "end it in the vendor's app as soon as the pack can do without it"),
    ("temperature_sensor", "check the plug of the temperature sensors"),
)


def way_out(code: str) -> str:
    """What to try about a fault, by its code."""
    named = [way for start, way in _WAYS if code.startswith(start)]
    if named:
        return named[0]
    return "let it cool down" if "temperature" in code or code.endswith("hot") else "see the vendor's manual"
