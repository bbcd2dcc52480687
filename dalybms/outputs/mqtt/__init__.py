"""Samples for an MQTT broker: paho-mqtt 1.6 and 2.x, MQTT 5 where the broker has it."""

try:
    import paho.mqtt.client as _paho
except ImportError:
    from dalybms.outputs.packages import missing

    raise missing("--mqtt", "paho-mqtt", "mqtt") from None

assert _paho
