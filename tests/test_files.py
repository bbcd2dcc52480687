"""Files that are whole at every moment, and what no file is put in the place of."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dalybms.errors import DalyError
from dalybms.files import put
from dalybms.outputs.prometheus.output import TextFile
from dalybms.parameters import save

PLACES: dict[str, Callable[[Path], None]] = {
    "pipe": lambda path: os.mkfifo(path),
    "folder": lambda path: path.mkdir(),
}
WRITERS: dict[str, Callable[[str], object]] = {
    "put": lambda path: put(path, "x"),
    "Prometheus": lambda path: TextFile(path, 60.0, print),
    "parameters": lambda path: save(path, {}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_no_file_stays_what_it_is(tmp_path: Path, place: str, writer: str) -> None:
    """Root may rename a file over /dev/null, and the whole machine would lose that: not tried here."""
    path = tmp_path / "x"
    PLACES[place](path)
    before = stat.S_IFMT(os.stat(path).st_mode)
    with pytest.raises(DalyError, match="is no file"):
        WRITERS[writer](str(path))
    assert stat.S_IFMT(os.stat(path).st_mode) == before
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.parametrize(("content", "held"), [("ä\n", b"\xc3\xa4\n"), (b"\xff\r\n\0", b"\xff\r\n\0")])
def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path, content: str | bytes, held: bytes) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    put(str(link), content)
    assert link.is_symlink()
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (held, 0o640)
    assert sorted(os.listdir(tmp_path)) == ["link", "target"]
