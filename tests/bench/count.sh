# What the benchmarks of `count --by address` share: pairs of runs, in turn, of the bare libpcap loop
# (baseline.c) and of count, on the same file, page cache warm; and with each pair one of the floor, a program
# that reads the file, a MiB at a time, and does nothing else. Sourced with bash.
#   BUILD   build directory (default build)
#   FRAMES  how many (default 10000000); PAIRS: how many (default 5)
set -euo pipefail
export LC_ALL=C
build=${BUILD:-build}
frames=${FRAMES:-10000000}
pairs=${PAIRS:-5}
count=${COLLECTOR:-$build/darkcount-collector}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run_ours() { "$count" count -r "$work/frames.pcap" --darknet "$prefix" --format csv; }
run_baseline() { "$build/tests/bench/baseline" "$work/frames.pcap" "$prefix"; }
run_floor() { dd if="$work/frames.pcap" of=/dev/null bs=1M status=none; }

write_frames() { "$build/tests/bench/generate" "$frames" "$prefix" "$work/frames.pcap"; }

# reread FILE: the page cache holds it as a file that was read from the disk, in runs of pages. As a program
# leaves it that wrote it piece by piece, it lies in single pages all over the memory, which the kernel copies
# several times as slowly, and is written to the disk during the next half minute.
reread() {
    sync "$1"
    dd of="$1" oflag=nocache conv=notrunc,fdatasync count=0 status=none </dev/null
    cat "$1" >/dev/null
}

# CPU and wall seconds of a command, whose output goes to a file, or where OUTPUT says: of the second of two runs,
# one behind the other. The first finds the file in the page cache, and memory that the machine has: what a
# virtual machine's host took back while another program ran is not of this one's doing.
TIMEFORMAT='%U %S %R'
seconds() {
    "$1" >"${OUTPUT:-$work/out}" 2>"$work/err"
    { time "$1" >"${OUTPUT:-$work/out}" 2>"$work/err"; } 2>&1 | awk '{ print $1 + $2, $3 }'
}

# check NAME: a warm-up; and both must have counted every frame.
check() {
    local ours baseline
    ours=$(run_ours | awk -F, 'NR > 1 { sum += $2 } END { printf "%d", sum }')
    baseline=$(run_baseline)
    [ "$ours" = "$frames" ] && [ "$baseline" = "$frames" ] && return
    echo "$1: of $frames frames, count counted $ours and the baseline $baseline" >&2
    return 1
}

# measure NAME PREFIX: $work/NAME gets a line per pair: CPU and wall seconds of the baseline, of ours and of the
# floor.
measure() {
    prefix=$2
    write_frames
    reread "$work/frames.pcap"
    check "$1"
    run_pairs "$1"
}
# run_pairs NAME: once more on the file at hand.
run_pairs() {
    for ((pair = 0; pair < pairs; pair++)); do
        echo "$(seconds run_baseline) $(seconds run_ours) $(seconds run_floor)"
    done >"$work/$1"
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# column NAME EXPRESSION: its median over the pairs, $1 to $6 and n, the number of frames, being known.
column() { awk -v n="$frames" "{ print $2 }" "$work/$1" | median; }

# report NAME: the ratios to the baseline, and the figures they come from.
report() {
    printf '%s %.2f ratio\n' "$1" "$(column "$1" '$1 / $3')"
    printf '%s_wall %.2f ratio\n' "$1" "$(column "$1" '$2 / $4')"
    printf '%s_ours %.1f ns/packet\n' "$1" "$(column "$1" '$3 * 1e9 / n')"
    printf '%s_rate %.2f Mpackets/s\n' "$1" "$(column "$1" 'n / $3 / 1e6')"
    printf '%s_baseline %.1f ns/packet\n' "$1" "$(column "$1" '$1 * 1e9 / n')"
    printf '%s_floor %.1f ns/packet\n' "$1" "$(column "$1" '$5 * 1e9 / n')"
}
