"""Fake boards: bytes in, bytes out, with faults to switch on.

    pack          the battery in raw wire integers
    board         what all boards share: requests are found in a stream of bytes, writes are taken
    conduct       how a board takes a write: refuses, acts late, lies, loses its power
    a5 ...        one module per protocol, each reply written by hand from its description
    mixed         a board of several protocols
    line          the wire between host and boards, in virtual time
    faults        what can go wrong on the way
    collision     boards that answer at once
    frame_log     what was asked, and whether it writes
    options       text such as "cells=16&fault=drop:0.2" becomes a line
    serve         a line behind a pseudo terminal or a TCP port

Nothing here uses the rest of the package: a table shared with the decoder would hide its errors.
"""
