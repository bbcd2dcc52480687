"""One connection to a broker. paho runs its thread; whatever happens becomes an event in a queue."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
from typing import Any, Callable, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dalybms.outputs.mqtt.settings import Context, Settings

KEEPALIVE = 15
"""Seconds after which a broker that says nothing is asked, and once more given up."""
UNSUPPORTED = (1, 132)
"""The broker's answer, of 3.1.1 and of 5, that it does not speak this version."""
HANGS_UP = "it closes the connection at once: is this its port, and is it with or without TLS?"
_REFUSALS = {
    2: "it does not like our name", 133: "it does not like our name", 3: "it is not available",
    136: "it is not available", 4: "user or password is wrong", 134: "user or password is wrong",
    5: "not allowed", 135: "not allowed",
}  # fmt: skip
_UNSAID = 128
"""The code of who does not say why; those above are faults, those below are none."""
_WINDOW = 10
"""Messages under way at once."""
_LARGEST = 1_000_000
"""Bytes that we take at once."""
_HEARD = 1000
"""Messages that wait to be looked at."""
_AROUND = 64
"""Bytes of a packet that are neither topic nor payload, at the most."""


def unreachable(error: Exception, encrypted: bool) -> str:
    """Why there is no connection, in the system's words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"cannot connect: its certificate proves nothing: {error.verify_message.rstrip('.')}"
    words = str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)
    hint = (
        ": is its port with TLS?" if encrypted and isinstance(error, (ssl.SSLError, ConnectionError)) else ""
    )
    return f"cannot connect: {words}{hint}"


class Event(NamedTuple):
    """kind: connected, refused, closed, taken, rejected, subscribed, message; also work and close.

    value: the number of a message or a code, or what was heard. words: the broker's reason.
    """

    kind: str
    value: Any = None
    session: Any = None
    words: str = ""


class Heard(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class Session:
    """A connection that is open from the constructor to drop(). Raises OSError when there is none.

    version: 4 for MQTT 3.1.1 or 5. will: the topic that says "offline" when we are gone.
    """

    def __init__(
        self,
        settings: Settings,
        security: Context | None,
        client_id: str,
        version: int,
        will: str | None,
        events: queue.SimpleQueue[Event],
        keepalive: int = KEEPALIVE,
    ) -> None:
        self.version, self._events = version, events
        self.qos, self.retains, self.window = 1, True, _WINDOW
        self._largest = 0
        """Bytes of a packet that the broker takes, 0 for any."""
        self._why = ""
        self._room = _HEARD if will else None
        """An errand, which announces no will, has to hear all that the broker keeps."""
        self._client = client = _client(client_id, version)
        client.ended = self._ended
        if settings.user is not None:
            client.username_pw_set(settings.user, settings.password)
        if security is not None:
            client.tls_set_context(security)
        if will is not None:
            client.will_set(will, "offline", qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_subscribe = self._on_subscribe
        try:
            limit = {"properties": _limit()} if version == paho.MQTTv5 else {}
            client.connect(settings.broker, settings.port, keepalive, **limit)
        except BaseException:
            if security is not None and security.last is not None:
                security.last.close()
            _forget(client)
            raise
        client.loop_start()

    def publish(self, topic: str, payload: str, retain: bool, expiry: int | None = None) -> int:
        """Begin to send; the number with which the event "taken" or "rejected" comes."""
        properties = None
        if expiry is not None and self.version == paho.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expiry
        sent = self._client.publish(topic, payload, self.qos, retain and self.retains, properties)
        return int(sent.mid)

    @property
    def expires(self) -> bool:
        """Does the broker forget what is told to expire?"""
        return bool(self.version == paho.MQTTv5)

    def takes(self, topic: str, payload: str) -> bool:
        """Is it small enough? Of a broker of 3.1.1 nobody knows."""
        size = len(topic.encode()) + len(payload.encode()) + _AROUND
        return not self._largest or size <= self._largest

    def subscribe(self, topics: list[str]) -> None:
        self._client.subscribe([(topic, _options(self.version)) for topic in topics])

    def disconnect(self) -> None:
        """Say good-bye; the event "closed" follows."""
        self._client.disconnect()

    def drop(self) -> None:
        """End it now, whatever the broker does; paho waits for ever for one that takes no bytes."""
        wire = self._client.socket()
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()
        if wire is not None:
            wire.close()
        _forget(self._client)

    def _tell(self, kind: str, value: Any = None, words: str = "") -> None:
        self._events.put(Event(kind, value, self, words))

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any = None) -> None:
        number = _number(code)
        if number:
            self._tell("refused", number, _REFUSALS.get(number, _words(code)))
            return
        self.qos = min(1, getattr(properties, "MaximumQoS", 1))
        self.retains = bool(getattr(properties, "RetainAvailable", 1))
        self.window = min(_WINDOW, getattr(properties, "ReceiveMaximum", _WINDOW))
        self._largest = getattr(properties, "MaximumPacketSize", 0)
        self._tell("connected")

    def _on_disconnect(self, client: Any, userdata: Any, *more: Any) -> None:
        """Of MQTT 5 the broker's own reason is among what follows."""
        reasons = [each for each in more if getattr(each, "value", 0) > _UNSAID]
        self._why = _words(reasons[0]) if reasons else ""

    def _ended(self) -> None:
        self._tell("closed", words=self._why)

    def _on_publish(self, client: Any, userdata: Any, mid: int, *more: Any) -> None:
        code = _number(more[0]) if more else 0
        self._tell("rejected" if code >= _UNSAID else "taken", mid, _words(more[0]) if code else "")

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        """Bytes that are no topic are nobody's."""
        with contextlib.suppress(UnicodeDecodeError):
            topic, payload = message.topic, bytes(message.payload)
            if self._room is None or self._events.qsize() < self._room:
                self._tell("message", Heard(topic, payload, bool(message.retain)))

    def _on_subscribe(self, *_: Any) -> None:
        self._tell("subscribed")


class _Client(paho.Client):
    """Tells when its thread has ended, also where paho stumbles over bytes that are no MQTT."""

    ended: Callable[[], None]

    def loop_forever(self, *arguments: Any, **options: Any) -> Any:
        try:
            return super().loop_forever(*arguments, **options)
        except Exception:  # noqa: BLE001 - whatever it is, this connection is of no use any more
            return paho.MQTT_ERR_PROTOCOL
        finally:
            self.ended()


def _client(client_id: str, version: int) -> Any:
    """paho 2 wants to be told that callbacks are of its newer kind; 1.6 has but the older."""
    newer = getattr(paho, "CallbackAPIVersion", None)
    api: list[Any] = [newer.VERSION2] if newer else []
    make: Any = _Client
    return make(*api, client_id=client_id, protocol=version, reconnect_on_failure=False)


def _forget(client: Any) -> None:
    """Not in a circle with us any more, it is gone at once, and with it its file handles."""
    client.on_connect = client.on_disconnect = client.on_publish = None
    client.on_message = client.on_subscribe = None
    client.ended = lambda: None


def _limit() -> Any:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = _LARGEST
    return properties


def _options(version: int) -> Any:
    """MQTT 5 has options where 3.1.1 has a number; what is heard is not acknowledged."""
    if version != paho.MQTTv5:
        return 0
    from paho.mqtt.subscribeoptions import SubscribeOptions

    return SubscribeOptions(qos=0)


def _number(code: Any) -> int:
    """A reason code is a number in 3.1.1 and an object in 5."""
    return int(getattr(code, "value", code))


def _words(code: Any) -> str:
    return str(code).lower() if hasattr(code, "value") else f"code {code}"
