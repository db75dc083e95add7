"""The analysis: a recording in, findings out. Every value keeps the rows that show it.

Pure functions over `observer.model`; nothing here reads a file, the time or a database.
"""
