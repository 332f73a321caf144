# shellcheck shell=bash
# What the system tests share; to be sourced, from the repository's root. A test script calls case_of for
# each case and ends with `summary`. Everything it starts is in `pids` and ended by pid when it ends.
#   BUILD  build directory (default build)

export LC_ALL=C
# A system call that a sandbox does not allow ends the process, so that none is overlooked.
export DARKCOUNT_SANDBOX=kill
build=$(realpath "${BUILD:-build}")
collector=$build/darkcount-collector
shared=${DARKCOUNT_SHARED:-../shared}
work=$(mktemp -d)
patient=$work/patient.conf # of a replay that does not give up while what it needs is kept from it
printf '[aggregator]\npatience_s = 300\n' >"$patient"
pids=() # started here and not yet seen to end
aggregator=
state=$work
passed=0 failed=0 skipped=0

# Whether the programs were built with a sanitizer, whose run time has to be the first library: nothing can
# be preloaded then. All of nm's output is read, for those who have pipefail set.
sanitized() { nm -D "$collector" 2>/dev/null | grep -E '__(asan|tsan)_' >/dev/null; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# poll TENTHS COMMAND...: until the command holds, or four times as many tenths of a second have passed, for a
# machine that has much to do.
poll() {
    local tries=$(($1 * 4 * 5))
    shift
    until "$@"; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        sleep 0.02
    done 2>/dev/null
}

# Whether the process is still a child of this script: a number may have been given to another one since.
ours() {
    local stat
    read -r stat <"/proc/$1/stat" && stat=${stat##*) } && [ "$(cut -d ' ' -f 2 <<<"$stat")" = $$ ]
} 2>/dev/null

# ended_well PID LOG: whether a sensor that replayed and is gone did its work. The shell forgets how a child ended
# when another one has got its number since; what the sensor said is left then.
ended_well() {
    local status=0
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || { [ "$status" -eq 127 ] && tail -n 1 "$2" | grep -q ' of .* records acknowledged'; } ||
        no "it ended with $status: $(tail -n 1 "$2")"
}

end_all() {
    local pid
    for pid in "${pids[@]}"; do
        ! ours "$pid" || kill "$pid" 2>/dev/null
    done
    for pid in "${pids[@]}"; do
        ours "$pid" || continue
        poll 80 gone "$pid" || kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    rm -rf "$work"
}

# case_of NAME FUNCTION: ok when the function returns 0; 77 is a skip, its reason in $why.
case_of() {
    why=
    local status=0
    "$2" || status=$?
    if grep -hsE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$work/err" "$work/err2" "$state/log"; then
        no "a sanitizer reported" || status=1
    fi
    case $status in
    0) echo "ok $1"; passed=$((passed + 1)) ;;
    77) echo "skip $1: $why"; skipped=$((skipped + 1)) ;;
    *)
        echo "FAIL $1${why:+: $why}"
        failed=$((failed + 1))
        for log in "$work"/err "$work"/err2; do
            [ ! -s "$log" ] || sed "s/^/    ${log##*/}: /" "$log" | tail -n 15
        done
        ;;
    esac
}
no() { why=$*; return 1; }
skip() { why=$*; return 77; }

summary() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

# free_port: the number of one that no socket on this machine has, another one each time. Every test has 400 for
# itself, by the place of its name among them: tests that run at one time do not meet, and what the system gives to
# whoever connects (32768 and up) is none of them.
free_port() {
    local next=0 port tests=(tests/system/*) place=0
    while [ "${tests[place]##*/}" != "${0##*/}" ] && [ $((place + 1)) -lt ${#tests[@]} ]; do place=$((place + 1)); done
    [ ! -e "$work/ports" ] || next=$(<"$work/ports")
    while
        port=$((12000 + place % 50 * 400 + next++ % 400))
        grep -qs ":$(printf %04X $port) " /proc/net/tcp /proc/net/tcp6
    do :; done
    echo $next >"$work/ports"
    echo $port
}

# --- captures -------------------------------------------------------------------------------------

le32() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }

# make_pcap FILE START COUNT STEP: so many raw IP packets to 198.51.100.0/24, STEP seconds apart.
make_pcap() {
    local i bytes='\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x65\x00\x00\x00'
    for ((i = 0; i < $3; i++)); do
        bytes+=$(le32 $(($2 + i * $4)))'\x00\x00\x00\x00\x14\x00\x00\x00\x14\x00\x00\x00'
        bytes+='\x45\x00\x00\x14\x00\x00\x00\x00\x40\x11\x00\x00\xcb\x00\x71\x01\xc6\x33\x64'
        bytes+=$(printf '\\x%02x' $((i % 256)))
    done
    printf '%b' "$bytes" >"$1"
}

# Of rows of start, source and packets (recount by sources), of each start those with the most packets, as a
# record keeps them; of two with as many that with the lower address. The rows come, and stay, in order.
top_sources() {
    tail -n +2 | cut -d , -f 1-3 | cat -n | sed -E 's/^ *([0-9]+)\t/\1,/' | sort -t , -s -k 2,2 -k 4,4nr |
        awk -F, '++kept[$2] <= 4096' | sort -t , -n -k 1,1 | cut -d , -f 2-
}

# --- spool -----------------------------------------------------------------------------------------

# Packets in the files of the open intervals (struct image of collector/interval_private.h), those that wait
# included.
counted() {
    local file sum=0 current
    local -a words
    for file in "$spool"/*/open-*; do
        [ "$(od -An -tu4 -j20 -N4 "$file")" -eq 1 ] || continue
        current=$(od -An -tu4 -j216 -N4 "$file")
        read -ra words < <(od -An -v -w48 -tu8 -j$((120 + 48 * current)) -N48 "$file")
        sum=$((sum + words[0] + (words[5] & 0xffffffff)))
    done
    echo "$sum"
} 2>/dev/null

# --- aggregator -----------------------------------------------------------------------------------

redis() { timeout 60 redis-cli -s "$state/redis.sock" "$@" 2>>"$work/err2"; }

# fresh NAME: state directory and spool of a case of its own; the aggregator of the one before ends.
fresh() {
    [ -z "$aggregator" ] || ! ours "$aggregator" || stop_aggregator
    state=$work/$1/state spool=$work/$1/spool
    mkdir -p "$state"
    address=unix://$state/aggregator.sock
    : >"$work/err"
    : >"$work/err2"
}
aggregator_life_s=300 # whatever happens
start_aggregator() { # ARGUMENT...
    timeout -k 20 "$aggregator_life_s" "$build/darkcount-aggregator" run --state "$state" --timezone UTC "$@" \
        >"$state/log" 2>&1 &
    aggregator=$!
    pids+=("$aggregator")
    poll 200 test -S "$state/aggregator.sock" && poll 100 redis ping >/dev/null ||
        no "the aggregator does not start: $(tail -n 1 "$state/log")"
}
stop_aggregator() {
    kill "$aggregator"
    poll 100 gone "$aggregator" || no "the aggregator does not end"
    wait "$aggregator"
    rm -f "$state/aggregator.sock"
}

# The years' packets, their sum, and everything that the store says of the years.
years() { redis -e HGETALL "darkcount:{$1}:years"; } # an error is none of its words
packets_in_store() { years "$1" | awk 'NR % 2 == 0 { sum += $2 } END { print sum + 0 }'; }
holds() { # SENSOR PACKETS
    local have
    have=$(packets_in_store "$1") || no "the store does not answer" || return
    [ "$have" = "$2" ] || no "the store has $have packets of $1, not $2"
}
