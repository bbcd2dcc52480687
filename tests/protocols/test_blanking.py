"""Blanking: no secret is left, lengths stay, good checksums are good, bad ones are bad."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms.protocols.a5.frame import Frame
from dalybms.protocols.blanking.heard import Heard
from dalybms.protocols.blanking.marks import A5_SECRETS, D2, P81
from dalybms.protocols.blanking.stream import blank
from dalybms.protocols.blanking.words import blank_words
from dalybms.protocols.fields import Text
from dalybms.protocols.modbus.frame import crc, read_request, write_request, write_several_request

SALT = bytes(range(32))
CODE = b"ZX81-SPECTRUM-0042-PACK"


def answer(source: int, data: bytes) -> bytes:
    body = bytes((source, 3, len(data))) + data
    return body + crc(body)


def versions(code: bytes = CODE) -> bytes:
    return answer(0xD2, b"T00K_321042_11\0\0" + b"BMS-GD230-303E\0\0" + code.ljust(32, b"\0"))


def asked(question: bytes, *replies: bytes, salt: bytes = SALT) -> list[bytes]:
    return blank(salt, Heard(), [(">", question), *(("<", reply) for reply in replies)])[1][1:]


def is_sealed(frame: bytes) -> bool:
    return crc(frame[:-2]) == frame[-2:]


D2_VERSIONS = read_request(0xD2, 0xA9, 32)


def test_what_is_secret() -> None:
    """Each Text says whether it is; a row that does not say it cannot be made."""
    with pytest.raises(TypeError, match="secret"):
        Text("battery_code", at=0, size=8)  # type: ignore[call-arg]
    assert sorted(A5_SECRETS) == [0x15, 0x16, 0x17, 0x2A, 0x55, 0x56, 0x57, 0x6A]
    assert (2 * 0x57, 2 * 0x5E) in D2.secrets
    assert (2 * 0xC9, 2 * 0xCC) in D2.secrets
    assert (2 * 0x178 + 42, 2 * 0x178 + 70) in P81.secrets
    assert (2 * 0x178 + 102, 2 * 0x178 + 148) in P81.secrets  # nobody knows what else stands in that block
    assert (2 * 0x126, 2 * 0x129) in P81.secrets


def test_a_battery_code_of_d2() -> None:
    (blanked,) = asked(D2_VERSIONS, versions())
    assert len(blanked) == len(versions())
    assert blanked[:35] == versions()[:35]
    assert is_sealed(blanked)
    token = blanked[35:67]
    assert token[len(CODE) :] == bytes(32 - len(CODE))
    assert all(a != b for a, b in zip(token, CODE))
    assert token[: len(CODE)].isalnum()


def test_the_same_secret_has_one_token_in_a_file_and_another_in_the_next() -> None:
    d2 = asked(D2_VERSIONS, versions())[0][35:67].rstrip(b"\0")
    p81 = asked(read_request(0x81, 0x178, 74), answer(0x51, bytes(70) + CODE.ljust(32, b" ") + bytes(46)))[0][
        73:105
    ]
    assert p81.rstrip(b" ") == d2
    assert asked(D2_VERSIONS, versions(), salt=bytes(32))[0][35:67].rstrip(b"\0") != d2


def test_cut_anywhere_it_is_the_same() -> None:
    whole = asked(D2_VERSIONS, versions())[0]
    for at in range(1, len(whole)):
        pieces = asked(D2_VERSIONS, versions()[:at], versions()[at:])
        assert b"".join(pieces) == whole
        assert len(pieces[0]) == at


def test_an_unset_code_stays_unset() -> None:
    for filler in (b"\0", b"\xff", b" "):
        assert asked(D2_VERSIONS, versions(filler * 32)) == [versions(filler * 32)]


def test_five_frames_of_a5() -> None:
    frames = [Frame(1, 0x57, bytes((n + 1,)) + CODE.ljust(35)[7 * n : 7 * n + 7]).encode() for n in range(5)]
    blanked = asked(Frame(0x40, 0x57, bytes(8)).encode(), *frames)
    for before, after in zip(frames, blanked):
        assert after[:5] == before[:5]
        assert sum(after[:12]) & 0xFF == after[12]
    text = b"".join(frame[5:12] for frame in blanked)
    assert all(a != b for a, b in zip(text, CODE))
    assert text[len(CODE) :] == b" " * (35 - len(CODE))


def test_a_frame_whose_command_was_hit_is_none() -> None:
    """Two flips of a bit may leave the sum as it was."""
    asked_for = Frame(0x40, 0x57, bytes(8)).encode()
    hit = Frame(1, 0x53, b"\x01ZX81-SP").encode()
    (blanked,) = asked(asked_for, hit)
    assert len(set(blanked)) == 1
    assert asked(Frame(0x40, 0x90, bytes(8)).encode(), hit) == [hit]
    _, (_, _, soc) = blank(
        SALT,
        Heard(),
        [
            (">", asked_for),
            (">", Frame(0x40, 0x90, bytes(8)).encode()),
            ("<", Frame(1, 0x90, bytes(8)).encode()),
        ],
    )
    assert soc == Frame(1, 0x90, bytes(8)).encode()


def test_a_code_without_numbers_before_it() -> None:
    (blanked,) = asked(Frame(0x40, 0x57, bytes(8)).encode(), Frame(1, 0x57, b"ZX81-SPE").encode())
    assert all(a != b for a, b in zip(blanked[4:12], b"ZX81-SPE"))


def test_questions_stay_and_values_stay() -> None:
    for question in (
        D2_VERSIONS,
        Frame(0x40, 0x57, b"\xaa" * 8).encode(),
        Frame(0x80, 0x90, bytes(8)).encode(),
    ):
        assert blank(SALT, Heard(), [(">", question)])[1] == [question]
    pack = answer(0xD2, bytes(range(124)))
    assert asked(read_request(0xD2, 0, 62), pack) == [pack]


@pytest.mark.parametrize("damage", range(0, len(versions()), 5))
def test_a_damaged_answer_is_blanked_whole_and_stays_damaged(damage: int) -> None:
    spoilt = bytearray(versions())
    spoilt[damage] ^= 0x10
    (blanked,) = asked(D2_VERSIONS, bytes(spoilt))
    assert len(set(blanked)) == 1
    assert len(blanked) == len(spoilt)
    assert blanked[0] not in spoilt


def test_garbage_beside_an_answer_is_replaced_only_after_a_question_for_a_secret() -> None:
    garbage = b"\xff\x00\xa1gar\xe0"
    assert asked(read_request(0xD2, 0, 62), garbage) == [garbage]
    (blanked,) = asked(D2_VERSIONS, garbage + versions() + garbage)
    assert b"gar" not in blanked
    assert asked(D2_VERSIONS, versions())[0] in blanked


def test_what_comes_late_is_blanked_behind_other_questions() -> None:
    heard, _ = blank(SALT, Heard(), [(">", D2_VERSIONS)])
    _, (_, late) = blank(SALT, heard, [(">", read_request(0xD2, 0, 62)), ("<", versions()[20:])])
    assert len(set(late)) == 1


@pytest.mark.parametrize(
    ("question", "reply", "at"),
    [
        (read_request(0xD2, 0xC9, 3), answer(0xD2, b"123456"), 3),
        (read_request(0xD2, 0xC8, 5), answer(0xD2, b"\0\0" + b"123456" + b"\0\0"), 5),
        (read_request(0x83, 0x126, 3), answer(0x53, b"123456"), 3),
        (read_request(0x83, 0x125, 2), answer(0x53, b"\0\x0512"), 5),
    ],
)
def test_another_program_reads_the_password(question: bytes, reply: bytes, at: int) -> None:
    """Its question and the answer are both heard, here before we have asked anything."""
    _, (blanked,) = blank(SALT, Heard(), [("<", question + reply)])
    assert blanked[: len(question)] == question
    secret = reply[at:-2].rstrip(b"\0")
    assert secret not in blanked
    assert is_sealed(blanked[len(question) :])
    assert blanked[len(question) :][:at] == reply[:at]


def test_an_answer_whose_question_was_not_heard_may_be_anything() -> None:
    _, (blanked,) = blank(SALT, Heard(), [("<", answer(0xD2, b"123456"))])
    assert b"123456" not in blanked
    assert is_sealed(blanked)


@pytest.mark.parametrize(
    "write",
    [
        write_request(0xD2, 0xC9, 0x3132),
        write_several_request(0xD2, 0xC9, [0x3132, 0x3334, 0x3536]),
        write_several_request(0x81, 0x126, [0x3132, 0x3334, 0x3536]),
        Frame(0x40, 0x17, b"\x01ABCDEF1").encode(),
    ],
)
@pytest.mark.parametrize("direction", "<>")
def test_a_write_of_a_secret(write: bytes, direction: str) -> None:
    _, (blanked,) = blank(SALT, Heard(), [(direction, write)])
    assert len(blanked) == len(write)
    assert blanked != write
    assert b"12" not in blanked
    assert b"ABC" not in blanked


def test_a_write_of_a_value_stays() -> None:
    for write in (write_request(0xD2, 0xA5, 1), Frame(0x40, 0xD9, b"\x01".ljust(8, b"\0")).encode()):
        assert blank(SALT, Heard(), [(">", write)])[1] == [write]


PIECES = st.lists(
    st.tuples(
        st.sampled_from("<>"),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([D2_VERSIONS, versions(), versions()[5:], Frame(0x40, 0x57, bytes(8)).encode()]),
        ),
    ),
    max_size=12,
)


@given(PIECES)
def test_lengths_and_order_stay_and_the_code_goes(pieces: list[tuple[str, bytes]]) -> None:
    _, blanked = blank(SALT, Heard(), pieces)
    assert [len(each) for each in blanked] == [len(data) for _, data in pieces]
    asked_for = next((n for n, (_, data) in enumerate(pieces) if data == D2_VERSIONS), len(pieces))
    for direction in "<>":
        text = b"".join(each for (way, _), each in list(zip(pieces, blanked))[asked_for:] if way == direction)
        assert CODE not in text


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (
            "cannot open /dev/ttyUSB0: busy; ports here: /dev/serial/by-id/usb-X_77-if0, COM7",
            ["/dev", "usb-X", "COM7"],
        ),
        ("bms.home.example:4001 refused the connection", ["bms", "4001"]),
        ("cannot reach 192.168.7.9:4001 (timed out)", ["192", "4001"]),
        ("cannot find the host bms.home.example: check the name", ["bms", "example"]),
        (
            "it belongs to group dialout; run: sudo usermod -aG dialout zuse, then log in again",
            ["dialout", "zuse"],
        ),
        ("Bluetooth Konrad's van (AA:BB:CC:DD:EE:FF): lost", ["Konrad", "AA:BB"]),
        (
            "X is not advertising (heard 2 other devices, Daly: AA:BB:CC:DD:EE:01 (Ada's (old) boat), "
            "AA:BB:CC:DD:EE:02 (Eve) in 5 s); close the phone app",
            ["Ada", "boat", "Eve", "EE:0"],
        ),
        ("2 devices are called 'Ada'; name one", ["Ada"]),
        ("cannot reach [fe80::1ff:fe23:4567:890a]:4001 (timed out)", ["fe80", "890a"]),
        ("cannot find the host fe80::1ff:fe23:4567:890a%eth0: check the name", ["fe80", "890a", "eth0"]),
        ("2001:db8::17 and 2001:db8:0:0:1:2:3:4 refused", ["db8", "17"]),
        ("gw refused the connection", ["gw"]),
        ("DL-40D63C3223A2, aabbccddee0f and dev_AA_BB_CC_DD_EE_FF are away", ["40D6", "aabb", "AA_BB"]),
        ("ports here: cu.usbserial-A50285BI, tty.DL-40D63C", ["A502", "40D6"]),
        ("no such file: %2Fhome%2Fzuse%2Flog", ["home", "zuse"]),
    ],
)
def test_words(text: str, gone: list[str]) -> None:
    names = [
        "socket://bms.home.example:4001",
        "bms.home.example:4001",
        "bms.home.example",
        "Konrad's van",
        "zuse",
        "gw",
    ]
    blanked = blank_words(SALT, text, names)
    assert not [word for word in gone if word in blanked]
    assert blanked == blank_words(SALT, text, names)
    assert blanked != blank_words(bytes(32), text, names)


def test_harmless_words_stay() -> None:
    text = "the Bluetooth link was lost; the dongle went out of range after 0.5 s: connect at 10:30:05 again"
    assert blank_words(SALT, text, ["pi", "", "a"]) == text


def test_no_name_is_given(monkeypatch: Any) -> None:
    """Names of the machine and its user are found by discretion.py."""
    from dalybms.discretion import blanking as made

    monkeypatch.setenv("USER", "grace-hopper")
    blanking = made()
    assert "grace-hopper" not in blanking.words("run: sudo adduser grace-hopper x", [])
