"""RECORDS: the daemon that watches a Patroni cluster, and the command line."""
