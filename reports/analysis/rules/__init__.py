"""The rules that find a cause, one file for each layer, and their order."""
