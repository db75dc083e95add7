"""The configuration file, and the discovery of a cluster that fills it."""
