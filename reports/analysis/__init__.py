"""What a timeline means: outages, incidents with their causes and phases, durability, consistency, theory, blindness.

Pure functions over `observer.timeline`; nothing here reads a file, asks the time or knows a database.
"""
