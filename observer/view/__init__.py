"""The live view of a recording on a terminal: what is known, what it looks like, and the screen it is drawn on."""
