"""Measurements beside their peers: `make bench`."""
