"""The results of the analysis as frozen dataclasses: times in nanoseconds, every value with the rows that show it."""
