"""A cluster to break: etcd, Patroni, PostgreSQL and HAProxy as plain processes."""
