"""TELLS: plain facts in, sentences and Markdown tables out."""
