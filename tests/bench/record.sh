# What the benchmarks of whole records share: as count.sh, with the record program (record.c) in the place of
# `count`. Sourced with bash.
. "${BASH_SOURCE%/*}/count.sh"
run_ours() { "$build/tests/bench/record" "$work/frames.pcap" "$prefix" | sed 's/^/packets,/;1i -'; }
