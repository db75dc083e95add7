"""Checks of a configuration against the real cluster: what is wrong, what it means and how to fix it."""
