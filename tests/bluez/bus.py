"""A private message bus: one dbus-daemon on one socket in a temporary folder."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from support import PATIENCE

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>{denied}
  </policy>
</busconfig>
"""
_DENIED = '\n    <deny send_destination="org.bluez"/>'


class Bus:
    """A running message bus at `address`. `denied`: nobody may call org.bluez, as without group rights.

    `programs` is a folder with the one program that bleak runs: bluetoothctl, asked for its version.
    """

    def __init__(self, denied: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dalybms-bus-"))
        config = self._folder / "bus.conf"
        config.write_text(_CONFIG.format(socket=self._folder / "socket", denied=_DENIED if denied else ""))
        self.programs = self._folder / "bin"
        self.programs.mkdir()
        control = self.programs / "bluetoothctl"
        control.write_text("#!/bin/sh\necho bluetoothctl: 5.66\n")
        control.chmod(0o755)
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._daemon.stdout is not None
        self.address = self._daemon.stdout.readline().strip()
        assert self.address, "dbus-daemon did not start"

    def kill(self) -> None:
        """End the bus as a crash would; again: nothing."""
        if self._daemon.poll() is None:
            self._daemon.kill()
            self._daemon.wait(PATIENCE)

    def __enter__(self) -> Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        assert self._daemon.stdout is not None
        self._daemon.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)
