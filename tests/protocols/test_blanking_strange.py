"""What blanking meets beside the usual: Sinowealth, other alphabets, answers to somebody else's question."""

from __future__ import annotations

import random

import pytest

from dalybms.protocols.blanking.heard import Heard
from dalybms.protocols.blanking.stream import blank
from dalybms.protocols.modbus.frame import crc, read_request
from dalybms.protocols.sinowealth.frame import crc8, question
from dalybms.protocols.sinowealth.registers import ROWS

SALT = bytes(range(32))
CODE = "DL-40D63C3223A2"
SERIAL = b"DL38165942770316"
HEAD_OF_A_SERIAL = bytes.fromhex("60030e44b81300ff")
"""As an answer of a P81 board begins; noise may look so."""


def blanked(*pieces: tuple[str, bytes]) -> list[bytes]:
    return blank(SALT, Heard(), pieces)[1]


def answer(source: int, data: bytes) -> bytes:
    body = bytes((source, 3, len(data))) + data
    return body + crc(body)


def sinowealth(random_: random.Random, alphabet: bytes) -> list[tuple[str, bytes]]:
    pieces = []
    for row in ROWS:
        asked = question(row.register, row.length)
        data = bytes(random_.choices(alphabet, k=row.length))
        pieces += [(">", asked), ("<", data + bytes((crc8(asked + data),)))]
    return pieces


@pytest.mark.parametrize("alphabet", [bytes(range(256)), b"\x03\x53\xd2\x0e", b"0123456789ABCDEF"])
def test_readings_of_sinowealth_stay_whatever_they_look_like(alphabet: bytes) -> None:
    """A check byte and the next answer may look like the head of an answer of D2 or P81, or like a text."""
    for seed in range(200):
        pieces = sinowealth(random.Random(seed), alphabet)
        assert blanked(*pieces) == [data for _, data in pieces], seed


@pytest.mark.parametrize("times", [1, 3])
def test_answers_of_sinowealth_behind_an_echo_and_more_than_once(times: int) -> None:
    asked, data = question(0x11, 4), b"AB12"
    heard = asked + (data + bytes((crc8(asked + data),))) * times
    assert blanked((">", asked), ("<", heard)) == [asked, heard]


def test_noise_spoils_no_reading_of_sinowealth_behind_it() -> None:
    """It makes the line suspect of a secret; questions and answers stay what they are."""
    pieces = sinowealth(random.Random(1), bytes(range(256)))
    noisy = [(">", question(1, 2)), ("<", HEAD_OF_A_SERIAL), *pieces]
    assert blanked(*noisy)[2:] == [data for _, data in pieces]


def test_a_secret_on_a_line_with_sinowealth_is_found_nevertheless() -> None:
    whole = answer(0xD2, SERIAL[:14])
    for cut in range(4, len(whole)):
        pieces = [(">", question(1, 2)), ("<", whole[:cut]), (">", question(2, 2)), ("<", whole[cut:])]
        told = b"".join(blanked(*pieces)[1::2])
        assert not [at for at in range(9) if SERIAL[at : at + 6] in told], cut


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("at", [1, 7, 12])
def test_a_stray_text_of_two_bytes_a_letter(coding: str, at: int) -> None:
    text = b"\xff\x91" + CODE.encode(coding) + b"\xff\x01"
    heard, told = Heard(), b""
    for piece in (text[:at], text[at:]):
        heard, each = blank(SALT, heard, [("<", piece)])
        told += each[0]
    assert len(told) == len(text)
    assert told[:2] + told[-2:] == text[:2] + text[-2:]
    letters = told.replace(b"\0", b"")
    assert not [place for place in range(len(CODE) - 4) if CODE[place : place + 5].encode() in letters]


def test_a_stray_name_in_other_letters() -> None:
    for name in ("Борис", "小明的电池", "Ωμέγα"):
        (told,) = blanked(("<", b"\xff\x91" + name.encode() + b"\xff"))
        assert told[:2] + told[-1:] == b"\xff\x91\xff"
        assert not [letter for letter in name if letter.encode() in told]


@pytest.mark.parametrize(("asked", "source"), [(0xD2, 0xD2), (0x81, 0x51)])
def test_a_text_of_one_letter_a_register(asked: int, source: int) -> None:
    text = b"\0\1" + CODE.encode("utf-16-be") + b"\0\2"
    pieces = [(">", read_request(asked, 0x300, len(text) // 2)), ("<", answer(source, text))]
    told = blanked(*pieces)[1]
    assert crc(told[:-2]) == told[-2:]
    data = told[3:-2]
    assert data[::2] == text[::2]
    assert data[1:2] + data[-1:] == b"\1\2"
    assert not [one for one, other in zip(data[3:-2:2], CODE.encode()) if one == other]


def test_small_numbers_in_registers_that_no_row_names_stay() -> None:
    """Temperatures + 40, percents: as long as they are no letters and digits together."""
    for numbers in ([60, 61, 60, 62, 63, 65, 60], [57, 58, 60, 65, 66, 64, 63], [48, 49, 50, 51, 52, 53, 54]):
        data = b"".join(number.to_bytes(2, "big") for number in numbers)
        whole = answer(0xD2, data)
        assert blanked((">", read_request(0xD2, 0x300, len(numbers))), ("<", whole))[1] == whole


@pytest.mark.parametrize("secret", [SERIAL, b"20240100012345", b"PACK 12/3_A-B.C"])
def test_an_answer_to_a_question_that_we_did_not_hear_and_that_is_as_long_as_ours(secret: bytes) -> None:
    """A gateway sends all that it hears to each of its clients."""
    data = bytes((12, 229)) * 4 + secret.ljust(16, b"\0") + bytes(8)
    question_, others = read_request(0xD2, 0, 16), answer(0xD2, data)
    ours = answer(0xD2, bytes((12, 229)) * 16)
    _, told, own = blanked((">", question_), ("<", others), ("<", ours))
    assert own == ours
    assert told[:11] == others[:11]
    assert not [at for at in range(len(secret) - 5) if secret[at : at + 6] in told]
    assert crc(told[:-2]) == told[-2:]


@pytest.mark.parametrize("start", range(0x3A, 0x58))
def test_such_an_answer_across_registers_with_and_without_a_name(start: int) -> None:
    """The same token, wherever the registers of our own question lie, unless they are secret in part."""
    others = answer(0xD2, SERIAL[:14])
    told = blanked((">", read_request(0xD2, start, 7)), ("<", others))[1]
    own = blanked((">", read_request(0xD2, 0x57, 7)), ("<", others))[1]
    assert told == own or 0x50 < start < 0x57
    assert not [at for at in range(9) if SERIAL[at : at + 6] in told]


def test_currents_that_look_like_letters_stay() -> None:
    """Settings of 28500, 28000 ... with delays: ten registers of P81 that are all letters."""
    data = b"oTm`N klN oTm`N klN "
    whole = answer(0x51, data)
    assert blanked((">", read_request(0x81, 0x140, 10)), ("<", whole))[1] == whole
