# What the benchmarks of applying records share: a redis-server of their own, as durable as the private one.
# Sourced with bash. BUILD: build directory (default build).
set -euo pipefail
export LC_ALL=C
build=${BUILD:-build}
work=$(mktemp -d)
redis=
finish() {
    [ -z "$redis" ] || { kill "$redis" && wait "$redis" 2>/dev/null; } || true
    rm -rf "$work"
}
trap finish EXIT

start_redis() {
    redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --appendonly yes --appendfsync always \
        --save '' --maxmemory-policy noeviction --logfile "$work/redis.log" &
    redis=$!
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        redis-cli -s "$work/redis.sock" PING >/dev/null 2>&1 && return
        sleep 0.02
    done
    echo "redis-server does not answer" >&2
    return 1
}
cli() { redis-cli -s "$work/redis.sock" --raw "$@"; }
# apply SENSORS ADDRESSES MINUTES: its lines in $work/figures (see apply.c); of NAME: one of them.
apply() { "$build/tests/bench/apply" "${store:-unix://$work/redis.sock}" "$@" >"$work/figures"; }
of() { awk -v name="$1" '$1 == name { print $2 }' "$work/figures"; }
