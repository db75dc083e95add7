#!/bin/sh
# Installs and starts a Docker engine with Compose v2, if there is none: `engine.sh start`, then `engine.sh stop`.
#
# A running engine is used and not changed. The packages come from Debian, through the mirror of this machine's apt.
# If there can be no engine, the script exits with 75 and one sentence.
set -eu

FOLDER=${DOCKER_ENGINE_DIR:-/var/tmp/observer-docker}
PID=$FOLDER/dockerd.pid
LOG=$FOLDER/dockerd.log
POLICY=/usr/sbin/policy-rc.d

say() { echo "docker: $*" >&2; }
give_up() { say "$*"; exit 75; }
answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# The installed packages must not start their services.
install() {
    made_policy=
    if [ ! -e "$POLICY" ]; then
        made_policy=yes
        trap 'rm -f "$POLICY"' EXIT
        trap 'exit 130' INT HUP TERM
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod 755 "$POLICY"
    fi
    say "installing with apt-get: $*"
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    apt-get update -q=2 && apt-get install -y -q=2 --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >/dev/null || failed=yes
    if [ -n "$made_policy" ]; then
        rm -f "$POLICY"
        trap - EXIT INT HUP TERM
    fi
    [ -z "${failed:-}" ] || give_up "apt-get could not install $*; its message is above."
}

start_engine() {
    answers && return
    [ "$(uname -s)" = Linux ] || give_up "no engine answers; start Docker Desktop."
    if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
        may_install || give_up "no engine answers, and installing one needs root and apt-get."
        # Debian 13 and newer have a separate package for the client.
        install docker.io $(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli)
    fi
    [ "$(id -u)" -eq 0 ] || give_up "no engine answers, and starting one needs root."
    mkdir -p "$FOLDER"
    # Some kernels lack overlay storage or iptables: try the default options first, then with fewer features.
    for options in "" "--storage-driver=vfs" "--storage-driver=vfs --iptables=false --ip6tables=false"; do
        say "starting dockerd $options"
        # In a separate session: Ctrl-C would otherwise end it before the containers.
        # shellcheck disable=SC2086  # the options must be split into words
        setsid dockerd $options >"$LOG" 2>&1 </dev/null &
        pid=$!
        echo "$pid" >"$PID"
        for _ in $(seq 60); do
            answers && return
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.5
        done
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    rm -f "$PID"
    give_up "dockerd does not start on this machine; the reason is in $LOG."
}

get_compose() {
    docker compose version >/dev/null 2>&1 && return
    may_install || give_up "the engine has no Compose v2, and installing it needs root and apt-get."
    if apt-cache show docker-compose-v2 >/dev/null 2>&1; then
        install docker-compose-v2
        return
    fi
    # Debian 12 has Compose 1.29, which lacks `include`; the package of Debian 13 is one binary without dependencies.
    mirror=$(sh "$(dirname "$0")/mirror.sh") || give_up "Compose v2 has no package here, and apt has no Debian mirror."
    say "fetching Compose v2 from trixie"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$folder/sources.list"
    (
        cd "$folder"
        set -- -q=2 -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=- \
            -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root
        apt-get "$@" update && apt-get "$@" download docker-compose && dpkg-deb -x docker-compose_*.deb content
    ) || give_up "Compose v2 could not be fetched; apt's message is above."
    plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
    mkdir -p "$plugins"
    cp "$folder/content/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/docker-compose"
    rm -rf "$folder"
    trap - EXIT
}

stop_engine() {
    [ -e "$PID" ] || return 0
    pid=$(cat "$PID")
    # Stop only the engine that `start` started; its pid may belong to another process by now.
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then
        say "stopping dockerd"
        kill "$pid"
        for _ in $(seq 60); do
            [ -e "/proc/$pid" ] || break
            sleep 0.5
        done
    fi
    rm -f "$PID"
}

case ${1:-} in
start)
    start_engine
    get_compose
    ;;
stop) stop_engine ;;
*)
    say "engine.sh start | stop"
    exit 64
    ;;
esac
