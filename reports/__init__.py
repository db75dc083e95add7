"""JUDGES: a timeline in, Markdown or JSON out."""
