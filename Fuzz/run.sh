#!/usr/bin/env bash
# Fuzzes every target for so many seconds each: Fuzz/run.sh [SECONDS [TARGET...]]
# Prints `ok fuzz TARGET` or `FAIL fuzz TARGET: ...`; a failing input stays in Fuzz/Failures/.
#
# The sources of a target and of the libraries under it are compiled as one module: the package manager hands
# -sanitize=fuzzer to the linker only, and a fuzzer that sees no coverage in the libraries finds little.
set -uo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(FuzzMIME FuzzIMAP FuzzSieve FuzzArchive)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The libraries below each target, lowest first.
modules() {
    case $1 in
        FuzzMIME) echo MailCore MIMECore ;;
        FuzzIMAP) echo MailCore MIMECore IMAPCore ;;
        FuzzArchive) echo MailCore ArchiveCore ;;
        FuzzSieve) echo MailCore MIMECore SieveCore ;;
    esac
}

build() {
    local target=$1 module file name
    mkdir -p "$work/$target"
    for module in $(modules "$target") "$target"; do
        local folder=../Sources/$module
        [ "$module" = "$target" ] && folder=Sources/$target
        while IFS= read -r file; do
            name=$(sed "s|^$folder/||; s|/|_|g" <<<"$file")
            sed -E '/^(public |internal |package |private )?import (MailCore|MIMECore|IMAPCore|SieveCore|ArchiveCore)$/d' \
                "$file" >"$work/$target/${module}_$name"
        done < <(find "$folder" -name '*.swift')
    done
    swiftc -O -wmo -parse-as-library -sanitize=fuzzer,address -swift-version 6 -package-name martlet \
        -module-name "$target" -enable-upcoming-feature ExistentialAny \
        -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature NonisolatedNonsendingByDefault \
        "$work/$target"/*.swift -o "$work/$target.fuzz" >"$work/$target.log" 2>&1
}

for target in "${targets[@]}"; do
    name=$(tr '[:upper:]' '[:lower:]' <<<"${target#Fuzz}")
    mkdir -p "Failures/$name" "$work/corpus-$name"
    if ! build "$target"; then
        echo "FAIL fuzz $target: does not build: $(grep -m 1 error: "$work/$target.log")"
        failed=1
        continue
    fi
    # The backtracer hangs under the address sanitizer.
    seeds=()
    [ -d "Seeds/$name" ] && seeds+=("Seeds/$name")
    [ -f "Seeds/$name.dict" ] && seeds+=(-dict="Seeds/$name.dict")
    if SWIFT_BACKTRACE=enable=no "$work/$target.fuzz" -max_total_time="$seconds" -max_len=8192 -timeout=10 \
        -artifact_prefix="Failures/$name/" "$work/corpus-$name" "Failures/$name" "${seeds[@]}" \
        >"$work/$target.log" 2>&1; then
        echo "ok fuzz $target ($(grep -oE 'Done [0-9]+ runs' "$work/$target.log" | tail -1), $(
            grep -oE 'cov: [0-9]+' "$work/$target.log" | tail -1))"
    else
        echo "FAIL fuzz $target: $(tail -n 3 "$work/$target.log" | tr '\n' ' ')"
        failed=1
    fi
done
exit $failed
