"""D2 and P81: boards with numbered registers, and the frame that both share."""
