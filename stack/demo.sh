#!/bin/sh
# Show the whole program in about two minutes: start a cluster, kill its leader, report what that cost.
# Options go to `observer stack up`: --dir DIR, --port-shift N. The cluster is stopped at the end, whatever happens.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
db=build/demo.db
dir=
for argument; do
    [ "${previous:-}" != --dir ] || dir=$argument
    previous=$argument
done
run() {
    echo "\$ $*"
    "$@"
}

mkdir -p build
if ! observer stop --db "$db" >/dev/null 2>&1; then :; fi # a demo that was interrupted
rm -f "$db" "$db-wal" "$db-shm"
trap 'echo "stopping the cluster"; observer stack down ${dir:+--dir "$dir"} >/dev/null 2>&1' EXIT
trap 'exit 130' INT HUP TERM
run observer stack up "$@"
python -m stack config ${dir:+--dir "$dir"} >build/demo.toml
run observer drill leader-killed -c build/demo.toml --db "$db" ${dir:+--dir "$dir"}
observer report --db "$db" --profile homework --lang ru -o build/report.md
observer report --db "$db" --profile homework --lang en -o build/report.en.md
observer report --db "$db" --lang en --format html -o build/report.html
case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in ru*) shown=build/report.md ;; *) shown=build/report.en.md ;; esac
echo
sed -n '/^- /p; /^|/q' "$shown"
echo
echo "Full report: build/report.md (Russian), build/report.en.md (English), build/report.html (interactive)."
echo "Query the recording yourself: observer query \"select * from leaders\" --db $db"
