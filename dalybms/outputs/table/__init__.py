"""Samples on a terminal, once or as a live view."""

try:
    import rich
except ImportError:
    from dalybms.outputs.packages import missing

    raise missing("--format table", "rich", "ui") from None

assert rich
