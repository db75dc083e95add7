"""Pictures: results of the analysis to SVG."""
