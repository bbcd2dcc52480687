"""Real wires: pty, TCP and RFC 2217, and what they say in trouble. The board is a process of its own."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from peers import rfc2217
from processes import board, raw_pty
from support import PATIENCE

from dalybms import DalyBMS, NoReply, TransportError, open_bms
from dalybms.transports import ports, tcp
from dalybms.transports.serial import SerialTransport

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import sys
sys.path.insert(0, sys.argv[2])
from dalybms import DalyBMS, TransportError
bms = DalyBMS()
try:
    bms.connect(sys.argv[1])
except TransportError as error:
    print(error)
else:
    print("opened", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("wire", [("--pty",), ("--tcp", "0")])
@pytest.mark.parametrize("pack", ["cells=16&sensors=4", "cells=48&sensors=16&style=fixed-all"])
def test_a_battery_is_read_over_a_real_wire(wire: tuple[str, ...], pack: str) -> None:
    with open_bms(f"demo:?{pack}") as demo:
        expected = demo.get_all()
    with board(*wire, "--unpaced", pack) as device, open_bms(device) as bms:
        found = bms.get_all()
    for outcome in (expected, found):
        outcome["mosfet_status"].pop("heartbeat")  # type: ignore[typeddict-item, misc]
    assert found == expected


@pytest.mark.alone
def test_a_paced_line_is_used_at_its_own_speed() -> None:
    with board("--pty", "cells=14&sensors=1") as device, open_bms(device, pause=0) as bms:
        bms.get_all()
        took = []
        for _ in range(5):
            began = time.monotonic()
            bms.get_all()
            took.append(time.monotonic() - began)
    assert 0.297 < min(took) < 0.45


@pytest.mark.filterwarnings("ignore:.*set(Daemon|Name).*:DeprecationWarning")
def test_rfc2217_is_a_wire() -> None:
    with (
        board("--pty", "--unpaced", "cells=8") as device,
        rfc2217(device) as end,
        open_bms(f"rfc2217://{end}", timeout=2) as bms,
    ):
        assert bms.get_status()["cells"] == 8


def test_the_lock_keeps_a_second_program_out() -> None:
    with raw_pty() as (_, name), DalyBMS() as bms:
        bms.connect(name)
        second = subprocess.run(
            [sys.executable, "-c", OPEN, name, str(ROOT)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert second.stdout.startswith(f"{name} is in use by another program")
        bms.disconnect()
        third = subprocess.run(
            [sys.executable, "-c", OPEN, name, str(ROOT)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
            input="",
        )
        assert third.stdout == "opened\n"


@pytest.mark.parametrize("alias", [False, True], ids=["the same name", "by-id"])
def test_the_same_port_twice_in_one_program_is_named(tmp_path: Path, alias: bool) -> None:
    with raw_pty() as (_, name), DalyBMS() as bms:
        second = name
        if alias:
            second = str(tmp_path / "usb-1a86_USB_Serial-if00-port0")
            os.symlink(name, second)
        bms.connect(name)
        errors = []
        for _again in range(2):
            with pytest.raises(TransportError) as caught:
                DalyBMS().connect(second)
            errors.append(caught.value)  # an error that is kept does not keep the port
        assert {str(error) for error in errors} == {
            f"{second} is open in this program already: use that object, or disconnect it first"
        }
        bms.disconnect()
        with open_bms(second):
            pass


FORKED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from dalybms import DalyBMS, TransportError
bms, child_ends, child_ended = DalyBMS(), os.pipe(), os.pipe()
bms.connect(sys.argv[1])
child = os.fork()
if not child:
    if sys.argv[3] == "closes":
        bms.disconnect()
        os.write(child_ended[1], b".")
    os.read(child_ends[0], 1)
    os._exit(0)
if sys.argv[3] == "closes":
    os.read(child_ended[0], 1)
    try:
        DalyBMS().connect(sys.argv[1])
    except TransportError as error:
        print(error)
bms.disconnect()
bms.connect(sys.argv[1])
print("opened again")
os.write(child_ends[1], b".")
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("child", ["closes", "keeps"])
def test_a_process_that_was_forked_off_neither_keeps_nor_opens_the_lock(child: str) -> None:
    with raw_pty() as (_, name):
        command = [sys.executable, "-c", FORKED, name, str(ROOT), child]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == ""
    said = [f"{name} is open in this program already: use that object, or disconnect it first"]
    assert done.stdout.splitlines() == [*(said if child == "closes" else []), "opened again"]


def test_a_port_of_another_program_is_not_called_ours() -> None:
    with raw_pty() as (_, name):
        holder = subprocess.Popen(
            [sys.executable, "-c", OPEN, name, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "opened\n"
            errors = []
            for _again in range(2):
                with pytest.raises(TransportError, match="in use by another program: stop") as caught:
                    DalyBMS().connect(name)
                errors.append(caught.value)
            assert len(errors) == 2
            holder.communicate("")


def test_two_connections_to_one_gateway_are_its_own_affair() -> None:
    with board("--tcp", "0", "--unpaced", "cells=8") as device, open_bms(device), open_bms(device):
        pass


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="brltty and ModemManager are Linux programs")
@pytest.mark.parametrize("opened", [False, True])
def test_a_port_that_vanished_names_who_takes_ports_away(tmp_path: Path, opened: bool) -> None:
    with raw_pty() as (_, name):
        link = tmp_path / "ttyUSB0"
        link.symlink_to(name)
        bms = DalyBMS(request_retries=0, timeout=0.05)
        if opened:
            bms.connect(str(link))
            link.unlink()
            os.close(_)
        else:
            link.unlink()
        with pytest.raises(
            TransportError, match=r"brltty or ModemManager takes it: sudo apt remove"
        ) as caught:
            bms.get_soc() if opened else bms.connect(str(link))
        assert str(caught.value).startswith(f"{link} ")
        bms.disconnect()


IMPOSTORS = {
    "serialx-compat": "def serial_for_url(url, *args, **options): ...",
    "another serial": "def dumps(thing): ...",
    "a mixture": "raise RuntimeError('serialx-compat detected a mixed installation with pyserial files.')",
}


@pytest.mark.parametrize("name", IMPOSTORS)
@pytest.mark.parametrize("what", [["-d", "/dev/ttyUSB99", "--soc"], ["--list-ports"]], ids=" ".join)
def test_what_stands_in_for_pyserial_is_named(tmp_path: Path, name: str, what: list[str]) -> None:
    """serialx-compat installs itself as the module serial; its serial_for_url does not open the port."""
    package = tmp_path / "serial"
    package.mkdir()
    (package / "__init__.py").write_text(IMPOSTORS[name] + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "dalybms", *what],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "where pyserial is needed: pip uninstall serialx-compat serial, then pip install" in done.stderr


def test_a_killed_program_leaves_no_lock() -> None:
    with raw_pty() as (_, name):
        holder = subprocess.Popen(
            [sys.executable, "-c", OPEN, name, str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"opened\n"
        holder.kill()
        holder.wait(PATIENCE)
        holder.stdout.close()
        holder.stdin.close()
        SerialTransport(name).close()


def test_unplugged_while_waiting() -> None:
    with raw_pty() as (ours, name), open_bms(name) as bms:

        def unplug() -> None:
            select.select([ours], [], [], 10)
            os.close(ours)

        thread = threading.Thread(target=unplug)
        thread.start()
        with pytest.raises(TransportError, match=r"is gone: the adapter was unplugged, or another program"):
            bms.get_soc()
        thread.join(PATIENCE)
        with pytest.raises(TransportError, match="is gone"):
            bms.get_soc()


def test_disconnect_in_another_thread_ends_a_wait_on_a_port() -> None:
    with raw_pty() as (ours, name), open_bms(name, timeout=20) as bms:

        def leave() -> None:
            select.select([ours], [], [], 10)
            bms.disconnect()

        thread = threading.Thread(target=leave)
        thread.start()
        began = time.monotonic()
        with pytest.raises(TransportError, match="not connected"):
            bms.get_soc()
        assert time.monotonic() - began < 5
        thread.join(PATIENCE)


def test_a_missing_port_lists_what_there_is() -> None:
    with pytest.raises(
        TransportError, match=r"/dev/ttyUSB99 does not exist: (ports here|no serial port was found)"
    ):
        DalyBMS().connect("/dev/ttyUSB99")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("192.168.1.20:4001", "for a network gateway write socket://192.168.1.20:4001"),
        ("gateway:4001", "for a network gateway write socket://gateway:4001"),
        ("ptmx", "the port is named /dev/ptmx"),
    ],
)
def test_a_name_without_its_beginning_is_understood(name: str, remedy: str) -> None:
    with pytest.raises(TransportError) as caught:
        DalyBMS().connect(name)
    assert str(caught.value) == f"{name} does not exist: {remedy}"


@pytest.mark.parametrize(
    ("name", "told"),
    [("/dev/ttyUSB99", True), ("/dev/serial/by-id/usb-x", True), ("/nowhere/port", False), ("COM3", False)],
)
def test_what_takes_an_adapter_away_is_told_of_adapters_alone(name: str, told: bool) -> None:
    with pytest.raises(TransportError, match="does not exist: ") as caught:
        DalyBMS().connect(name)
    assert ("brltty" in str(caught.value)) is (told and sys.platform.startswith("linux"))


def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TransportError, match="is not a serial port"):
        DalyBMS().connect(str(tmp_path / "file"))


AS_NOBODY = """
import contextlib, grp, os, sys
from dalybms.errors import TransportError
from dalybms.transports.serial import SerialTransport
with contextlib.suppress(TransportError):
    SerialTransport("/dev/ttyUSB99")  # loads all that it takes: others may not even read this Python
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    SerialTransport(sys.argv[1])
except TransportError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be refused")
def test_no_permission_names_the_group(tmp_path: Path) -> None:
    """Another user opens a port of group dialout."""
    os.chmod(tmp_path, 0o711)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder.stat().st_mode & 0o001 == 0:
            os.chmod(folder, folder.stat().st_mode | 0o001)
    with raw_pty() as (_, name):
        import grp

        os.chown(name, 0, grp.getgrnam("dialout").gr_gid)
        os.chmod(name, 0o660)
        message = as_nobody(name)
    assert message.startswith(
        f"no permission for {name}: it belongs to group dialout; run: sudo usermod -aG dialout "
    )
    assert message.endswith("then log in again")


def as_nobody(name: str) -> str:
    """What a user without rights is told."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout.strip()


def test_an_unknown_scheme_is_a_wrong_argument() -> None:
    with pytest.raises(ValueError, match="nonsense://x is no device"):
        DalyBMS().connect("nonsense://x")


@pytest.mark.parametrize(
    "url", ["socket://", "socket://host", "socket://host:port", "socket://host:1/path", "socket:x"]
)
def test_a_wrong_tcp_address_is_a_wrong_argument(url: str) -> None:
    with pytest.raises(ValueError, match="socket://HOST:PORT"):
        DalyBMS().connect(url)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_tcp_refused() -> None:
    with pytest.raises(TransportError, match=r"refused the connection: is ser2net or the gateway running"):
        DalyBMS().connect(f"socket://127.0.0.1:{free_port()}")


def test_tcp_unknown_host() -> None:
    with pytest.raises(TransportError, match="cannot find the host"):
        DalyBMS().connect("socket://no-such-host.invalid:4001")


@pytest.mark.parametrize(
    "device", ["rfc2217://a", "rfc2217://", "rfc2217://:1", "rfc2217://a:x", "RFC2217://[::1"]
)
def test_rfc2217_without_its_port(device: str) -> None:
    with pytest.raises(TransportError, match=r"is not of the form rfc2217://HOST:PORT") as raised:
        DalyBMS().connect(device)
    assert raised.value.cause == "name"


def test_a_host_in_half_a_bracket() -> None:
    with pytest.raises(ValueError, match=r"^socket://\[::1: .*; write socket://HOST:PORT$"):
        DalyBMS().connect("socket://[::1")


@pytest.mark.parametrize("device", ["/dev/ttyUSB0\r", " /dev/ttyUSB0", "AA:BB:CC:DD:EE:FF\n"])
def test_blanks_around_a_name_are_shown(device: str) -> None:
    """In a line they would not be seen, and the name would look right."""
    with pytest.raises(TransportError, match="take the blanks or line ends around it away") as raised:
        DalyBMS().connect(device)
    assert repr(device) in str(raised.value)


def test_a_device_of_blanks_is_none() -> None:
    with pytest.raises(ValueError, match="no device is named"):
        DalyBMS().connect("  ")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_port_that_is_not_there_is_told_also_where_pyserial_is_not() -> None:
    """Who has cloned it and writes `-d demo` is not sent to install a package."""
    code = "import dalybms; dalybms.DalyBMS().connect('demo')"
    done = subprocess.run([sys.executable, "-S", "-E", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "demo does not exist: the fake battery is demo: with its colon" in done.stderr


def test_rfc2217_refused() -> None:
    with pytest.raises(
        TransportError, match=r"cannot open rfc2217://.*check host, port and that the server runs"
    ):
        DalyBMS().connect(f"rfc2217://127.0.0.1:{free_port()}")


def test_tcp_host_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        fill = [socket.socket() for _ in range(3)]
        for each in fill:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        port = server.getsockname()[1]
        with pytest.raises(TransportError, match=r"cannot reach 127.0.0.1:\d+ \(no answer in time\)"):
            tcp.TcpTransport(f"socket://127.0.0.1:{port}", connect_timeout=0.2)
        for each in fill:
            each.close()


def test_tcp_cut_by_the_far_side() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, DalyBMS() as bms:
        bms.connect(f"socket://127.0.0.1:{server.getsockname()[1]}")
        client, _ = server.accept()
        client.close()
        with pytest.raises(TransportError, match="cut the connection"):
            bms.get_soc()


def test_disconnect_in_another_thread_ends_a_wait_on_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, DalyBMS(timeout=20) as bms:
        bms.connect(f"socket://127.0.0.1:{server.getsockname()[1]}")
        client, _ = server.accept()

        def leave() -> None:
            client.recv(1)
            bms.disconnect()

        thread = threading.Thread(target=leave)
        thread.start()
        with pytest.raises(TransportError, match="not connected"):
            bms.get_soc()
        thread.join(PATIENCE)
        client.close()


@pytest.mark.alone
def test_tcp_close_is_quick() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = tcp.TcpTransport(f"socket://127.0.0.1:{server.getsockname()[1]}")
        began = time.monotonic()
        wire.close()
        wire.close()
        assert time.monotonic() - began < 0.1


def test_an_echoing_port_is_told_from_a_battery() -> None:
    with DalyBMS(timeout=0.05) as bms:
        bms.connect("loop://")
        with pytest.raises(NoReply, match="only our own request came back"):
            bms.get_soc()


def test_drain_forgets_what_came_before() -> None:
    with raw_pty() as (ours, name):
        wire = SerialTransport(name)
        os.write(ours, b"old")
        assert wire.read(5)
        os.write(ours, b"older")
        select.select([wire._port], [], [], 5)
        wire.drain()
        assert wire.read(0) == b""
        wire.close()
        with pytest.raises(TransportError, match="is closed"):
            wire.read(0)


def test_stable_names_come_first(tmp_path: Path) -> None:
    (tmp_path / "ttyX").write_text("")
    links = tmp_path / "by-id"
    links.mkdir()
    (links / "usb-FTDI_1234").symlink_to("../ttyX")
    stable = ports._stable_names(str(links))
    assert stable == {str(tmp_path / "ttyX"): str(links / "usb-FTDI_1234")}
    assert ports._stable_names(str(tmp_path / "none")) == {}


def test_tcp_that_takes_nothing_is_said_to_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "WRITE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = tcp.TcpTransport(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(TransportError, match="took no bytes") as caught:
            wire.write(bytes(64_000_000))
        wire.close()
    assert caught.value.cause == "hangs"
