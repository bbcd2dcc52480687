"""What waits for the broker: facts by their newest, samples each, none too old, none lost uncounted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dalybms.outputs.mqtt.outbox import Message, Outbox


def sample(number: int, at: float = 0.0) -> Message:
    return Message("t", str(number), at)


def test_facts_go_first_and_only_their_newest() -> None:
    outbox = Outbox(60)
    outbox.add(sample(1))
    for word in ("online", "offline"):
        outbox.fact("status", word)
    assert outbox.next(0) == Message("status", "offline")
    outbox.fact("status", "offline")
    assert outbox.next(0) == sample(1)
    assert outbox.next(0) is None


def test_a_sample_that_is_too_old_is_dropped_and_counted() -> None:
    outbox = Outbox(60)
    outbox.add(sample(1, at=0))
    outbox.add(sample(2, at=30))
    assert outbox.next(60) == sample(2, at=30)
    assert outbox.dropped == 1
    assert outbox.expiry(sample(2, at=30), 60) == 30


def test_what_was_under_way_comes_again_in_its_order() -> None:
    outbox = Outbox(60)
    outbox.fact("status", "online")
    for number in range(4):
        outbox.add(sample(number))
    for number in range(4):
        message = outbox.next(0)
        assert message
        outbox.sent(number, message)
    outbox.taken(1)
    outbox.lost()
    sent = [outbox.next(0) for _ in range(5)]
    assert [message and message.payload for message in sent] == ["online", "1", "2", "3", None]
    assert (outbox.delivered, outbox.dropped) == (1, 0)


def test_a_sample_that_ends_each_connection_is_given_up() -> None:
    outbox = Outbox(60)
    outbox.add(sample(1))
    tries = 0
    while True:
        message = outbox.next(0)
        if message is None:
            break
        tries += 1
        outbox.sent(tries, message)
        outbox.lost()
    assert (tries, outbox.dropped) == (5, 1)


def test_a_repeated_sample_counts_once() -> None:
    outbox = Outbox(60)
    outbox.repeat(sample(1))
    message = outbox.next(0)
    assert message
    outbox.sent(1, message)
    outbox.taken(1)
    outbox.repeat(sample(2))
    outbox.abandon()
    assert (outbox.delivered, outbox.dropped) == (0, 0)


@given(
    st.lists(st.sampled_from(["add", "next", "taken", "rejected", "lost", "late"]), max_size=200),
    st.integers(1, 5),
)
def test_each_sample_is_delivered_dropped_or_there(steps: list[str], limit: int) -> None:
    outbox, now, added, number, under_way = Outbox(10, limit), 0.0, 0, 0, []  # type: ignore[var-annotated]
    for step in steps:
        now += 1
        if step == "add":
            outbox.add(sample(added, now))
            added += 1
        elif step == "next":
            message = outbox.next(now)
            if message:
                number += 1
                outbox.sent(number, message)
                under_way.append(number)
        elif step in ("taken", "rejected") and under_way:
            getattr(outbox, step)(under_way.pop(0))
        elif step == "lost":
            outbox.lost()
            under_way.clear()
        elif step == "late":
            now += 5
    outbox.abandon()
    assert outbox.delivered + outbox.dropped == added
