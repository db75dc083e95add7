#!/bin/sh
# Pulls or builds every image, and prints the variables of stack/compose.yaml that name them, for `.` or `eval`.
#
# If an image cannot be pulled, the base comes from debootstrap, and Prometheus and the exporter from Debian's packages.
# Debian has no Grafana, so it is left out then (WITHOUT="grafana").
set -eu
cd "$(dirname "$0")/../.."

BASE=debian:trixie-slim
PROMETHEUS=$(sed -n 's/.*{PROMETHEUS_IMAGE:-\(.*\)}.*/\1/p' stack/compose.yaml)
EXPORTER=$(sed -n 's/.*{EXPORTER_IMAGE:-\(.*\)}.*/\1/p' stack/compose.yaml)
GRAFANA=$(sed -n 's/.*{GRAFANA_IMAGE:-\(.*\)}.*/\1/p' stack/compose.yaml)

say() { echo "docker: $*" >&2; }
there() { docker image inspect "$1" >/dev/null 2>&1; }
pull() { there "$1" || timeout "${PULL_TIMEOUT_S:-120}" docker pull -q "$1" >/dev/null 2>&1; }
# On the host's network: a build needs the same mirror and the same names as this machine.
build() {
    # The output is shown only if the build fails: engines without BuildKit warn each time.
    output=$(nice -n 10 docker build --network=host --build-arg "BASE=$base" "$@" 2>&1) || {
        echo "$output" | tail -n 20 >&2
        say "docker build $* failed; the end of its output is above."
        exit 70
    }
}

bootstrap() {
    there observer-base:trixie && return
    if [ "$(id -u)" -ne 0 ] || ! mirror=$(sh stack/docker/mirror.sh); then
        say "$BASE cannot be pulled, and building a base needs root and Debian's apt; name an image in BASE_IMAGE."
        exit 69
    fi
    command -v debootstrap >/dev/null || apt-get update -q=2 && apt-get install -y -q=2 --no-install-recommends debootstrap >/dev/null
    say "$BASE cannot be pulled; building a base with debootstrap"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    nice -n 10 debootstrap --variant=minbase trixie "$folder/base" "$mirror" >"$folder/log" 2>&1 || {
        tail -n 3 "$folder/log" >&2
        say "debootstrap failed; the end of its output is above."
        exit 69
    }
    tar -C "$folder/base" -c . | docker import - observer-base:trixie >/dev/null
    rm -rf "$folder"
    trap - EXIT
}

base=${BASE_IMAGE:-$BASE}
pull "$base" || {
    base=observer-base:trixie
    bootstrap
}
say "building patroni"
build --tag patroni patroni-master
say "building observer"
build --tag observer --file stack/docker/observer/Dockerfile .
say "patroni is $(docker image inspect --format '{{.Size}}' patroni | awk '{ printf "%.0f MB", $1 / 1e6 }')"

without=
if ! pull "$PROMETHEUS" || ! pull "$EXPORTER"; then
    say "Prometheus and the exporter cannot be pulled; building them from Debian's packages"
    build --tag observer-prometheus --target prometheus stack/docker/monitoring
    build --tag observer-exporter --target exporter stack/docker/monitoring
    PROMETHEUS=observer-prometheus EXPORTER=observer-exporter
fi
pull "$GRAFANA" || {
    say "Grafana cannot be pulled and Debian has no package of it: Grafana is left out, and the dashboards are checked without it"
    without=grafana
}
cat <<END
export BASE_IMAGE=$base
export PROMETHEUS_IMAGE=$PROMETHEUS
export EXPORTER_IMAGE=$EXPORTER
export WITHOUT=$without
END
