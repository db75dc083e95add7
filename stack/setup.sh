#!/bin/sh
# Installs the missing packages of the local cluster: lists them first, starts no service, changes no running one.
set -eu

PYTHON=${PYTHON:-python3}
POLICY=/usr/sbin/policy-rc.d
NO_MAIN=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
UNITS="etcd patroni haproxy postgresql"

has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

missing() {
    has etcd || echo etcd-server
    has etcdctl || echo etcd-client
    has patroni || echo patroni
    [ -d /usr/lib/python3/dist-packages/etcd ] || echo python3-etcd
    has haproxy || echo haproxy
    ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || echo postgresql
    # Five of the scenarios cut a node off, which only root may do.
    [ "$(id -u)" -ne 0 ] || has iptables || echo iptables
    has "$PYTHON" || echo python3
    "$PYTHON" -c 'import ensurepip' >/dev/null 2>&1 || echo python3-venv
}

# systemd may know a unit's name before its package is installed, so only the unit's file counts.
units_there() {
    for unit in $UNITS; do
        [ -e "/lib/systemd/system/$unit.service" ] || [ -e "/etc/init.d/$unit" ] && echo "$unit"
    done
    return 0
}

[ "$(uname -s)" = Linux ] || exit 0 # the local cluster is Linux only; the rest of the project needs none of this
packages=$(missing | tr '\n' ' ')
[ -n "$packages" ] || exit 0

if ! has apt-get; then
    echo "setup: the local cluster needs Debian's or Ubuntu's packages ($packages), and this machine has no apt-get;" \
        "everything else works without them." >&2
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    if ! has sudo; then
        echo "setup: the local cluster needs the packages $packages, and installing them needs root or sudo;" \
            "everything else works without them." >&2
        exit 0
    fi
    echo "setup: using sudo to install: $packages"
    exec sudo env PYTHON="$PYTHON" sh "$0"
fi

echo "setup: installing with apt-get: $packages"
echo "setup: no service is started, and running services are not changed"

made_policy=
made_no_main=
log=
undo() {
    if [ -n "$log" ]; then rm -f "$log"; fi
    if [ -n "$made_policy" ]; then rm -f "$POLICY"; fi
    if [ -n "$made_no_main" ]; then
        rm -f "$NO_MAIN"
        rmdir "$(dirname "$NO_MAIN")" 2>/dev/null || :
    fi
}
trap undo EXIT
trap 'exit 130' INT HUP TERM

if [ ! -e "$POLICY" ]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
fi
if [ ! -e "$NO_MAIN" ]; then
    made_no_main=yes
    mkdir -p "$(dirname "$NO_MAIN")"
    echo 'create_main_cluster = false' >"$NO_MAIN"
fi

before=$(units_there)
# Otherwise needrestart would restart unrelated services.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
log=$(mktemp)
# shellcheck disable=SC2086  # the list must be split into words
if ! { apt-get update -q=2 && apt-get install -y -q=2 --no-install-recommends $packages; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: apt-get could not install $packages; its output is above." >&2
    exit 1
fi

for unit in $(units_there); do
    case " $(echo $before) " in
    *" $unit "*) continue ;;
    esac
    # Disable the service for the next boot too: it would hold ports that the user's own cluster needs.
    if has systemctl; then systemctl disable -q "$unit.service" >/dev/null 2>&1 || :; fi
    if has update-rc.d; then update-rc.d "$unit" disable >/dev/null 2>&1 || :; fi
done
echo "setup: done"
