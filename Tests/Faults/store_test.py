"""Random operations of the store against a model in memory (StoreDriver model), in both formats.

The volume is opened anew at random steps: closed in order, as a crash leaves it, and without its index. Prints the seed;
`--seed N --rounds 1` repeats a round.
"""

import argparse
import collections
import os
import shutil
import sys
import time

from driver import Bench, driver, scratch

SECONDS_PER_STEP = 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    directory = scratch()
    program = driver()
    bad = 0
    done = collections.Counter()
    for number in range(options.rounds):
        seed = options.seed + number
        form = ("maildir", "pack")[number % 2]
        bench = Bench(f"{directory}/{seed}", program, None)
        bench.seconds = 60 + SECONDS_PER_STEP * options.steps
        os.makedirs(bench.volume)
        ran = bench.run("model", form, bench.volume, str(seed), str(options.steps))
        end, failed = ran.first("end"), ran.first("failed") or ran.first("error")
        if ran.status == 0 and end and not end["errors"]:
            done.update(end["done"])
            print(f"ok {form}, seed {seed}: {options.steps} steps", flush=True)
            shutil.rmtree(bench.directory)
            continue
        bad += 1
        for line in (failed or {}).get("trail", []):
            print(f"#   {line}")
        text = failed["text"] if failed else f"{ran.status} {ran.err[-800:]} {end and end['errors']}"
        print(f"FAIL {form}, seed {seed}: {text} (kept: {bench.directory})", flush=True)
    print("# " + ", ".join(f"{name} {count}" for name, count in sorted(done.items())))
    if not bad:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
