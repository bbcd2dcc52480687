"""Secrets where no table expects them: other masters, fragments, left-overs, nameless registers."""

from __future__ import annotations

import random
import time
from typing import Callable

import pytest

from dalybms.diagnosis.listening import judge
from dalybms.protocols.a5.frame import Frame, FrameReader
from dalybms.protocols.blanking.heard import Heard
from dalybms.protocols.blanking.stream import blank
from dalybms.protocols.modbus.frame import crc, read_request, write_several_request

SALT = bytes(range(32))
CODE = b"QX7391RT-55082K-ZW46193J-MN820SUV41"
BCD = bytes.fromhex("7391550846193820264173596620942135")


def answer(source: int, data: bytes) -> bytes:
    body = bytes((source, 3, len(data))) + data
    return body + crc(body)


def frames(code: bytes) -> list[bytes]:
    return [Frame(1, 0x57, bytes((n + 1,)) + code.ljust(35)[7 * n : 7 * n + 7]).encode() for n in range(5)]


def ask(command: int) -> bytes:
    return Frame(0x40, command, bytes(8)).encode()


def reply(command: int, data: bytes) -> bytes:
    return Frame(1, command, data.ljust(8, b"\0")).encode()


def kept(secret: bytes, size: int, *pieces: tuple[str, bytes]) -> list[bytes]:
    """Which parts of the secret are in what is left, forwards or backwards."""
    _, blanked = blank(SALT, Heard(), pieces)
    assert [len(each) for each in blanked] == [len(data) for _, data in pieces]
    told = b"".join(blanked)
    parts = [secret[at : at + size] for at in range(len(secret) - size + 1)]
    return [part for part in parts if part in told or part[::-1] in told]


def damaged(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return chance.choice(
        (
            data[:at] + data[at + 1 :],
            data[:at] + data[at : at + 1] + data[at:],
            data[:at] + bytes((data[at] ^ 1 << chance.randrange(8),)) + data[at + 1 :],
            data[at:],
            data[:at],
        )
    )


D2 = answer(0xD2, b"T00K_321042_11\0\0BMS-GD230-303E\0\0" + CODE[:32])
SERIAL = answer(0xD2, CODE[:14])
P81 = answer(0x51, b"12_260120_K00TH2.1_103E_30XFDL_HKMS_3.2.E\0" + CODE[:28] + CODE[:32] + bytes(46))


@pytest.mark.parametrize(
    "whole", [b"".join(frames(CODE)), D2, SERIAL, P81], ids=["a5", "d2", "serial", "p81"]
)
@pytest.mark.parametrize("before", [b"", ask(0x90), read_request(0xD2, 0, 62)], ids=["nothing", "a5", "d2"])
def test_damaged_answers_to_questions_that_were_not_heard(whole: bytes, before: bytes) -> None:
    """Another master's, of a recording that began too late."""
    for seed in range(300):
        assert kept(CODE, 6, (">", before), ("<", damaged(whole, random.Random(seed)))) == [], seed


@pytest.mark.parametrize("at", range(1, 65))
def test_such_an_answer_that_is_cut_by_a_question(at: int) -> None:
    whole = b"".join(frames(CODE))
    assert kept(CODE, 6, ("<", whole[:at]), (">", ask(0x90)), ("<", whole[at:])) == []


def test_a_secret_that_is_cut_into_pieces_far_apart() -> None:
    """Each piece is written before the next one comes."""
    for whole in (b"+NAME:" + CODE, frames(CODE)[0], answer(0xD2, CODE[:6])[:-1], b"".join(frames(CODE))[3:]):
        for first in range(1, len(whole)):
            heard, told = Heard(), b""
            for piece in (whole[:first], whole[first : first + 5], whole[first + 5 :]):
                heard, blanked = blank(SALT, heard, [("<", piece)])
                told += blanked[0]
            assert not [at for at in range(len(CODE) - 5) if CODE[at : at + 6] in told], first


def test_what_fills_the_end_of_a_frame_does_not_make_it_good() -> None:
    """Its beginning is written already; asked for a secret, the rest is replaced."""
    for n in range(256):
        half = Frame(1, 0x91, b"\x0c\xe5\3\x0c\xd8\7\0" + bytes((n,))).encode()[:12]
        pieces = [("<", half), (">", ask(0x57)), ("<", b"\x01\x02\x03")]
        told = b"".join(blank(SALT, Heard(), pieces)[1])
        assert not FrameReader().feed(told.replace(ask(0x57), b"") + bytes(16)), n


def test_a_code_in_bcd_behind_the_head_of_its_frame() -> None:
    whole = b"".join(frames(BCD))
    for seed in range(300):
        broken = bytearray(whole)
        broken[random.Random(seed).randrange(len(whole))] ^= 0x10
        assert kept(BCD, 4, ("<", bytes(broken))) == [], seed
    spoilt = answer(0xD2, b"v" * 32 + BCD)[:-1] + b"!"
    assert kept(BCD, 4, ("<", spoilt[:50]), ("<", spoilt[50:])) == []
    head = answer(0xD2, b"v" * 32 + BCD)[:45]
    assert kept(BCD, 4, ("<", head), (">", ask(0x90)), ("<", spoilt[45:])) == []


@pytest.mark.parametrize("command", [0x55, 0x56, 0x6A, 0x15, 0x7E])
def test_texts_of_commands_that_are_never_asked(command: int) -> None:
    """0x55, 0x56 and 0x6A are texts by the notes on HAIDI boards; of others nobody knows."""
    whole = [Frame(1, command, each[4:12]).encode() for each in frames(CODE)]
    _, blanked = blank(SALT, Heard(), [("<", b"".join(whole))])
    assert kept(CODE, 5, ("<", b"".join(whole))) == []
    assert [frame.command for frame in FrameReader().feed(blanked[0])] == [command] * 5


@pytest.mark.parametrize("text", [b"+NAME:DL-40D63C3223A2\r\nOK\r\n", b"~2001464290000FDB0DL40D63C3223A2\r"])
def test_texts_of_modules_and_other_devices(text: bytes) -> None:
    assert kept(b"DL-40D63C3223A2", 4, ("<", text)) == []
    _, (blanked,) = blank(SALT, Heard(), [("<", text)])
    assert blanked[:1] + blanked[-1:] == text[:1] + text[-1:]


@pytest.mark.parametrize(
    "text",
    [
        b"\r\ncabin login: ",
        b"cabin's password: ",
        b"\r\nAT+NAME?\r",
        b"AT\r\r\nAT\r",
        b"~2001464290000FDB0DAB\r",
        b"port 4001 is in use\r\n",
        b"HTTP/1.1 400 Bad Request from cabin\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 cabin\r\n",
    ],
)
def test_who_is_on_the_line_can_still_be_told(text: bytes) -> None:
    """By the same words as before they were blanked, so that a recorded diagnosis names the same causes."""
    _, (blanked,) = blank(SALT, Heard(), [("<", text)])
    assert judge(blanked) == judge(text)
    assert b"cabin" not in blanked


def test_what_replaces_a_text_makes_no_frame_good() -> None:
    """A sum of 8 bits would be right by chance."""
    for n in range(4096):
        spoilt = bytearray(reply(0x90, b"AB" + n.to_bytes(2, "big") + b"CDEF"))
        spoilt[12] ^= n % 255 + 1
        _, (blanked,) = blank(SALT, Heard(), [("<", bytes(spoilt))])
        assert FrameReader().feed(blanked + bytes(16)) == [], n


@pytest.mark.parametrize(
    ("command", "defined"),
    [(0x91, 6), (0x92, 4), (0x94, 7), (0x51, 7), (0x5F, 4), (0x60, 4), (0xD9, 1), (0x97, 6)],
)
def test_bytes_left_over_in_the_next_replies(command: int, defined: int) -> None:
    """Old firmware builds each reply in the buffer of the one before and writes what it defines alone."""
    data = frames(CODE)[-1][4:12]
    next_ = reply(command, bytes(defined) + data[defined:])
    pieces = [(">", ask(0x57)), ("<", b"".join(frames(CODE))), (">", ask(command)), ("<", next_)]
    pieces += [(">", ask(0x92)), ("<", reply(0x92, bytes(4) + data[4:]))]
    _, (_, code, _, after, _, later) = blank(SALT, Heard(), pieces)
    assert after[: 4 + defined] == next_[: 4 + defined]
    assert after[4 + defined : 12] == code[-13:][4 + defined : 12]
    if defined <= 4:
        assert later[8:12] == code[-5:-1]  # what is left over stays for long
    assert all(a != b for a, b in zip(after[4 + defined : 12], data[defined:]))
    assert len(FrameReader().feed(after)) == len(FrameReader().feed(later)) == 1


def test_left_over_behind_the_sensors_that_there_are() -> None:
    data = frames(CODE)[-1][4:12]
    status, sensors = reply(0x94, b"\x0e\x02"), reply(0x96, b"\x01" + data[1:3] + data[3:])
    pieces = [("<", status), ("<", b"".join(frames(CODE))), ("<", sensors)]
    after = blank(SALT, Heard(), pieces)[1][-1]
    assert after[5:7] == data[1:3]  # two sensors, whatever their values
    assert not any(a == b for a, b in zip(after[7:12], data[3:]))


def test_left_over_from_before_the_recording() -> None:
    assert kept(CODE, 4, ("<", reply(0x60, b"\1\2\3\4" + CODE[:4]))) == []
    assert kept(CODE, 4, ("<", reply(0xD9, b"\1" + CODE[:7]))) == []


def registers(make: Callable[[int], bytes], source: int, at: int, size: int, data: bytes) -> bytes:
    _, (blanked,) = blank(SALT, Heard(), [("<", read_request(make(0)[0], at, size) + answer(source, data))])
    return blanked[8:]


@pytest.mark.parametrize(
    ("asked", "source", "at"),
    [(0xD2, 0xD2, 0xE0), (0xD2, 0xD2, 0x47), (0x81, 0x51, 0x24B), (0x81, 0x51, 0x3001)],
)
def test_texts_in_registers_that_no_row_names(asked: int, source: int, at: int) -> None:
    question, told = read_request(asked, at, 10), answer(source, b"\0\1" + CODE[:14] + b"\0\2\0\3")
    assert kept(CODE, 6, ("<", question + told)) == []
    _, (blanked,) = blank(SALT, Heard(), [("<", question + told)])
    assert crc(blanked[8:-2]) == blanked[-2:]
    assert (blanked[11:13], blanked[-6:-2]) == (b"\0\1", b"\0\2\0\3")
    assert kept(CODE, 6, (">", write_several_request(asked, at, [0x5158, 0x3733, 0x3931, 0x5254]))) == []


def test_numbers_that_look_like_letters_stay() -> None:
    """Four currents of 27.5 A and less are eight letters; as rows name them, they are numbers."""
    limits = bytes(2 * 0x13) + b"klklkl" + b"kl" * 1 + bytes(2 * 18)
    question = read_request(0xD2, 0x80, 41)
    pieces = [(">", question), ("<", answer(0xD2, limits))]
    assert blank(SALT, Heard(), pieces)[1] == [question, answer(0xD2, limits)]
    frame = reply(0x5B, b"klklklkl")
    assert blank(SALT, Heard(), [("<", frame)])[1] == [frame]


def test_much_noise_takes_no_time_to_speak_of() -> None:
    """A gateway may send as much within the second that is looked at in one go."""
    noise = bytes(random.Random(1).choices(range(256), k=600_000))
    began = time.process_time()
    blank(SALT, Heard(), [("<", noise[at : at + 100]) for at in range(0, len(noise), 100)])
    assert time.process_time() - began < 6  # half a second where it is looked at once


def test_noise_and_short_answers_stay() -> None:
    for heard in (bytes.fromhex("0ce5334a42"), b"\xff\x00\xd2\x03", bytes(range(128, 256)), ask(0x90)[:9]):
        assert blank(SALT, Heard(), [("<", heard)])[1] == [heard]
