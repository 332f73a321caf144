# shellcheck shell=bash
# What the tests of serve share, on top of lib.sh: starting it on a free port, and asking it.

server=
base=
# start_serve ARGUMENT...: on a port that nobody has, with the store in $state.
start_serve() {
    local port
    port=$(free_port)
    base=http://127.0.0.1:$port
    : >"$work/err2" # which may have the line of the one before
    "$build/darkcount" --store "unix://$state/redis.sock" serve --listen "127.0.0.1:$port" "$@" \
        >"$work/serve.out" 2>"$work/err2" &
    server=$!
    pids+=("$server")
    poll 100 eval "gone $server || grep -q 'listening on' $work/err2"
    ! gone "$server" || no "serve does not start: $(tail -n 1 "$work/err2")"
}
stop_serve() {
    local status=0
    kill "$server" && poll 100 gone "$server" || no "serve does not end" || return
    wait "$server" || status=$?
    [ "$status" -eq 0 ] || no "serve ended with status $status: $(tail -n 1 "$work/err2")"
}

# get PATH [CURL ARGUMENT...]: the body on standard output; fails on any other status than 200.
get() {
    local path=$1
    shift
    curl -sS --fail --max-time 30 "$@" "$base$path" 2>>"$work/err"
}
# answers STATUS WORD CURL-ARGUMENT...: the status, and JSON with an error that has the word.
answers() {
    local want=$1 word=$2 status
    shift 2
    rm -f "$work/body"
    status=$(curl -sS --max-time 30 -o "$work/body" -w '%{http_code}' "$@" 2>>"$work/err")
    [ "$status" = "$want" ] || no "$status and not $want: ${*: -1}: $(head -c 200 "$work/body")" || return
    [ -z "$word" ] || jq -e --arg word "$word" '.error | contains($word)' "$work/body" >/dev/null 2>&1 ||
        no "no error with '$word': ${*: -1}: $(head -c 200 "$work/body")"
}
