"""DRAWS: plain facts in, SVG out."""
