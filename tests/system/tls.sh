# shellcheck shell=bash
# What the tests of delivery over TLS share; to be sourced after tests/system/lib.sh. $config, $port, $process
# and $token are of the case at hand.

program=$build/darkcount-aggregator

# --- what every case needs ------------------------------------------------------------------------

# begin NAME [ARGUMENT...]: an aggregator of the case's own on 127.0.0.1:$port, with TLS.
begin() {
    fresh "$1"
    shift
    port=$(free_port)
    config=$state/../collector.conf
    serve "$@"
}
serve() {
    "$program" run --state "$state" --timezone UTC --listen "$address" --listen "127.0.0.1:$port" "$@" \
        >>"$state/log" 2>&1 &
    aggregator=$!
    pids+=("$aggregator")
    poll 200 grep -q 'listening on' "$state/log" || no "it does not start: $(tail -n 1 "$state/log")"
}
sensor() { timeout 60 "$program" sensor "$@" --state "$state" 2>"$work/err2"; }
# invite NAME DARKNET: its token in $token.
invite() {
    local line
    line=$(sensor add "$1" --darknet "$2" --from 2019 --address "127.0.0.1:$port") ||
        no "sensor add fails: $(cat "$work/err2")" || return
    token=${line##* }
    [ "$line" = "darkcount-collector join --aggregator 127.0.0.1:$port --token $token" ] ||
        no "another command is printed: $line"
}
# join [ARGUMENT...]: with $token.
join() {
    timeout 60 "$collector" join --aggregator "127.0.0.1:$port" --token "$token" -c "$config" --spool "$spool" "$@" \
        >"$work/out" 2>"$work/err"
}
enrol() { # NAME DARKNET
    invite "$@" && { join || no "joining fails: $(tail -n 1 "$work/err")"; }
}
deliver() { timeout 60 "$collector" run -c "$config" -r "$1" >"$work/out" 2>"$work/err"; }
# A sensor that goes on: a replay of many records, more than a connection takes at once.
start_sensor() {
    : >"$work/err" # before it starts: what the last one said is not this one's
    timeout -k 20 120 "$collector" run -c "$config" -r "$work/long.pcap" >"$work/out" 2>"$work/err" &
    process=$!
    pids+=("$process")
}
stop_sensor() {
    kill "$process" 2>/dev/null
    poll 100 gone "$process" || no "the sensor does not end"
}
says() { grep -qF -- "$1" "$work/err"; }
logged() { grep -qF -- "$1" "$state/log"; }
times_logged() { grep -cF -- "$1" "$state/log"; }
records_in_store() { years "$1" | awk 'NR % 2 == 0 { sum += $5 } END { print sum + 0 }'; }
has_records() { [ "$(records_in_store "$1")" -gt 0 ]; }
# turned_away WORDS: the sensor says so, the aggregator too, once however often the sensor tries.
turned_away() {
    poll 150 says "$1" || no "the sensor does not say '$1': $(tail -n 2 "$work/err")" || return
    poll 50 logged "$2" || no "the aggregator does not say '$2': $(tail -n 2 "$state/log")" || return
}

