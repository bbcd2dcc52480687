"""The frame reader: any frames survive any cut, nothing makes it raise or grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dalybms.protocols.a5.frame import SIZE, Frame, FrameReader

frames = st.builds(Frame, st.integers(1, 16), st.integers(0, 255), st.binary(min_size=8, max_size=8))


def untorn(frame: Frame) -> bool:
    """Real readings never hold their own header; random ones may."""
    return 0xA5 not in frame.data


def ends_clearly(frame: Frame) -> bool:
    return 0xA5 not in frame.encode()[10:]


whole = frames.filter(untorn).filter(ends_clearly)


def fed(data: bytes, size: int = 4096) -> tuple[list[Frame], FrameReader]:
    reader = FrameReader()
    return [frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])], reader


def test_a_request_is_what_the_document_prints() -> None:
    assert Frame(0x40, 0x90, bytes(8)).encode().hex() == "a540900800000000000000007d"


@given(whole)
def test_encode_and_read_give_the_same_frame(frame: Frame) -> None:
    assert fed(frame.encode())[0] == [frame]


@given(st.lists(whole, max_size=20), st.integers(1, 40))
def test_frames_survive_any_cut(sent: list[Frame], size: int) -> None:
    raw = b"".join(frame.encode() for frame in sent)
    found, reader = fed(raw, size)
    assert found == sent
    assert reader.skipped == 0


@given(st.binary(max_size=60).filter(lambda junk: 0xA5 not in junk), whole, st.integers(1, 40))
def test_a_frame_is_found_behind_junk(junk: bytes, frame: Frame, size: int) -> None:
    found, reader = fed(junk + frame.encode(), size)
    assert found == [frame]
    assert reader.skipped == len(junk)


@given(st.lists(st.binary(max_size=50)))
def test_no_input_makes_it_raise_or_grow(chunks: list[bytes]) -> None:
    reader = FrameReader()
    for chunk in chunks:
        reader.mark()
        reader.feed(chunk)
        assert len(reader._buffer) < SIZE + 3


@given(st.integers(1, 40), st.binary(max_size=40))
def test_an_endless_a5_costs_no_memory(size: int, junk: bytes) -> None:
    reader = FrameReader()
    for _ in range(50):
        reader.feed(b"\xa5" * size + junk)
    assert len(reader._buffer) < SIZE + 3


@given(whole, st.integers(0, 12), st.integers(0, 7))
def test_one_flipped_bit_is_never_accepted(frame: Frame, at: int, bit: int) -> None:
    raw = bytearray(frame.encode())
    raw[at] ^= 1 << bit
    assert fed(bytes(raw))[0] == []


@pytest.mark.parametrize("lost", range(1, SIZE))
def test_after_a_cut_frame_the_next_is_found(lost: int) -> None:
    frame = Frame(1, 0x90, bytes.fromhex("021200 0075300384"))
    for at in range(SIZE - lost + 1):
        raw = frame.encode()
        torn = raw[:at] + raw[at + lost :]
        assert fed(torn + raw)[0] == [frame], (at, lost)


def test_one_byte_is_given_up_not_one_frame() -> None:
    frame = Frame(1, 0x90, bytes(8))
    assert fed(b"\xa5" + frame.encode())[0] == [frame]
    assert fed(b"\xa5\x01\x90\x08" + frame.encode())[0] == [frame]


def torn_by_luck() -> tuple[Frame, bytes]:
    """A frame that lost one byte, followed by a good one, whose mixture has a good sum."""
    for value in range(256):
        frame = Frame(1, 0x90, bytes((2, 18, 0, 0, 0x75, value, 3, 0x84)))
        raw = frame.encode()
        mixture = raw[:9] + raw[10:] + raw[:1]
        if sum(mixture[:12]) & 0xFF == mixture[12]:
            return frame, raw[:9] + raw[10:]
    raise AssertionError("no such value")


def test_a_torn_frame_with_a_lucky_sum_is_not_accepted() -> None:
    frame, torn = torn_by_luck()
    assert fed(torn + frame.encode())[0] == [frame]


@pytest.mark.parametrize("size", range(1, 14))
def test_a_torn_frame_with_a_lucky_sum_waits_for_the_bytes_behind_it(size: int) -> None:
    frame, torn = torn_by_luck()
    reader = FrameReader()
    assert reader.feed(torn) == []
    raw = frame.encode()
    found = [each for at in range(0, SIZE, size) for each in reader.feed(raw[at : at + size])]
    assert found == [frame]
    assert not reader.doubt


@pytest.mark.parametrize("size", range(1, 14))
@pytest.mark.parametrize("host", [0x40, 0x80])
def test_a_torn_frame_completed_by_an_echo_is_not_accepted(host: int, size: int) -> None:
    frame, torn = torn_by_luck()
    echo = Frame(host, 0x90, bytes(8)).encode()
    reader = FrameReader()
    raw = torn + echo + frame.encode()
    found = [each for at in range(0, len(raw), size) for each in reader.feed(raw[at : at + size])]
    assert [each for each in found if each.source == 1] == [frame]


def test_a_frame_that_ends_like_a_new_head_is_given_when_the_line_is_quiet() -> None:
    frame = next(
        frame
        for value in range(256)
        if (frame := Frame(1, 0x90, bytes((*[0] * 7, value)))).encode()[12] == 0xA5
    )
    reader = FrameReader()
    assert reader.feed(frame.encode()) == []
    assert reader.doubt
    assert reader.release(everything=False) == [frame]
    assert not reader.doubt


def test_slow_halves_across_two_attempts_are_one_frame_when_nothing_better_came() -> None:
    frame, reader = Frame(1, 0x90, bytes(8)), FrameReader()
    raw = frame.encode()
    assert reader.feed(raw[:6]) == []
    reader.mark()
    assert reader.feed(raw[6:]) == []
    assert reader.release(everything=False) == []
    assert reader.release(everything=True) == [frame]


def test_data_that_look_like_the_head_of_a_low_address_are_data() -> None:
    frame = Frame(1, 0x90, bytes.fromhex("00a5059008000000"))
    assert fed(frame.encode())[0] == [frame]


def test_reset_forgets_everything() -> None:
    reader = FrameReader()
    reader.feed(b"\x00" * 20 + b"\xa5\x01")
    reader.reset()
    assert (reader.skipped, len(reader._buffer)) == (0, 0)
    assert reader.feed(Frame(1, 0x90, bytes(8)).encode()[2:]) == []
