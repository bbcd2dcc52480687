"""The scripts behind `make system`, `test` and `matrix`, with fake programs in the places of real ones."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
MINORS = [9, 10, 11, 12, 13, 14, 15]
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *"-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    *"-m pip"*) ;;
    "-m pytest"*) echo "tested by 3.{minor}: $*" && exit {code} ;;
    "-V") echo "Python 3.{minor}" ;;
    *"(3, 9)"*) echo 3.{minor} ;;
    *version_info*) [ "$3" = {minor} ] ;;
esac
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def fake_python(path: Path, minor: int, code: bool = False) -> None:
    program(path, FAKE_PYTHON.format(minor=minor, code=int(code)))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone that holds the scripts alone."""
    shutil.copytree(ROOT / ".ci", tmp_path / "clone" / ".ci")
    return tmp_path / "clone"


def run(tree: Path, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A script with an environment of its own, where no other Python is found."""
    return subprocess.run(
        ["/bin/sh", f".ci/{script}", *arguments],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "HOME": str(tree), **env},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


# -- which Pythons --------------------------------------------------------------------------------
@pytest.mark.parametrize("place", ["python3.{}", "bin/python3.{}", "3.{}/bin/python3.{}"])
def test_every_supported_python_of_a_named_folder_is_found(tree: Path, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "all of them"
    for minor in (8, *MINORS, 16):
        fake_python(folder / place.format(minor, minor), minor)
    done = run(tree, "pythons", PYTHONS=str(folder))
    expected = [f"{minor} {folder}/{place.format(minor, minor)}" for minor in MINORS]
    assert done.stdout.splitlines() == expected


def test_what_does_not_run_as_that_version_is_passed_over(tree: Path, tmp_path: Path) -> None:
    fake_python(tmp_path / "pythons/python3.14", 13)
    fake_python(tmp_path / "pythons/bin/python3.14", 14)
    program(tmp_path / "pythons/python3.15", "#!/bin/sh\nexit 127\n")
    done = run(tree, "pythons", PYTHONS=str(tmp_path / "pythons"), PATH="/nowhere")
    assert done.stdout.splitlines() == [f"14 {tmp_path}/pythons/bin/python3.14"]


def test_without_that_folder_path_default_and_pyenv_are_searched(tree: Path, tmp_path: Path) -> None:
    fake_python(tmp_path / "on-path/python3.14", 14)
    fake_python(tmp_path / "default", 12)
    fake_python(tree / ".pyenv/versions/3.10.2/bin/python", 10)
    done = run(tree, "pythons", str(tmp_path / "default"), PATH=str(tmp_path / "on-path"))
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["10", "12", "14"]


def matrix(tree: Path, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The matrix with the Pythons of one folder, and no other on PATH."""
    for name in ("cat", "cp", "dirname", "mkdir", "sed", "sh"):
        program(tmp_path / "tools" / name, f'#!/bin/sh\nexec {shutil.which(name)} "$@"\n')
    places = {"PYTHONS": str(tmp_path / "p"), "PATH": str(tmp_path / "tools")}
    return run(tree, "matrix", "/nowhere/python", "0.22.3", "pytest", **places, **env)


@pytest.mark.parametrize(
    ("found", "tested", "then"),
    [
        ([9, 11, 12, 13, 15], 12, [9, 15]),
        ([9, 11, 13], 13, [9]),
        ([9, 11, 13], 9, [9, 13]),  # the lowest again: with the oldest bleak
        ([11], 11, [11]),
        ([12], 11, [12, 12]),
    ],
)
def test_after_the_suite_only_the_ends_are_tested(
    tree: Path, tmp_path: Path, found: list[int], tested: int, then: list[int]
) -> None:
    for minor in found:
        fake_python(tmp_path / f"p/python3.{minor}", minor)
    done = matrix(tree, tmp_path, TESTED=str(tested))
    assert done.returncode == 0, done.stderr
    assert [int(each) for each in re.findall(r"tested by 3\.(\d+).*not alone", done.stdout)] == then
    assert (tree / f".matrix/3.{found[0]}-oldest-bleak").exists()
    assert all(f"--- 3.{minor}: left out" in done.stdout for minor in found if minor not in then)


def test_the_matrix_takes_each_python_once_and_the_oldest_bleak_with_the_lowest(
    tree: Path, tmp_path: Path
) -> None:
    for minor in (12, 14, 15):
        fake_python(tmp_path / f"p/python3.{minor}", minor)
    done = matrix(tree, tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"tested by 3\.(\d+)", done.stdout) == ["12", "12", "14", "14", "15", "15"]
    assert done.stdout.count("no interpreter found") == 4
    assert (
        (tree / ".matrix/3.12-oldest-bleak/ready")
        .read_text()
        .endswith("pytest bleak==0.22.3 paho-mqtt==1.6.1\n")
    )
    assert (tree / ".matrix/3.15/ready").read_text().endswith("pytest bleak\n")


def test_the_matrix_fails_with_one_of_them_and_tests_the_others(tree: Path, tmp_path: Path) -> None:
    for minor in MINORS:
        fake_python(tmp_path / f"p/python3.{minor}", minor, code=minor == 10)
    done = run(tree, "matrix", "python3", "0.22.3", PYTHONS=str(tmp_path / "p"))
    assert done.returncode == 1
    tested = re.findall(r"tested by 3\.(\d+)", done.stdout)
    assert tested[::2] == tested[1::2] == [str(minor) for minor in MINORS]
    assert done.stderr == "matrix: failed on 3.10\n"


def test_the_versions_are_the_same_everywhere() -> None:
    """Classifiers, scripts and pages name the same range."""
    found = re.findall(r"3\.(\d+)\"", (ROOT / "setup.py").read_text(encoding="utf-8").split("classifiers")[1])
    assert found[:7] == [str(minor) for minor in MINORS]
    for script in (".ci/pythons", ".ci/matrix"):
        loop = re.search(r"for minor in ([\d ]+); do", (ROOT / script).read_text(encoding="utf-8"))
        assert loop
        assert loop[1].split() == found[:7]
    for page in ("README.md", "Makefile", "docs/testing.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"3\.9 to 3\.(\d+)", text)) == {str(MINORS[-1])}, page


# -- what runs beside what ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("alone", "others", "code"), [(0, 0, 0), (5, 0, 0), (1, 0, 1), (0, 1, 1), (5, 5, 5), (1, 1, 1)]
)
def test_what_compares_seconds_runs_first_and_alone(tree: Path, alone: int, others: int, code: int) -> None:
    text = f'#!/bin/sh\necho "$*"\ncase "$*" in *"-m alone"*) exit {alone} ;; esac\nexit {others}\n'
    program(tree / "v/bin/python", text)
    done = run(tree, "tests", "v", "-k", "fault")
    assert done.stdout.splitlines() == [
        "-m pytest -m alone -n 4 --dist loadfile -k fault",
        "-m pytest -m not alone -n auto --dist worksteal --timeout 120 -k fault",
    ]
    assert done.returncode == code


def test_ctrl_c_ends_both(tree: Path) -> None:
    program(tree / "v/bin/python", '#!/bin/sh\necho "$*"\nexit 2\n')
    done = run(tree, "tests", "v")
    assert (done.stdout, done.returncode) == ("-m pytest -m alone -n 4 --dist loadfile\n", 2)


# -- what the system lacks ------------------------------------------------------------------------
def lacking(tree: Path, user: int, *helpers: str) -> dict[str, str]:
    """A system of fakes where the second program of two is missing; `helpers` are apt-get and sudo."""
    (tree / ".ci/packages").write_text(
        "# a comment\n\nhere here-prog it is there\ngone gone-prog the radio\n"
    )
    programs = tree / "programs"
    fake_python(programs / "python3", 11)
    program(programs / "here-prog", "#!/bin/sh\n")
    program(programs / "id", f"#!/bin/sh\necho {user}\n")
    for name in helpers:
        program(
            programs / name,
            f'#!/bin/sh\necho {name} "$*" >> {tree}/calls\n[ {name} = sudo ] || exit 0\n"$@"\n',
        )
    for name in ("dirname", "env"):
        program(programs / name, f'#!/bin/sh\nexec /usr/bin/{name} "$@"\n')
    return {"PATH": str(programs)}


def test_what_is_missing_is_named_and_installed(tree: Path) -> None:
    done = run(tree, "system", "python3", **lacking(tree, 0, "apt-get", "sudo"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "gone: the radio\ninstalled: gone\n"
    calls = (tree / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["apt-get", "apt-get"]
    assert calls[1].endswith("--no-install-recommends gone")


def test_who_is_not_root_uses_sudo(tree: Path) -> None:
    done = run(tree, "system", "python3", **lacking(tree, 1000, "apt-get", "sudo"))
    assert done.returncode == 0, done.stderr
    assert (tree / "calls").read_text().startswith("sudo apt-get")


def test_without_sudo_the_command_is_told(tree: Path) -> None:
    done = run(tree, "system", "python3", **lacking(tree, 1000, "apt-get"))
    assert done.returncode == 1
    assert done.stderr == "only root may install: run make system as root, or apt-get install gone\n"


def test_without_apt_the_programs_are_named(tree: Path) -> None:
    done = run(tree, "system", "python3", **lacking(tree, 0))
    assert done.returncode == 1
    assert done.stderr == "there is no apt-get: install with the package manager of this system: gone-prog\n"


def test_an_installation_that_fails_is_told(tree: Path) -> None:
    env = lacking(tree, 0, "sudo")
    program(tree / "programs/apt-get", "#!/bin/sh\necho 'no network' >&2\nexit 100\n")
    done = run(tree, "system", "python3", **env)
    assert done.returncode == 1
    assert done.stderr == "no network\ncould not install gone: see above\n"


def test_where_all_is_there_nothing_is_installed(tree: Path) -> None:
    env = lacking(tree, 0, "apt-get")
    program(tree / "programs/gone-prog", "#!/bin/sh\n")
    done = run(tree, "system", "python3", **env)
    assert (done.returncode, done.stdout) == (0, "nothing to install: all that the tests need is here\n")
    assert not (tree / "calls").exists()


def test_a_python_without_venv_is_helped_too(tree: Path) -> None:
    env = lacking(tree, 0, "apt-get")
    program(tree / "programs/gone-prog", "#!/bin/sh\n")
    program(tree / "programs/python3", f"#!/bin/sh\n[ -e {tree}/calls ]\n")
    done = run(tree, "system", "python3", **env)
    assert done.stdout.splitlines()[-1] == "installed: python3-venv"


def test_without_venv_the_tests_name_the_command(tree: Path) -> None:
    program(tree / "python", '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\n')
    done = run(tree, "venv", "somewhere", str(tree / "python"))
    assert done.returncode == 1
    assert done.stderr.endswith("cannot make a virtual environment; `make system` installs what is missing\n")


def test_each_program_that_tests_need_is_in_the_list() -> None:
    lines = (ROOT / ".ci/packages").read_text(encoding="utf-8").splitlines()
    listed = {line.split()[1]: line.split(maxsplit=2) for line in lines if line and not line.startswith("#")}
    assert all(len(parts) == 3 for parts in listed.values())
    needed = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        if path != Path(__file__)
        for name in re.findall(r"\b(?:needs|demand)\(\"([\w.-]+)\"\)", path.read_text(encoding="utf-8"))
    }
    assert needed == set(listed)


def test_the_check_before_a_change_uses_the_same_commands() -> None:
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.findall(r"\bmake (\w+)", text) == ["system", "lint", "test", "matrix"]
    assert "apt-get" not in text


# -- what the pages say of it ---------------------------------------------------------------------
README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTING = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


def test_the_readme_shows_two_commands_for_a_clone() -> None:
    shown = re.findall(r"^(make [a-z ]+?) +#", README, re.MULTILINE)
    assert shown == ["make demo", "make system test"]


def test_the_table_of_places_knows_every_room_and_nothing_else() -> None:
    table = TESTING.split("\n| place | what |\n")[1].split("\n\n")[0]
    named = [
        name for row in table.splitlines()[1:] for name in re.findall(r"`(tests/[^`]*)`", row.split(" | ")[0])
    ]
    folders = {path.parent.relative_to(ROOT).as_posix() + "/" for path in (ROOT / "tests").rglob("*.py")}
    inner = {f"tests/protocols/{name}/" for name in ("a5", "modbus", "sinowealth")}
    assert {*named} == folders - inner - {"tests/"} | {"tests/captures/", "tests/test_*.py"}


def test_services_that_packages_start_are_told() -> None:
    lines = (ROOT / ".ci/packages").read_text(encoding="utf-8").splitlines()
    services = [line.split()[0] for line in lines if "starts it as a service" in line]
    assert f"sudo systemctl disable --now {' '.join(services)}" in " ".join(TESTING.split())


def test_the_folder_of_more_pythons_is_documented() -> None:
    for page in (TESTING, (ROOT / "Makefile").read_text(encoding="utf-8")):
        assert "make matrix PYTHONS=/" in page
    assert "export PYTHONS" in (ROOT / "Makefile").read_text(encoding="utf-8")
