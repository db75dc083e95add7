#!/bin/sh
# Runs the tests that need Docker: gets an engine and images where there are none, and stops the engine it started.
# Where no engine can be had it says so in one line and counts as skipped.
set -eu
cd "$(dirname "$0")/../.."

sh stack/docker/engine.sh start || {
    code=$?
    [ "$code" -eq 75 ] || exit "$code"
    echo "test-docker: skipped, no Docker engine can be had here (why is said above)"
    exit 0
}
trap 'sh stack/docker/engine.sh stop' EXIT
trap 'exit 130' INT HUP TERM
variables=$(sh stack/docker/images.sh) || {
    code=$?
    [ "$code" -eq 69 ] || exit "$code"
    echo "test-docker: skipped, no base image can be had here (why is said above)"
    exit 0
}
eval "$variables"
.venv/bin/pytest -m docker tests/docker "$@"
