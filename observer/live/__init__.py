"""The cluster's present state, for the terminal, `status` and the metrics."""
