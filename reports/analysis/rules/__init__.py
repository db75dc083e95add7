"""The rules that name a cause, one file for each layer, and their order."""
