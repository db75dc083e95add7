"""A cluster to break: etcd, Patroni with PostgreSQL, and HAProxy, as plain processes on loopback."""
