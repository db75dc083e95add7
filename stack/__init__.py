"""A cluster to break: etcd, Patroni with PostgreSQL, and HAProxy, as local processes or in Docker."""
