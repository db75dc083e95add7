"""One HTML file: the document, and above it the run on one time axis."""
