"""Consumers of samples. Each has take(sample) and close(); its library is loaded only by it.

A sample is what was read of one battery at one moment: a dict of `time` (RFC 3339, UTC, milliseconds),
`device`, `name`, `board` (None where a cable has one), `protocol`, `state` (see quantities.py), the sections
as `get_all()` gives them (one that failed is {"error": why} or missing) plus `faults`, `info`, `unusable`
{"soc.current": why}; or `error`. `polarity` is 1 where a positive current of this pack discharges it, -1
where it charges it, None while that is not known. `energy` is what EnergyFile.add() returned; a sample of a
bank has `bank`, as bank() makes it, instead of sections.

An output raises DalyError for what cannot work at all (a file that is none of ours, a missing package) when
it is made. Later it raises nothing: what goes wrong is handed to `complain(text)`, once, and counted.
"""
