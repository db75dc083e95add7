"""GATHERS: a timeline and what was judged of it in, plain facts out."""
