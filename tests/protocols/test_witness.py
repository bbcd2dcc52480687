"""What is said about any bytes that came instead of an answer, whatever was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms.protocols import witness
from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.modbus.frame import read_request
from dalybms.protocols.sinowealth.frame import question

QUESTIONS = [
    *(Frame(host, command, bytes(8)).encode() for host in (0x40, 0x80) for command in (0x90, 0x95, 0x57)),
    *(read_request(address, 0, 62) for address in (0xD2, 0x81, 0x90)),
    *(question(register, length) for register in range(0x01, 0x19) for length in (2, 4)),
]


@given(st.sampled_from(QUESTIONS), st.binary(max_size=60), st.integers(1, 16), st.booleans())
def test_any_bytes_are_classified(asked: bytes, heard: bytes, board: int, alive: bool) -> None:
    seen, sentence = witness.testify(heard, [asked], board, alive)
    assert sentence.startswith(witness.SENTENCES[seen])


@pytest.mark.parametrize("asked", QUESTIONS, ids=bytes.hex)
def test_nothing_and_the_question_itself_are_told_apart(asked: bytes) -> None:
    assert witness.testify(b"", [asked], 1, False)[0] == "silence"
    assert witness.testify(b"", [asked], 1, True)[0] == "another command"
    assert witness.testify(asked * 3, [asked], 1, False)[0] == "echo"
