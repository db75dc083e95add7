"""The vocabulary of records and findings; imports nothing of ours."""
