"""Every call by which an operation of the store changes its disk fails once, and the process dies before and after it.

For each operation and body format, StoreDriver does the operation while shim.c counts the calls below the volume's
directory: writes, flushes, renames, links, mkdir, unlinks, truncations, maps, LMDB's among them. Then each call in turn
fails with EIO and with ENOSPC, is the beginning of a full disk, writes half, or is the last thing before or after which
the process dies (half written, too). Whatever happens, afterwards the volume is opened again, once more, and with its
index made anew from log and files, and promises 1 to 4 of the store are looked after:

- what was answered is there, with its UID and content; what was not is there wholly or not at all;
- UIDVALIDITYs are what they were, UIDs and MODSEQs above all that a client was told;
- counters and quota agree with the messages, an examination finds nothing;
- the index made anew says the same;
- a running store goes on as soon as the disk does, and answers with a temporary error until then.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import time

from driver import Bench, build_shim, difference, driver, guids, normal, scratch, strays

ALWAYS = ["EIO", "ENOSPC", "before", "after"]
WRITES = ["torn", "short"]
SPACE = {"create", "write", "pwrite", "pwritev", "writev", "link", "mkdir", "rename", "ftruncate", "fallocate"}
# Answered before they are on the disk (`mail_fsync = optimized`): after the process died, or the disk with the last second's
# changes, they may be undone.
LAZY = {"flags", "expunge"}
# In a Maildir, their files come one after the other; and the rename of INBOX is a mailbox made and messages moved.
STEPS = {"create:maildir", "rename:maildir", "rename-inbox:maildir", "rename-inbox:pack"}


def modes(call):
    chosen = list(ALWAYS)
    if "write" in call:
        chosen += WRITES
    if call in SPACE:
        chosen.append("full")
    return chosen


class Pair:
    """One operation in one format."""

    def __init__(self, bench, name, form, grain):
        self.bench = bench
        self.name = name
        self.form = form
        self.grain = "steps" if f"{name}:{form}" in STEPS else grain
        self.problems = []
        self.points = []
        self.covered = collections.Counter()
        self.unreached = 0
        self.stopped = 0

    def prepare(self):
        bench = self.bench
        os.makedirs(bench.volume)
        made = bench.run("setup", self.name, self.form, bench.volume)
        if made.status != 0:
            return self.problem("setup", f"ends with {made.status}: {made.err[-500:]} {made.lines[-1:]}")
        bench.keep_template()
        stages = self.stages(bench.run("check", self.form, bench.volume), "before")
        if stages is None:
            return False
        self.before = stages[0]["picture"]
        self.known = guids(self.before)
        bench.restore()
        done = bench.run("run", self.name, self.form, bench.volume, faults={"COUNT": bench.count})
        answer = done.first("answer")
        if done.status != 0 or answer is None or answer["text"] != "ok":
            return self.problem("no fault", f"ends with {done.status}, {answer}: {done.err[-500:]}")
        calls = [line.split(" ", 2) for line in open(bench.count).read().splitlines()]
        self.points = [(int(number), call, mode) for number, call, _ in calls for mode in modes(call)]
        self.calls = len(calls)
        stages = self.stages(bench.run("check", self.form, bench.volume), "no fault")
        if stages is None:
            return False
        self.after = stages[0]["picture"]
        return True

    def problem(self, where, text):
        self.problems.append(f"{self.name} {self.form} {where}: {text}")
        print(f"#   {self.problems[-1][:1500]}", flush=True)
        return False

    def stages(self, checked, where):
        """The pictures of reopening, or None: they must agree with each other."""
        stages = checked.of("stage")
        failed = checked.first("failed") or checked.first("error")
        if checked.status != 0 or len(stages) != 3 or failed:
            text = f"{failed['text']}" if failed else checked.err[-600:]
            self.problem(where, f"reopening ends with {checked.status} after {len(stages)} of 3 stages: {text}")
            return None
        good = True
        for stage in stages:
            if stage["errors"]:
                good = self.problem(where, f"{stage['stage']}: the log says {stage['errors'][:3]}")
            if stage["findings"]:
                good = self.problem(where, f"{stage['stage']}: found {stage['findings'][:3]}")
        if (self.name, self.form) == ("create", "maildir"):
            # Of a mailbox that was found half made, the special use in the file is taken in by the next start.
            for stage in stages:
                stage["picture"]["accounts"]["anna"]["mailboxes"].get("A/B/C", {}).update(use="", metadata=[])
        known = guids(stages[0]["picture"])
        found = difference(stages[0]["picture"], stages[1]["picture"])
        if found:
            good = self.problem(where, f"changes when opened again: {found}")
        found = difference(normal(stages[0]["picture"], known), normal(stages[2]["picture"], known))
        if found:
            good = self.problem(where, f"an index made anew differs: {found}")
        for account, content in stages[0]["picture"]["accounts"].items():
            for name, box in content["mailboxes"].items():
                anew = stages[2]["picture"]["accounts"].get(account, {}).get("mailboxes", {}).get(name)
                if anew and (anew["modseq"] < box["modseq"] or anew["next"] < box["next"]):
                    good = self.problem(
                        where, f"an index made anew goes back: {name} UIDNEXT {box['next']} to {anew['next']}, "
                        f"HIGHESTMODSEQ {box['modseq']} to {anew['modseq']}")
        return stages if good else None

    def try_point(self, point):
        number, call, mode = point
        bench = self.bench
        bench.restore()
        done = bench.run("run", self.name, self.form, bench.volume, faults={"AT": number, "MODE": mode})
        try:
            fired = open(bench.fired).read().strip()
        except OSError:
            fired = ""
        if not fired:
            self.unreached += 1
            fired = "not reached"
        where = f"{mode} at {fired}"
        dies = mode in ("before", "after", "torn")
        if fired != "not reached":
            self.covered[mode] += 1
        wanted = -9 if dies and fired != "not reached" else 0
        if done.status != wanted:
            self.problem(where, f"ends with {done.status}: {done.err[-600:]}")
        checked = bench.run("check", self.form, bench.volume)
        stages = self.stages(checked, where)
        if stages is None:
            return
        reopened = stages[0]["picture"]
        state = normal(reopened, self.known)
        before, after = normal(self.before, self.known), normal(self.after, self.known)
        answer = done.first("answer")
        if answer is not None and answer["text"] == "ok":
            found = difference(state, after)
            live = done.first("live")
            has_stopped = dies or live is not None and live["probe"] != "ok"
            if found and not (has_stopped and self.name in LAZY and self.is_between(state, before, after)):
                self.problem(where, f"answered, but is not so: {found}")
        else:
            if answer is not None and not answer["text"].startswith(("temporary", "diskFull")):
                self.problem(where, f"answered with {answer['text']}")
            # Renaming back what was renamed needs a disk that takes names.
            if self.grain == "whole" and not self.is_half_renamed(mode):
                if difference(state, before) and difference(state, after):
                    self.problem(
                        where, f"neither before ({difference(state, before)}) nor after ({difference(state, after)})")
            else:
                found = strays(state, before, after)
                if found:
                    self.problem(where, found)
        self.look_after_told(done, checked, reopened, where)
        live = done.first("live")
        if live is not None and not self.is_half_renamed(mode):
            self.look_at_live(live, reopened, fired, where)

    def is_half_renamed(self, mode):
        return mode == "full" and self.name == "rename" and self.form == "maildir"

    def is_between(self, state, before, after):
        if self.grain == "steps":
            return not strays(state, before, after)
        return not difference(state, before) or not difference(state, after)

    def look_after_told(self, done, checked, reopened, where):
        """Messages that a client was told of, and numbers that come after all that it was told."""
        told = collections.defaultdict(lambda: [0, 0])
        pictures = [self.before] + [line["picture"] for line in done.of("live") if "picture" in line]
        for picture in pictures:
            for account, content in picture["accounts"].items():
                for name, box in content["mailboxes"].items():
                    if picture is self.before and box["guid"] not in {
                        b["guid"] for b in reopened["accounts"].get(account, {}).get("mailboxes", {}).values()
                    }:
                        continue
                    entry = told[account, box["guid"]]
                    entry[0] = max([entry[0]] + [message[0] for message in box["messages"]])
                    entry[1] = max(entry[1], box["modseq"])
        for acked in done.of("acked"):
            box = reopened["accounts"].get(acked["account"], {}).get("mailboxes", {}).get(acked["mailbox"])
            messages = {m[0]: m[1] for m in box["messages"]} if box else {}
            if messages.get(acked["uid"]) != acked["subject"]:
                self.problem(where, f"acked {acked}, there is {messages}")
            elif box:
                entry = told[acked["account"], box["guid"]]
                entry[0] = max(entry[0], acked["uid"])
        for used in checked.of("used"):
            box = reopened["accounts"].get(used["account"], {}).get("mailboxes", {}).get(used["mailbox"])
            if box is None:
                continue
            uid, modseq = told[used["account"], box["guid"]]
            if used["uid"] <= uid or used["uid"] < box["next"]:
                self.problem(where, f"a new message gets UID {used['uid']}, told were {uid} and UIDNEXT {box['next']}")
            if used["modseq"] <= max(modseq, box["modseq"]):
                self.problem(where, f"MODSEQ {used['modseq']} comes after {modseq}, {box['modseq']}")

    def look_at_live(self, live, reopened, fired, where):
        path = fired.split(" ", 2)[2] if fired.count(" ") >= 2 else ""
        if live["probe"] != "ok":
            self.stopped += 1
            # A flush or a write of the log or the index that failed stops the volume, for nobody knows what is on the
            # disk; anything else passes.
            if not path.startswith("/volume/") or not live["probe"].startswith("temporary"):
                self.problem(where, f"the store does not go on: {live['probe']}")
            return
        if "picture" not in live:
            self.problem(where, f"cannot be read afterwards: {live.get('text')}")
            return
        seen, there = normal(live["picture"], self.known), normal(reopened, self.known)
        for account, content in there["accounts"].items():
            for name, box in list(content["mailboxes"].items()):
                # A directory half made, of a mailbox whose creation was refused, is taken for one that another program made.
                known = seen["accounts"].get(account, {"mailboxes": {}})["mailboxes"]
                if not box["messages"] and name not in known and box["guid"] == "new":
                    del content["mailboxes"][name]
        found = difference(seen, there)
        if found:
            self.problem(where, f"what clients saw is not what is there after reopening: {found}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0, help="stop after so long: a random part of all points")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="operations, by commas; OPERATION:FORMAT too")
    parser.add_argument("--point", default="", help="NUMBER:MODE, with --only; keeps the volume")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    directory = scratch()
    began = time.monotonic()
    program = driver()
    shim = build_shim(directory)
    listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout.split("\n")
    pairs = []
    for line in filter(None, listed):
        name, forms, grain = line.split(" ")
        for form in forms.split(","):
            only = options.only.split(",") if options.only else []
            if only and name not in only and f"{name}:{form}" not in only:
                continue
            pairs.append(Pair(Bench(f"{directory}/{name}-{form}", program, shim), name, form, grain))
    rng = random.Random(options.seed)
    good = bad = 0

    def is_over(pair):
        """Whether the time is up: all of it is for all pairs, and each is to have its part."""
        return options.seconds and time.monotonic() - began > options.seconds * (pairs.index(pair) + 1) / len(pairs)

    def work(pair):
        if options.seconds and time.monotonic() - began > options.seconds:
            return
        if not pair.points and not pair.problems and not pair.prepare():
            return
        order = list(pair.points)
        if options.point:
            number, mode = options.point.split(":")
            order = [(int(number), "", mode)]
        if options.seconds:
            random.Random(f"{options.seed} {pair.name} {pair.form}").shuffle(order)
        for place, point in enumerate(order):
            # Of each pair at least one.
            if place >= 1 and is_over(pair):
                break
            pair.try_point(point)
        if not (options.keep or options.point):
            shutil.rmtree(pair.bench.directory, ignore_errors=True)

    rng.shuffle(pairs)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(work, pair): pair for pair in pairs}
        for future in concurrent.futures.as_completed(futures):
            pair = futures[future]
            try:
                future.result()
            except Exception as error:  # a broken test is a failed one
                pair.problem("test", f"{type(error).__name__}: {error}")
            count = sum(pair.covered.values())
            if not pair.points and not pair.problems:
                print(f"# {pair.name} {pair.form}: no time left")
                continue
            if pair.problems:
                bad += 1
                print(f"FAIL {pair.name} {pair.form}: {len(pair.problems)} problems at {count} of {len(pair.points)} "
                      "points", flush=True)
            else:
                good += 1
                print(f"ok {pair.name} {pair.form}: {count} of {len(pair.points)} points, {pair.calls} calls", flush=True)
    covered = sum((pair.covered for pair in pairs), collections.Counter())
    print(f"# {sum(covered.values())} of {sum(len(p.points) for p in pairs)} points covered "
          f"({', '.join(f'{mode} {count}' for mode, count in sorted(covered.items()))}), "
          f"{sum(p.unreached for p in pairs)} not reached, {sum(p.stopped for p in pairs)} stopped the volume, "
          f"{time.monotonic() - began:.0f} s")
    if not (options.keep or options.point):
        shutil.rmtree(directory, ignore_errors=True)
    else:
        print(f"# kept: {directory}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
