"""A log of samples as a picture.

`log` reads it into tracks (`track`), `thin` keeps them small, `charts` and `marks` say what is drawn; `draw`
alone loads matplotlib.
"""
