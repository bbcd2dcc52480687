"""The examples of docs/monitoring.md in the systems they are for: Nagios and Icinga 2 of the distribution."""

from __future__ import annotations

import contextlib
import getpass
import grp
import os
import re
import subprocess
from pathlib import Path

import pytest
from check_grammar import perf_values, take_apart
from monitoring import example, here, wait_for
from support import PATIENCE
from tools import needs, program

NAGIOS, ICINGA = program("nagios4"), program("icinga2")
USER, GROUP = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
DEVICE = "demo:?cells=16&sensors=4"

needs_nagios, needs_icinga = needs("nagios4"), needs("icinga2")

NAGIOS_SURROUNDINGS = """
define timeperiod {
    timeperiod_name always
    alias           always
    sunday 00:00-24:00
    monday 00:00-24:00
    tuesday 00:00-24:00
    wednesday 00:00-24:00
    thursday 00:00-24:00
    friday 00:00-24:00
    saturday 00:00-24:00
}
define command {
    command_name notify
    command_line /bin/true
}
define contact {
    contact_name operator
    host_notifications_enabled      0
    service_notifications_enabled   0
    host_notification_period        always
    service_notification_period     always
    host_notification_options       n
    service_notification_options    n
    host_notification_commands      notify
    service_notification_commands   notify
}
define host {
    host_name solar
    address 127.0.0.1
    max_check_attempts 1
    check_period always
    notification_period always
    contacts operator
}
define service {
    name generic-service
    register 0
    check_period always
    notification_period always
    contacts operator
}
"""

NAGIOS_MAIN = r"""
log_file={folder}/nagios.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
temp_file={folder}/nagios.tmp
temp_path={folder}
lock_file={folder}/nagios.pid
log_archive_path={folder}
check_result_path={folder}
query_socket={folder}/q
nagios_user={user}
nagios_group={group}
status_update_interval=1
check_result_reaper_frequency=1
service_inter_check_delay_method=n
host_inter_check_delay_method=n
retain_state_information=0
check_external_commands=0
check_for_updates=0
use_syslog=0
illegal_macro_output_chars=`~$&|'"<>
"""

ICINGA_SURROUNDINGS = """
include <itl>
template Service "generic-service" {
  max_check_attempts = 5
  check_interval = 1s
  retry_interval = 30s
}
object Host "solar" {
  check_command = "dummy"
  vars.daly_device = "DEVICE"
}
object CheckerComponent "checker" { }
object PerfdataWriter "perfdata" {
  service_temp_path = "FOLDER/perfdata"
  service_perfdata_path = "FOLDER/ready"
  host_temp_path = "FOLDER/host-perfdata"
  host_perfdata_path = "FOLDER/host-ready"
  service_format_template = "$service.state$\\t$service.output$\\t$service.perfdata$"
  rotation_interval = 1s
}
"""


@pytest.fixture
def nagios_config(tmp_path):
    """The main file of a Nagios that knows the example of the docs and nothing else."""
    (tmp_path / "objects.cfg").write_text(NAGIOS_SURROUNDINGS + here(example("nagios"), DEVICE))
    main = tmp_path / "nagios.cfg"
    main.write_text(NAGIOS_MAIN.format(folder=tmp_path, user=USER, group=GROUP))
    return main


@needs_nagios
def test_nagios_accepts_the_example(nagios_config):
    result = run([NAGIOS, "-v", str(nagios_config)])
    assert result.returncode == 0, result.stdout
    assert re.search(r"Total Warnings: 0\nTotal Errors:   0", result.stdout)
    assert "Checked 1 services" in result.stdout


@needs_nagios
def test_nagios_runs_the_check_and_understands_its_answer(nagios_config):
    status = nagios_config.parent / "status.dat"
    with running([NAGIOS, str(nagios_config)]) as nagios:
        wait_for(nagios, lambda: service_status(status).get("has_been_checked") == "1")
        seen = service_status(status)
    assert seen["current_state"] == "0", seen
    output = take_apart(f"{seen['plugin_output']} | {seen['performance_data']}")
    assert output.state == "OK"
    assert output.perf["cell_delta"]["critical"] == "0.3"
    assert seen["long_plugin_output"] == ""


@pytest.fixture
def icinga_config(tmp_path):
    text = ICINGA_SURROUNDINGS.replace("DEVICE", DEVICE).replace("FOLDER", str(tmp_path))
    main = tmp_path / "icinga2.conf"
    program = ", ".join(f'"{word}"' for word in here("/usr/local/bin/daly-bms-cli", DEVICE).split())
    main.write_text(text + example("icinga2").replace('"/usr/local/bin/daly-bms-cli"', program))
    return main


def icinga(main: Path, *options: str) -> list[str]:
    folders = [
        f"-D{name}={main.parent}" for name in ("DataDir", "LogDir", "CacheDir", "InitRunDir", "SpoolDir")
    ]
    return [str(ICINGA), "daemon", *options, "-c", str(main), *folders]


@needs_icinga
def test_icinga_accepts_the_example(icinga_config):
    result = run(icinga(icinga_config, "-C"))
    assert result.returncode == 0, result.stdout
    assert "Instantiated 1 Service." in result.stdout
    assert "warning" not in result.stdout


@needs_icinga
def test_icinga_runs_the_check_and_understands_its_answer(icinga_config):
    folder = icinga_config.parent
    with running(icinga(icinga_config)) as process:
        wait_for(process, lambda: any(path.stat().st_size for path in folder.glob("ready*")))
        state, text, perfdata = (
            next(path.read_text() for path in folder.glob("ready*") if path.stat().st_size)
            .splitlines()[0]
            .split("\t")
        )
    assert state == "OK", text
    assert text.startswith("DALY OK - ")
    assert perf_values(perfdata)["soc"]["warning"] == "20:"


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        env=environment(),
    )


@contextlib.contextmanager
def running(command: list[str]):
    """The daemon in the foreground, ended by SIGTERM."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, env=environment()
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def environment() -> dict[str, str]:
    return {**os.environ, "ICINGA2_USER": USER, "ICINGA2_GROUP": GROUP}


def service_status(path: Path) -> dict[str, str]:
    """The block of the one service in Nagios' status file, {} before there is one."""
    text = path.read_text() if path.exists() else ""
    block = re.search(r"^servicestatus \{\n(.*?)^\t\}$", text, re.DOTALL | re.MULTILINE)
    lines = block[1].splitlines() if block else []
    return dict(line.strip().split("=", 1) for line in lines)
