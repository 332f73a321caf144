# A small darknet that real scanners scan, on one machine and away from every network. To be sourced
# (bash) by the demo, by the maker of tests/captures and by the system tests, in this order:
#
#   darknet_up DIR            || echo "$darknet_why"
#   "${darknet_dark[@]}" CMD  runs CMD inside the darknet (interface $darknet_dark_if)
#   darknet_wait_capture      returns when something captures there
#   darknet_scan PASS         one pass of nmap, masscan, zmap and hping3; PASS picks the ports
#   darknet_sent              packets sent to the darknet so far
#   darknet_down              from a trap: always
#
# Two network namespaces joined by a veth pair. In the dark one an AnyIP route makes all of
# 198.51.100.0/24 (RFC 5737) its own, and nftables drops what goes there, so that nothing answers. The
# scanners' one has a route to it and no other. Each namespace lives as long as a bounded `sleep` in
# it, so that not even kill -9 of everything leaves one behind. Without root both are made inside a
# user namespace. Unneeded here and so absent: IPv6 (no link-local address, no neighbour noise), ARP
# (permanent neighbours), checksum offload (every scanner makes its own packets).
#
# What was sent is known twice: by what each scanner says, and by the transmit counter of the
# scanners' interface. darknet_scan writes both to DIR/sent.tsv: scanner, packets it says, packets
# that left, `-` for what was not said.
# shellcheck shell=bash disable=SC2034

darknet_prefix=198.51.100.0/24
darknet_dark_if=dark0
darknet_scan_if=scan0
darknet_life_s=600 # of the namespaces, whatever happens
darknet_why=

darknet_dark_mac=02:00:00:00:00:02
darknet_scan_mac=02:00:00:00:00:01
darknet_dark_ip=198.18.0.2 # RFC 2544's benchmarking range
darknet_scan_ip=198.18.0.1
darknet_holders=()
darknet_sender_pid=

# Polls `"$@"` every 50 ms until it succeeds, at most $1 tenths of a second.
darknet_poll() {
    local tries=$(($1 * 2))
    shift
    while ! "$@" 2>/dev/null; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        sleep 0.05
    done
}

# Starts a namespace with the given unshare command and waits until it stands; its keeper's pid is
# then the last of darknet_holders.
darknet_hold() {
    "$@" sleep "$darknet_life_s" </dev/null >/dev/null 2>>"$darknet_dir/darknet.log" &
    local pid=$!
    darknet_holders+=("$pid")
    # `unshare` has become `sleep` once all its namespaces (and user mappings) are in place.
    darknet_poll 50 grep -qx sleep "/proc/$pid/comm"
}

darknet_namespaces() {
    local -a enter=(nsenter -n)
    if unshare -n true 2>/dev/null; then
        darknet_hold unshare -n || return
        darknet_dark=("${enter[@]}" -t "${darknet_holders[0]}")
        darknet_hold unshare -n || return
    else
        enter=(nsenter -U -n --preserve-credentials)
        darknet_hold unshare -Urn || return
        darknet_dark=("${enter[@]}" -t "${darknet_holders[0]}")
        darknet_hold nsenter -U --preserve-credentials -t "${darknet_holders[0]}" unshare -n || return
    fi
    darknet_scanner=("${enter[@]}" -t "${darknet_holders[1]}")
}

darknet_link() {
    "${darknet_scanner[@]}" ip link add "$darknet_scan_if" address "$darknet_scan_mac" type veth \
        peer name "$darknet_dark_if" address "$darknet_dark_mac" netns "${darknet_holders[0]}" || return
    # Fails, and is not needed, where the kernel has no IPv6.
    "${darknet_scanner[@]}" ip link set "$darknet_scan_if" addrgenmode none || :
    "${darknet_dark[@]}" ip link set "$darknet_dark_if" addrgenmode none || :
    "${darknet_scanner[@]}" ip -batch - <<EOF &&
link set lo up
address add $darknet_scan_ip/30 dev $darknet_scan_if
link set $darknet_scan_if up
neighbour replace $darknet_dark_ip lladdr $darknet_dark_mac dev $darknet_scan_if nud permanent
EOF
        "${darknet_dark[@]}" ip -batch - <<EOF &&
link set lo up
address add $darknet_dark_ip/30 dev $darknet_dark_if
link set $darknet_dark_if up
neighbour replace $darknet_scan_ip lladdr $darknet_scan_mac dev $darknet_dark_if nud permanent
route add local $darknet_prefix dev lo
EOF
        "${darknet_scanner[@]}" ip route add "$darknet_prefix" via "$darknet_dark_ip"
}

darknet_silence() {
    "${darknet_dark[@]}" nft -f - <<EOF
table inet darknet {
    chain input {
        type filter hook input priority 0; policy accept;
        ip daddr $darknet_prefix drop
    }
}
EOF
}

# Makes the darknet; its notes go to DIR. 1 with the reason in $darknet_why where it may not.
darknet_up() {
    local tool
    darknet_dir=$1
    darknet_nudges=0
    mkdir -p "$darknet_dir"
    : >"$darknet_dir/darknet.log"
    : >"$darknet_dir/sent.tsv"
    : >"$darknet_dir/empty"
    for tool in unshare nsenter ip nft nmap masscan zmap hping3; do
        # Administrators' tools may be outside of a user's PATH.
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
            { darknet_why="$tool is not installed" && return 1; }
    done
    PATH=$PATH:/usr/sbin:/sbin
    darknet_why="no network namespace may be made here"
    darknet_namespaces || return
    darknet_why="the namespaces could not be joined ($darknet_dir/darknet.log)"
    darknet_link 2>>"$darknet_dir/darknet.log" || return
    darknet_why="the darknet could not be silenced by nftables ($darknet_dir/darknet.log)"
    darknet_silence 2>>"$darknet_dir/darknet.log" || return
    darknet_why=
}

# Ends a scanner that is still running and the namespaces, with them the interfaces and all that was set
# in them.
darknet_down() {
    local pid
    for pid in $darknet_sender_pid "${darknet_holders[@]}"; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    darknet_holders=()
    darknet_sender_pid=
}

# Whether a packet socket of the dark namespace takes packets: in /proc/net/packet it has a protocol
# (column 4), an interface (5) and is running (6). libpcap opens its socket without a protocol and gives
# it one as the last thing, when the ring is in place; what comes before that is not captured.
darknet_captured() {
    "${darknet_dark[@]}" awk '
        NR > 1 && $4 != "0000" && $5 != "0" && $6 == "1" { yes = 1 }
        END { exit !yes }' /proc/net/packet
}

# Returns when something captures in the dark namespace; 1 after ten seconds without.
darknet_wait_capture() {
    darknet_poll 100 darknet_captured
}

# Packets that left the scanners' interface for the darknet: all but the nudges (below).
darknet_sent() {
    local left
    left=$("${darknet_scanner[@]}" awk -v name="$darknet_scan_if:" '$1 == name { print $11 }' /proc/net/dev)
    echo $((left - darknet_nudges))
}

# masscan 1.3.2 blocks in libpcap after its last packet until its interface sees another one, which on
# a silent link is never. One datagram to the dark end itself (which is no darknet) lets it go.
darknet_nudge() {
    "${darknet_scanner[@]}" bash -c "echo >/dev/udp/$darknet_dark_ip/9" 2>/dev/null || :
    darknet_nudges=$((darknet_nudges + 1))
}

darknet_nudge_until_gone() {
    ! kill -0 "$1" 2>/dev/null || { darknet_nudge && false; }
}

# Runs a scanner, bounded in time, and notes in sent.tsv what left meanwhile beside what it said:
# $1 its name, $2 a sed expression that takes the number out of its output.
darknet_sender() {
    local name=$1 said=$2 before after pid log=$darknet_dir/$1.log status=0
    shift 2
    before=$(darknet_sent)
    timeout -k 2 30 "${darknet_scanner[@]}" "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    darknet_sender_pid=$pid
    if [ "$name" = masscan ]; then
        darknet_poll 300 eval "grep -q '100.00% done' '$log' || ! kill -0 $pid" || :
        darknet_poll 300 darknet_nudge_until_gone "$pid" || :
    fi
    wait "$pid" || status=$?
    darknet_sender_pid=
    after=$(darknet_sent)
    said=$(tr '\r' '\n' <"$log" | sed -n "$said" | tail -n 1)
    [ -z "$said" ] || said=$((said)) # masscan's is a product
    printf '%s\t%s\t%s\n' "$name" "${said:--}" $((after - before)) >>"$darknet_dir/sent.tsv"
    # hping3 exits with 1 when nobody answered, which is what a darknet is about.
    [ "$status" -eq 0 ] || [ "$name" = hping3 ]
}

darknet_nmap() { # PORTS
    darknet_sender nmap 's/.*Raw packets sent: \([0-9]*\).*/\1/p' \
        nmap -v -n -Pn -sS --max-retries 0 --min-rate 2000 -T5 --min-hostgroup 256 -p "$1" "$darknet_prefix"
}

# masscan says how many hosts and ports it is going to scan, and that it has done 100 % of it.
darknet_masscan() { # PORTS
    darknet_sender masscan 's/^Scanning \([0-9]*\) hosts \[\([0-9]*\) ports\{0,1\}\/host\]/\1 * \2/p' \
        masscan "$darknet_prefix" -p "$1" --rate 3000 --wait 0 --adapter "$darknet_scan_if" \
        --adapter-mac "$darknet_scan_mac" --router-mac "$darknet_dark_mac" --source-ip 198.18.1.0-198.18.1.63
}

darknet_zmap() { # PORT TARGETS
    darknet_sender zmap 's/.*"total_sent": \([0-9]*\).*/\1/p' \
        zmap -q --disable-syslog -C "$darknet_dir/empty" -b "$darknet_dir/empty" -p "$1" -n "$2" -r 2000 -c 0 \
        -i "$darknet_scan_if" -G "$darknet_dark_mac" -S 198.18.2.1-198.18.2.8 \
        -o /dev/null -m - "$darknet_prefix"
}

# What a victim of forged source addresses sends back: SYN/ACKs to addresses that never asked.
darknet_hping3() { # PACKETS
    darknet_sender hping3 's/^\([0-9]*\) packets transmitted.*/\1/p' \
        hping3 -q -n -I "$darknet_scan_if" -SA -s 443 -p 1024 -i u1000 -c "$1" --rand-dest 198.51.100.x
}

# One pass: about 1,500 packets in about five seconds. 1 when a scanner failed (its log in DIR).
darknet_scan() {
    local -a ports=("22,23" "80,445" "3389,5555" "8080,2323" "5900,6379" "7547,8443" "1433,3306"
        "5060,9200")
    local pass=$1 failed=0
    darknet_nmap "${ports[pass % 8]}" || failed=1
    darknet_masscan "${ports[(pass + 3) % 8]},$((10000 + pass))" || failed=1
    darknet_zmap "$((2000 + pass))" 120 || failed=1
    darknet_hping3 60 || failed=1
    return $failed
}
