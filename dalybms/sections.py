"""The names of the readings, apart from their types: all that the command line needs to start."""

SECTIONS = {
    "soc": "pack voltage, current and state of charge",
    "cell_voltage_range": "highest and lowest cell voltage",
    "temperature_range": "highest and lowest temperature",
    "mosfet_status": "MOSFETs, direction of the current, remaining capacity",
    "status": "number of cells and sensors, inputs and outputs, cycles",
    "cell_voltages": "voltage of each cell",
    "temperatures": "temperature of each sensor",
    "balancing_status": "which cells are being balanced",
    "errors": "texts of the active faults",
}
"""The nine sections of `get_all()` and `--all`, in their documented order, and what they hold."""
MORE_SECTIONS = {
    "faults": "active faults with code, level and text",
    "info": "protocol, versions, dates and what else the board says of itself",
}
"""Sections that only their own getter and flag read."""


def word(section: str) -> str:
    """mosfet for mosfet_status, cell-voltages for cell_voltages: the section's flag without its dashes."""
    return (section[: -len("_status")] if section.endswith("_status") else section).replace("_", "-")
