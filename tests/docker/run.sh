#!/bin/sh
# Run the tests that need Docker. Install the engine and the images if they are missing, and stop the engine if this
# script started it. Without an engine, print one line and count as skipped.
set -eu
cd "$(dirname "$0")/../.."

sh stack/docker/engine.sh start || {
    code=$?
    [ "$code" -eq 75 ] || exit "$code"
    echo "test-docker: skipped, there is no Docker engine (the reason is above)"
    exit 0
}
trap 'sh stack/docker/engine.sh stop' EXIT
trap 'exit 130' INT HUP TERM
variables=$(sh stack/docker/images.sh) || {
    code=$?
    [ "$code" -eq 69 ] || exit "$code"
    echo "test-docker: skipped, there is no base image (the reason is above)"
    exit 0
}
eval "$variables"
.venv/bin/pytest -m docker tests/docker "$@"
