#!/usr/bin/env bash
# The load generator: Benchmarks/run.sh [run|proof|locks|compare|table [ARGUMENTS...]]; without words `run`.
#
# `run` builds Martlet for release, installs Debian's Dovecot where it is lacking, measures both in turns, three times,
# and keeps the results in Benchmarks/Results/VERSION.json. It needs root, as Dovecot's processes run as several users.
# `locks [WORKLOADS [ARGUMENTS...]]` shows how long the mail role's threads hold locks and wait for each other under such load.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${SWIFT:=swift}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# One module without dependencies: the compiler alone builds it in seconds.
build_load() {
    local files
    mapfile -t files < <(find Benchmarks/Sources/Load -name '*.swift')
    "${SWIFT}c" -O -wmo -parse-as-library -swift-version 6 -warnings-as-errors -I Benchmarks/Sources/CLoad \
        "${files[@]}" -o "$work/load"
}

# A build of one's own instead: MARTLETD=FILE.
build_daemon() {
    [ -z "${MARTLETD:-}" ] || return 0
    make --no-print-directory build
    MARTLETD=$("$SWIFT" build -c release --static-swift-stdlib --show-bin-path)/martletd
}

command=${1:-run}
[ $# -eq 0 ] || shift
build_load
case $command in
    run)
        .ci/packages bench
        build_daemon
        version=${VERSION:-$(git describe --tags --always 2>/dev/null || date +%F)}
        mkdir -p Benchmarks/Results
        "$work/load" run --martletd "$MARTLETD" --version "$version" --work "$work" \
            --out "Benchmarks/Results/$version.json" "$@"
        echo "Kept in Benchmarks/Results/$version.json"
        ;;
    # With the daemon in MARTLET_BIN, as the other suites have it.
    proof) "$work/load" proof --martletd "$MARTLET_BIN/martletd" --work "$work" "$@" ;;
    locks)
        build_daemon
        clang -O2 -shared -fPIC Benchmarks/Locks/locks.c -o "$work/locks.so"
        # The mail role writes there as another user.
        mkdir -m 777 "$work/locks"
        printf '#!/bin/sh\nLD_PRELOAD=%s LOCKS=%s exec %s "$@"\n' "$work/locks.so" "$work/locks" "$MARTLETD" >"$work/martletd"
        chmod 755 "$work/martletd" "$work/locks.so"
        "$work/load" run --martletd "$work/martletd" --version locks --work "$work" --rounds 1 \
            --servers martlet-pack --only "${1:-delivery,mixed}" "${@:2}"
        python3 Benchmarks/Locks/report.py "$work/locks"
        ;;
    *) "$work/load" "$command" "$@" ;;
esac
