"""The causes in words: what it is, and the one thing to do next. docs/diagnose.md has a row for each."""

from __future__ import annotations

from dalybms.diagnosis.radio import RADIO

CAUSES: dict[str, tuple[str, str]] = {
    **RADIO,
    "missing": (
        "the system has no such port",
        "plug the adapter in and take a name that daly-bms-cli --list-ports shows",
    ),
    "taken": (
        "the port vanishes because {takers} runs here and takes serial adapters",
        "sudo apt remove brltty modemmanager, then plug the adapter in again",
    ),
    "permission": (
        "this user may not open the port",
        "sudo usermod -aG the group of the port (dialout or uucp), then log in again",
    ),
    "busy": ("another program holds the port: {by}", "stop that program: one port serves one program"),
    "not-a-port": ("what was named is no serial port", "take a name that daly-bms-cli --list-ports shows"),
    "pyserial": (
        "the package pyserial is missing or another one stands in its place",
        "pip install --force-reinstall pyserial",
    ),
    "name": ("the device is written otherwise: {error}", "write it as this line says"),
    "host": ("the name of the host is not known", "check the name, or write the address of the gateway"),
    "refused": (
        "the machine is there, but nothing listens on that port",
        "start ser2net or the gateway's server, and check the port number",
    ),
    "unreachable": (
        "the gateway is not reached over the network",
        "ping it; check its power, address and network",
    ),
    "rfc2217": ("the far side does not speak RFC 2217", "write socket:// in place of rfc2217://"),
    "telnet": (
        "the far side speaks Telnet or RFC 2217, not raw bytes",
        "write rfc2217:// in place of socket://, or set the server to raw TCP",
    ),
    "other": ("it does not open: {error}", "unplug the adapter, plug it in again and try once more"),
    "gone": ("the adapter went away while it was used", "check plug and cable, and use another USB socket"),
    "hangs": (
        "the adapter or the gateway takes no bytes",
        "unplug it and plug it in again",
    ),
    "client": ("another client took the connection", "close the other client: many gateways serve one"),
    "gateway-restarts": ("the gateway restarted or lost its power", "check its power, then try again"),
    "modbus-tcp": (
        "the gateway speaks Modbus TCP, not raw bytes",
        "set it to transparent (raw TCP server), 9600 8N1",
    ),
    "gateway-settings": (
        "the gateway hands nothing on: wrong baud rate, parity or mode, or it serves another client",
        "close other clients; set it to transparent (raw TCP server), 9600 8N1",
    ),
    "baudrate": (
        "the baud rate is wrong",
        "try --baudrate 9600, the rate of Daly's boards, or 115200",
    ),
    "baudrate-found": ("the board answers at {rate} baud", "give --baudrate {rate}"),
    "swapped": ("the wires A and B (or TX and RX) are swapped", "swap the two wires"),
    "wires": (
        "a wire is off or swapped (A/B, TX/RX, GND)",
        "check GND first, then swap A and B (or TX and RX)",
    ),
    "adapter": (
        "the adapter is of the wrong kind: RS485 on a UART port, or the other way round",
        "compare the port of the board with docs/wiring.md",
    ),
    "text": (
        "what comes is readable text: another device (a GPS, a console) or another server, no battery",
        "take the port that the battery is on: daly-bms-cli --list-ports shows them; a gateway's port number "
        "stands in its settings",
    ),
    "make": (
        "a board of another make ({make}) is on this line",
        "take the port that the Daly is on, or that board's own program",
    ),
    "modbus": (
        "another Modbus device is on this line",
        "take it off, or take the port that the battery is on",
    ),
    "modem": (
        "a program looks for a modem on this line, as ModemManager does on each new port",
        "sudo apt remove modemmanager, or wait half a minute after plugging in",
    ),
    "unbelievable": (
        "{spoken} answers, and refuses or says what no battery can have: it wakes up, is another kind of "
        "device, or has a firmware that is not known here",
        "wait a minute and try again; if it is a Daly, report it: --report FILE",
    ),
    "slow": (
        "answers take {time}, longer than is waited for",
        "give --reply-timeout {seconds}",
    ),
    "no-host": (
        "the board speaks {spoken}, which has no host address",
        "leave --uart and --address out",
    ),
    "unmeasured": (
        "{spoken}; no time was left to see how well",
        "leave --reply-timeout out, or try once more",
    ),
    "disturbed": (
        "bytes come damaged: GND missing, a long or untwisted cable, a charger's noise",
        "connect GND, shorten and twist the cable",
    ),
    "joined": (
        "TX and RX are joined, or the adapter sends back what it gets",
        "pull the plug at the board: if the echo stays, it is cable or adapter",
    ),
    "asleep": ("the board is asleep", "charge or load the battery for a moment, or press its key"),
    "master": (
        "another master asks on this line",
        "take the inverter or display off this line, or read at its place",
    ),
    "inverter": (
        "the port speaks an inverter's protocol",
        "set the protocol of this port to none (Daly) in the vendor's app",
    ),
    "other-program": ("another program has the same port open: {by}", "stop that program"),
    "number": ("no board {wanted} is there, but {numbers}", "give --board {first}"),
    "number-d2": (
        "the board speaks D2, which has no board number",
        "leave --board out",
    ),
    "twins": (
        "two boards answer under number {numbers}",
        "give each a number of its own with the vendor's program",
    ),
    "collision": (
        "two boards have the same number and answer at once",
        "give each a number of its own: pull one off the cable, and set its number with the vendor's program",
    ),
    "host-address": (
        "the board answers as host {host}, not as the one that --uart or --address names",
        "leave --uart and --address out",
    ),
    "protocol": ("the board speaks {spoken}, not what --protocol names", "leave --protocol out"),
    "unsteady": (
        "only {answered} of {asked} questions are answered",
        "check GND and plugs, and that no other program uses the line",
    ),
    "deaf": (
        "the board hears nothing for up to {ms} ms after an answer; this program waits for it",
        "give other programs a pause of {pause} s between questions",
    ),
    "deaf-long": (
        "the board hears nothing for more than {rest} ms after an answer, and this program rests no longer",
        "give --pause {pause}, and other programs such a pause",
    ),
    "woken": (
        "{spoken} and did not at first: it was asleep and has woken up, or a contact is loose",
        "read it now; to keep it awake set a longer sleep time in the vendor's app (65535: never)",
    ),
    "beside": (
        "{what} on this line beside the board, which answers {answered} of {asked} questions",
        "take it off this line where readings fail",
    ),
    "changed": (
        "answers that come whole otherwise always come damaged for {damaged}: something on the way changes "
        "some bytes, as line ends or flow control (XON/XOFF) do",
        "set the gateway or driver to raw (transparent), without flow control",
    ),
    "commands": (
        "the board answers, but has no {missing}",
        "leave it out of --all: {spared}",
    ),
    "well": (
        "nothing is wrong on the wire: {spoken}, {answered} of {asked} questions answered",
        "nothing to do",
    ),
}
"""Code: (what it is, what to do next)."""
