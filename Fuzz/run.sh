#!/usr/bin/env bash
# Fuzzes targets for so many seconds each: Fuzz/run.sh [SECONDS] [TARGET...], all of them without one.
# Prints `ok fuzz TARGET` or `FAIL fuzz TARGET: ...` with the failing input, which stays in Fuzz/Failures/ too.
#
# FUZZ_SHARE: in place of a time, so many hundredths of the inputs that the list below has for a target, from the same
# seed each time: the same inputs everywhere. FUZZ_JOBS: how many at a time. FUZZ_CORPUS: a folder in which what is found
# interesting stays from run to run, a folder for each target; else it is thrown away. FUZZ_TIMES: a file to which each
# target's name and seconds of CPU are added. FUZZ_WITHOUT: a program whose targets are left out.
set -uo pipefail
cd "$(dirname "$0")"
seconds=60
targets=()
for word in "$@"; do
    if [[ $word =~ ^[0-9]+$ ]]; then seconds=$word; else targets+=("$word"); fi
done
out=${FUZZ_OUT:-../.build/fuzz}

# Which executable has which targets, and how many inputs those take in some seconds.
declare -A executable inputs
while read -r program count names; do
    for name in $names; do
        executable[$name]=$program
        inputs[$name]=$count
    done
done <<'END'
FuzzMIME 2000 mime
FuzzIMAP 20000 imap
FuzzSieve 5000 sieve
FuzzArchive 10000 archive
FuzzText 10000 headers dates charset html preview names transfer
FuzzText 2000 structure signature
FuzzProtocol 10000 lmtp pop3 managesieve sasl url policy admin proxy
FuzzConfig 5000 config expansion values
FuzzAuth 5000 authline passwdfile password token
FuzzSubmission 2000 journal handover smtp
FuzzStore 5000 records rows checkpoint uidlist keywords subscriptions maildirsize acl filename attributes uidvalidity iconv
FuzzStore 1000 segment decompress
FuzzSessions 150 imap-session imap-stream pop3-stream lmtp-stream managesieve-stream
END
for name in "${!executable[@]}"; do
    if [ "${executable[$name]}" = "${FUZZ_WITHOUT:-}" ]; then unset "executable[$name]"; fi
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(printf '%s\n' "${!executable[@]}" | sort)

programs=()
for target in "${targets[@]}"; do
    [ -n "${executable[$target]:-}" ] || { echo "FAIL fuzz $target: no such target"; exit 64; }
    programs+=("${executable[$target]}")
done
mkdir -p "$out"
mapfile -t programs < <(printf '%s\n' "${programs[@]}" | sort -u)
make --no-print-directory -j "${FUZZ_JOBS:-2}" -k OUT="$out" "${programs[@]}" >"$out/build.log" 2>&1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
    local name=$1 program=$out/${executable[$1]}.fuzz corpus=${FUZZ_CORPUS:-$work/corpus}/$1 log=$work/$1.log
    if [ ! -x "$program" ]; then
        echo "FAIL fuzz $name: does not build: $(grep -m 1 error: "$out/build.log")"
        return
    fi
    mkdir -p "Failures/$name" "$corpus"
    local words=(-max_len=8192 -timeout=60 -rss_limit_mb=3072 -artifact_prefix="Failures/$name/")
    if [ -n "${FUZZ_SHARE:-}" ]; then
        # The time is for a machine on which it is no use to wait.
        words+=(-seed=1 -runs=$((inputs[$name] * FUZZ_SHARE / 100)) -max_total_time=120)
    else
        words+=(-max_total_time="$seconds")
    fi
    [ -f "Seeds/$name.dict" ] && words+=(-dict="Seeds/$name.dict")
    words+=("$corpus" "Failures/$name")
    [ -d "Seeds/$name" ] && words+=("Seeds/$name")
    # What sessions and their servers hold has pointers with marks in them, which the search for leaks does not follow.
    local asan=
    [ "${executable[$name]}" != FuzzSessions ] || { asan=detect_leaks=0; words+=(-detect_leaks=0); }
    # The backtracer hangs under the address sanitizer. Sets and dictionaries keep their order from run to run.
    local TIMEFORMAT='%U %S' status
    { time FUZZ_TARGET=$name ASAN_OPTIONS=$asan SWIFT_BACKTRACE=enable=no SWIFT_DETERMINISTIC_HASHING=1 \
        "$program" "${words[@]}" >"$log" 2>&1; } 2>"$work/$name.time"
    status=$?
    if [ "$status" -eq 0 ]; then
        echo "ok fuzz $name ($(grep -aoE 'Done [0-9]+ runs' "$log" | tail -1), $(grep -aoE 'cov: [0-9]+' "$log" | tail -1))"
    else
        local input
        input=$(grep -aoE "written to .*" "$log" | tail -n 1 | cut -c 12-)
        echo "FAIL fuzz $name: $(grep -aE '^FUZZ|^==.*ERROR|^SUMMARY|artifact_prefix' "$log" | head -n 4 | cut -c -1000 | tr '\n' ' ')" \
            "the input in base64: $([ ! -f "$input" ] || base64 -w 0 "$input" | head -c 12000)"
    fi
    rmdir "Failures/$name" 2>/dev/null
    [ -z "${FUZZ_TIMES:-}" ] || awk -v name="$name" '{ print name, $1 + $2 }' "$work/$name.time" >>"$FUZZ_TIMES"
}

{
    for target in "${targets[@]}"; do
        run "$target" &
        while [ "$(jobs -rp | wc -l)" -ge "${FUZZ_JOBS:-2}" ]; do wait -n; done
    done
    wait
} | tee "$work/results"
! grep -q '^FAIL' "$work/results"
