"""Metrics for Prometheus, over HTTP or as a file for the node exporter's textfile collector."""

try:
    import prometheus_client
except ImportError:
    from dalybms.outputs.packages import missing

    raise missing("--prometheus", "prometheus-client", "prometheus") from None

assert prometheus_client
