"""The homework: its questions, their answers, and the steps that no recording can show."""
