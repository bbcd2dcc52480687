"""What users write, for `mypy --strict` (`make lint`): the annotations have to be true for it. Never run."""

from __future__ import annotations

import logging
from datetime import datetime

from dalybms import (
    BadReply,
    DalyBMS,
    DalyBMSBluetooth,
    DalyBMSSinowealth,
    DalyError,
    NoReply,
    NotSupported,
    TransportError,
    WriteRefused,
    WriteUnverified,
    bank,
    open_bms,
    open_cable,
    parameters,
    watch,
)
from dalybms.energy_file import EnergyFile


def classes() -> None:
    bms = DalyBMS(request_retries=3, address=4, logger=logging.getLogger("mine"), pause=None)
    bms.connect("/dev/ttyUSB0")
    bms.request_retries = 4
    bms.disconnect()
    with DalyBMSBluetooth(request_retries=3) as radio:
        radio.connect(mac_address="AA:BB:CC:DD:EE:FF", adapter="hci0", budget=8)
    with DalyBMSSinowealth() as sinowealth:
        sinowealth.connect("/dev/ttyUSB0")


def readings() -> None:
    with open_bms("demo:", address=8, protocol="a5") as bms:
        soc = bms.get_soc()
        volts: float = soc["total_voltage"]
        watts: float | None = soc.get("power")
        hottest: float = bms.get_temperature_range()["highest_temperature"]
        number: int = bms.get_cell_voltage_range()["highest_cell"]
        mode: str = bms.get_mosfet_status()["mode"]
        cells: dict[int, float] = bms.get_cell_voltages()
        balancing: dict[int, bool] = bms.get_balancing_status()
        codes: list[str] = [fault["code"] for fault in bms.get_faults()]
        limit: float = bms.get_parameters()["cell_voltage_high_2"]
        clock: datetime | None = bms.get_clock()
        frames: list[bytes] = bms.request(0x90)
        outcome: str = bms.set_soc(50)["outcome"]
        part = bms.get_all()["soc"]
        if "error" in part:
            print(part)
    print(volts, watts, hottest, number, mode, cells, balancing, codes, limit, clock, frames, outcome)


def several() -> None:
    with open_cable("demo:?boards=2") as cable:
        packs = {number: {**cable.board(number).get_all()} for number in cable.find(print)}
        print(bank(packs)["soc_percent"], parameters.read(cable.board(1)))
    counted = EnergyFile("energy.json", 10)
    for sample in watch(["house=demo:"], interval=10, bank=True):
        print(counted.add(sample, 0.0)["energy_in_wh"])


def errors(bms: DalyBMS) -> str:
    try:
        bms.set_charge_mosfet(False)
    except NoReply as error:
        return error.seen
    except BadReply as error:
        return error.raw.hex()
    except TransportError as error:
        return error.stage or ""
    except NotSupported as error:
        return str(error.passing)
    except (WriteRefused, WriteUnverified) as error:
        return str(error.result)
    except DalyError as error:
        return str(error)
    return ""
