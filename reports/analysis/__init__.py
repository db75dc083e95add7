"""What a timeline means: outages, incidents with their causes and phases, durability, consistency, theory, blindness.

Pure functions over `observer.model.recording`; nothing here reads a file, asks the time or knows a database.
"""
