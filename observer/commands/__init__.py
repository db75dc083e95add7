"""The commands of `observer`, one file for each, and what they share."""
