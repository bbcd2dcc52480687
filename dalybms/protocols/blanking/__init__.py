"""What passes on a wire without what tells one battery, or its owner, from others. Pure.

`marks` gathers from the tables which bytes are secret, `heard` keeps what was asked, `stream` finds the
frames, `a5`, `registers` and `sinowealth` blank them, `loose` is for what is no frame, `remains` for what A5
leaves over; `tokens` makes the replacements, `words` those in messages.
"""
