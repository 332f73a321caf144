# shellcheck shell=bash
# A live sensor in the darknet of tests/demo/darknet.sh that is killed: what tests share. To be sourced after it
# and tests/system/lib.sh; $darknet is the caller's, $sensor the capture process.

start_live() {
    starts=$(($(grep -c "sensor t counts" "$work/err") + 1))
    "${darknet_dark[@]}" "$collector" run --sensor t --darknet "$darknet" --spool "$spool" \
        --aggregator "$address" -i "$darknet_dark_if" >/dev/null 2>>"$work/err" &
    sensor=$!
    pids+=("$sensor")
    darknet_wait_capture || no "nothing captures"
}
# Until then it recovers what the sensor before it left, whose files are still there, and makes its own.
started_counting() { [ "$(grep -c "sensor t counts" "$work/err")" -ge "$starts" ]; }
# The capture process; the ship process ends by itself.
kill_sensor() {
    kill -KILL "$sensor"
    wait "$sensor" 2>/dev/null
    poll 100 silent || no "something still captures"
}
silent() { ! darknet_captured; }
stop_sensor() {
    kill "$sensor"
    poll 100 gone "$sensor" || no "it does not end" || return
    wait "$sensor" || no "exit code $?"
}
