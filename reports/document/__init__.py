"""Findings to view objects: one section a file. It chooses and orders facts, and computes none."""
