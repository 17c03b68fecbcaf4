#!/usr/bin/env bash
# Runs the tests and ends with `N passed, N failed`. With words (unit, interop, differential, model, faults, power, store, crash, soak,
# fuzz, load, release) only those suites.
#
# Each suite beside the unit tests is a program under Tests/Interop that prints lines
# `ok NAME`, `FAIL NAME: why` or `skip NAME: why`.
set -uo pipefail
cd "$(dirname "$0")/.."
: "${SWIFT:=swift}" "${STRICT:=}"
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(unit interop differential model faults power store crash soak fuzz load release)

passed=0 failed=0 skipped=0
log=$(mktemp) failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT

count() {
    passed=$((passed + $(grep -c '^ok ' "$log")))
    failed=$((failed + $(grep -c '^FAIL ' "$log")))
    skipped=$((skipped + $(grep -c '^skip ' "$log")))
    grep '^FAIL ' "$log" | sed "s|^|$1: |" >>"$failures"
}

# One failure that no test has a line for: NAME WHY.
fail() {
    echo "FAIL $1: $2" | tee -a "$failures"
    failed=$((failed + 1))
}

# What failed, again, and the sum: the last lines say why a run is refused.
finish() {
    if [ "$failed" -gt 0 ]; then
        echo "== what failed"
        cut -c -2000 "$failures"
    fi
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

# Counts what one `swift test` printed, and shows what failed.
count_unit() {
    local status=$1 good bad
    good=$(grep -E '^. Test .* passed after' "$log" | grep -cv 'Test run with')
    bad=$(grep -E '^. Test .* failed after' "$log" | grep -cv 'Test run with')
    # With what an issue says: its comment and at most the conversation's last lines.
    awk '/^[^ ]+ Test .*recorded an issue/ { show = 45 } /^[^ ]+ (Test|Suite) .*failed after/ { print; next }
        show && /^[^ ]+ (Test|Suite) / && !/recorded an issue/ { show = 0 } show { print; show-- }' "$log" | tee -a "$failures"
    passed=$((passed + good))
    failed=$((failed + bad))
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        tail -n 40 "$log"
        fail "unit tests" "exit status $status"
    fi
}

# Conversations with a daemon block threads that tests of the store wait on, so they run apart.
unit() {
    echo "== building"
    # shellcheck disable=SC2086
    "$SWIFT" build --build-tests $STRICT >"$log" 2>&1 || {
        grep -E 'error:|warning:' "$log" | sort -u | head -n 50
        tail -n 5 "$log"
        fail "build of the tests" "see above"
        return
    }
    echo "== unit tests"
    # shellcheck disable=SC2086
    timeout --kill-after=30 "${SUITE_SECONDS:-1200}" \
        "$SWIFT" test --skip-build $STRICT --skip '^DaemonTests\.' >"$log" 2>&1
    count_unit $?
    echo "== transcripts"
    # shellcheck disable=SC2086
    timeout --kill-after=30 "${SUITE_SECONDS:-600}" \
        "$SWIFT" test --skip-build $STRICT --filter '^DaemonTests\.' >"$log" 2>&1
    count_unit $?
}

# NAME COMMAND...
program() {
    local name=$1
    echo "== $name"
    shift
    timeout --kill-after=30 "${SUITE_SECONDS:-900}" "$@" 2>&1 | tee "$log"
    local status=${PIPESTATUS[0]}
    count "$name"
    if [ "$status" -ne 0 ] && ! grep -q '^FAIL ' "$log"; then
        fail "$name" "exit status $status"
    fi
}

build_driver() {
    # shellcheck disable=SC2086
    "$SWIFT" build $STRICT --product StoreDriver || {
        fail "build" "see above"
        finish
    }
    MARTLET_BIN=$("$SWIFT" build --show-bin-path)
    export MARTLET_BIN
}

build_daemon() {
    # shellcheck disable=SC2086
    "$SWIFT" build $STRICT --product martletd && "$SWIFT" build $STRICT --product martlet || {
        fail "build" "see above"
        finish
    }
    MARTLET_BIN=$("$SWIFT" build --show-bin-path)
    export MARTLET_BIN
}

for suite in "${suites[@]}"; do
    case $suite in
        unit) unit ;;
        interop)
            build_daemon
            for test in Tests/Interop/*_test.py; do
                case $test in *crash_test.py) continue ;; esac
                program "$(basename "$test" _test.py)" python3 "$test"
            done
            ;;
        differential)
            build_daemon
            program differential python3 Tests/Differential/differential_test.py \
                --random "${RANDOM_MESSAGES:-150}" --seed "${SEED:-1}"
            ;;
        model)
            build_daemon
            # shellcheck disable=SC2086
            program model python3 Tests/Model/model_test.py --rounds "${MODEL_ROUNDS:-10}" \
                --steps "${MODEL_STEPS:-1500}" ${SEED:+--seed $SEED}
            ;;
        faults)
            build_driver
            # shellcheck disable=SC2086
            program faults python3 Tests/Faults/faults_test.py --seconds "${FAULTS_SECONDS:-35}" ${SEED:+--seed $SEED}
            ;;
        power)
            build_driver
            # shellcheck disable=SC2086
            program power python3 Tests/Faults/power_test.py --seconds "${POWER_SECONDS:-20}" ${SEED:+--seed $SEED}
            ;;
        store)
            build_driver
            # shellcheck disable=SC2086
            program store python3 Tests/Faults/store_test.py --rounds "${STORE_ROUNDS:-4}" \
                --steps "${STORE_STEPS:-300}" ${SEED:+--seed $SEED}
            ;;
        crash)
            build_daemon
            for format in maildir pack; do
                program "crash, $format" python3 Tests/Interop/crash_test.py --rounds "${CRASH_ROUNDS:-50}" \
                    --format "$format"
            done
            ;;
        load)
            build_daemon
            program load Benchmarks/run.sh proof
            ;;
        soak)
            build_daemon
            # shellcheck disable=SC2086
            program soak python3 Tests/Soak/soak_test.py --seconds "${SOAK_SECONDS:-60}" \
                --format "${SOAK_FORMAT:-maildir}" ${SEED:+--seed $SEED} ${SOAK_REPORT:+--report $SOAK_REPORT}
            ;;
        fuzz) SUITE_SECONDS=${SUITE_SECONDS:-1800} program fuzz Fuzz/run.sh "${FUZZ_SECONDS:-10}" ;;
        release)
            # What users run. The optimizer sees all of a module at once, and finds mistakes that a debug build does not.
            SUITE_SECONDS=${SUITE_SECONDS:-2400} program release bash -c '
                set -o pipefail
                make --no-print-directory build SWIFT="$0" STRICT="$1" 2>&1 | { grep -v "^\[" || true; } &&
                    echo "ok optimized build"' "$SWIFT" "$STRICT"
            ;;
        *)
            echo "unknown suite: $suite" >&2
            exit 64
            ;;
    esac
done

finish
