"""Power is lost at many moments while several users work, and every message that was answered is there afterwards.

StoreDriver does a random load; shim.c records every change of the disk and every flush, with what was answered in between.
replay.py makes of it what the disk may have at some moment: nothing that was not flushed, everything, names without octets,
octets without names, torn writes, and random parts of it. Of each such state:

- the volume opens, three times, the last time without its index, and always says the same; an examination finds nothing;
- every message that was answered, and that nobody was about to remove, is there with its UID and octets;
- no message is there with other octets than it came with, no UID names another message than the one a client was told;
- mailboxes, subscriptions and metadata that were answered are there; UIDVALIDITYs are the same;
- new messages get UIDs and MODSEQs above all that was told.
"""

import argparse
import collections
import concurrent.futures
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import time

import replay
from driver import Bench, build_shim, difference, driver, guids, normal, scratch


# The index knows users' directories by their paths. This one is the same wherever a state of the disk lies, so that
# several can be looked at.
HERE = "/proc/self/cwd/v"


class Told:
    """What clients knew at a moment."""

    def __init__(self):
        self.messages = {}
        self.subjects = {}
        self.leaving = set()
        self.modseqs = collections.defaultdict(int)
        self.mailboxes = set()
        self.unsure = set()
        self.subscribed = set()
        self.metadata = {}

    def copy(self):
        return copy.deepcopy(self)

    def take(self, text):
        kind, account, *words = text.split("\t")
        if kind == "acked":
            mailbox, uid, subject = words
            self.messages[account, mailbox, int(uid)] = subject
        elif kind == "leaving":
            self.leaving.add((account, words[0], int(words[1])))
        elif kind == "modseq":
            self.modseqs[account, words[0]] = max(self.modseqs[account, words[0]], int(words[1]))
        elif kind == "mailbox":
            self.mailboxes.add(words[0])
        elif kind in ("renaming", "deleting"):
            self.unsure.add(words[0])
        elif kind == "renamed":
            old, new = words
            self.mailboxes.discard(old)
            self.mailboxes.add(new)
            for account, mailbox, uid in [key for key in self.messages if key[1] == old]:
                self.messages[account, new, uid] = self.messages.pop((account, mailbox, uid))
            if old in self.metadata:
                self.metadata[new] = self.metadata.pop(old)
        elif kind == "subscribed":
            self.subscribed.add(words[0])
        elif kind == "metadata":
            self.metadata[words[0]] = words[1]


def look(told, checked, began, where, problem):
    stages = checked.of("stage")
    failed = checked.first("failed") or checked.first("error")
    if checked.status != 0 or len(stages) != 3 or failed:
        text = failed["text"] if failed else checked.err[-600:]
        return problem(where, f"reopening ends with {checked.status} after {len(stages)} stages: {text}")
    for stage in stages:
        if stage["errors"]:
            problem(where, f"{stage['stage']}: the log says {stage['errors'][:2]}")
        if stage["findings"]:
            problem(where, f"{stage['stage']}: found {stage['findings'][:3]}")
    known = guids(stages[0]["picture"])
    for stage in stages[1:]:
        found = difference(normal(stages[0]["picture"], known), normal(stage["picture"], known))
        if found:
            problem(where, f"{stage['stage']} differs: {found}")
    picture = stages[0]["picture"]
    boxes = {
        (account, name): box
        for account, content in picture["accounts"].items() for name, box in content["mailboxes"].items()
    }
    highest = collections.defaultdict(int)
    for (account, mailbox, uid), subject in told.messages.items():
        box = boxes.get((account, mailbox))
        if box is None:
            if mailbox not in told.unsure:
                problem(where, f"{account} {mailbox} is gone, with {subject}")
            continue
        highest[account, mailbox] = max(highest[account, mailbox], uid)
        found = {message[0]: message[1] for message in box["messages"]}.get(uid)
        if found is None and (account, mailbox, uid) not in told.leaving:
            problem(where, f"{account} {mailbox}: {subject}, UID {uid}, was answered and is gone")
        if found is not None and found != subject:
            problem(where, f"{account} {mailbox}: UID {uid} was {subject} and is {found}")
    for (account, name), box in boxes.items():
        for message in box["messages"]:
            if message[1].startswith("??"):
                problem(where, f"{account} {name}: {message}")
        before = began["accounts"].get(account, {}).get("mailboxes", {}).get(name)
        if before and (before["validity"] != box["validity"] or before["guid"] != box["guid"]):
            problem(where, f"{account} {name}: other UIDVALIDITY or GUID")
        if before:
            for message in before["messages"]:
                if (account, name, message[0]) in told.leaving:
                    continue
                if message[1] not in [m[1] for m in box["messages"] if m[0] == message[0]]:
                    problem(where, f"{account} {name}: {message} was there at the beginning and is gone")
    for name in told.mailboxes - told.unsure:
        if ("anna", name) not in boxes:
            problem(where, f"mailbox {name} was answered and is gone")
    for name in told.subscribed:
        if name not in picture["accounts"]["anna"]["subscriptions"]:
            problem(where, f"subscription of {name} was answered and is gone")
    for name, text in told.metadata.items():
        box = boxes.get(("anna", name))
        if box and name not in told.unsure and not any(
                entry.split(" ")[0] == text.split(" ")[0] and int(entry.split(" ")[1]) >= int(text.split(" ")[1])
                for entry in box["metadata"]):
            problem(where, f"metadata of {name}: {text} was answered, there is {box['metadata']}")
    for used in checked.of("used"):
        place = used["account"], used["mailbox"]
        if used["uid"] <= highest[place]:
            problem(where, f"{place}: a new message gets UID {used['uid']}, told was {highest[place]}")
        if used["modseq"] <= told.modseqs[place]:
            problem(where, f"{place}: MODSEQ {used['modseq']} comes after {told.modseqs[place]}")


class Loss:
    """Cuts the power at moments of recorded loads, and looks at what each disk then has; several disks at a time, for a
    look is mostly waiting."""

    def __init__(self, directory, program, shim, jobs, shares):
        self.directory = directory
        self.program = program
        self.shim = shim
        self.jobs = jobs
        self.shares = shares
        self.problems = []
        self.counts = collections.Counter()
        self.moments = self.answered = 0
        self.waiting = []
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)

    def problem(self, where, text):
        self.problems.append(text)
        if len(self.problems) <= 60:
            print(f"#   {where}: {text[:900]}", flush=True)

    def record(self, form, seed, steps):
        """A load with its trace, and what the volume was like before; `None` when it went wrong."""
        bench = Bench(f"{self.directory}/{seed}-{form}", self.program, self.shim)
        os.makedirs(bench.volume)
        # It is thousands of small steps, and nothing here is about how long they take.
        bench.seconds = 120
        bench.run("setup", "deliver", form, HERE)
        bench.keep_template()
        bench.restore()
        # The trace speaks of files by their numbers.
        with open(f"{bench.directory}/numbers", "w") as out:
            json.dump(replay.numbers(bench.volume), out)
        trace = f"{bench.directory}/trace"
        ran = bench.run("load", form, HERE, str(seed), str(steps), faults={"TRACE": trace})
        if ran.status != 0 or not ran.first("end"):
            self.problem(
                f"{form} seed {seed}", f"the load ends with {ran.status}: {ran.err[-500:]} {ran.lines[-2:]}")
            return None
        return bench

    def cut(self, bench, form, seed, rng, moments, end):
        """Looks at states of so many moments of a recorded load, or of fewer when the time is over."""
        bench.restore()
        began = bench.run("check", form, HERE).first("stage")["picture"]
        bench.restore()
        with open(f"{bench.directory}/numbers") as numbers:
            disk = replay.Disk(bench.volume, json.load(numbers))
        every = list(replay.records(f"{bench.directory}/trace"))
        chosen = set(rng.sample(range(len(every)), min(len(every), moments)) + [len(every) - 1])
        # The time is shared out over the whole load.
        began_at, done = time.monotonic(), 0
        told = Told()
        for number, record in enumerate(every):
            if record[0] == "N":
                told.take(record[1])
                self.answered += record[1].startswith("acked")
            else:
                disk.take(record)
            if number not in chosen:
                continue
            passed = (time.monotonic() - began_at) / max(0.001, end - began_at)
            if done and passed > (number + 1) / len(every):
                continue
            done += 1
            self.moments += 1
            snapshot = told.copy()
            for name, names, content in disk.states(rng, self.shares):
                self.give(bench, form, disk, names, content, snapshot, began,
                          f"{form} seed {seed}, record {number} of {len(every)}, {name}", name)
        self.wait(0)

    def give(self, bench, form, disk, names, content, told, began, where, name):
        self.wait(self.jobs)
        place = Bench(f"{bench.directory}/state-{sum(self.counts.values())}", self.program, self.shim)
        place.seconds = bench.seconds
        os.makedirs(place.directory)
        disk.write(place.volume, names, content)
        # The copy stands for the volume itself.
        if os.path.exists(f"{place.volume}/volume/log/place"):
            os.unlink(f"{place.volume}/volume/log/place")
        self.counts["any" if name.startswith("any") else "journal" if name.startswith("jour") else name] += 1
        kept = f"{bench.directory}/kept"
        if not os.path.exists(kept):
            subprocess.run(["cp", "-a", place.volume, f"{place.directory}/t"], check=True)
        self.waiting.append(self.pool.submit(self.look, place, form, told, began, where, kept))

    def look(self, place, form, told, began, where, kept):
        problems = []
        look(told, place.run("check", form, HERE), began, where, lambda where, text: problems.append(text))
        # The first one stays, to be looked at.
        if problems and os.path.exists(place.template) and not os.path.exists(kept):
            os.rename(place.template, kept)
        shutil.rmtree(place.directory, ignore_errors=True)
        return where, problems

    def wait(self, left):
        while len(self.waiting) > left:
            where, problems = self.waiting.pop(0).result()
            for text in problems:
                self.problem(where, text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--moments", type=int, default=40, help="of each load")
    parser.add_argument("--formats", default="maildir,pack")
    parser.add_argument("--again", metavar="DIRECTORY", help="a load kept by an earlier run, as .../SEED-FORMAT")
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    directory = scratch()
    loss = Loss(directory, driver(), build_shim(directory), options.jobs, 3)
    end = time.monotonic() + options.seconds
    loads = 0
    if options.again:
        seed, _, form = os.path.basename(options.again.rstrip("/")).partition("-")
        bench = Bench(options.again, loss.program, loss.shim)
        while time.monotonic() < end and not loss.problems:
            loads += 1
            loss.cut(bench, form, seed, rng, options.moments, end)
    formats = options.formats.split(",")
    while not options.again and (not loads or time.monotonic() < end and not loss.problems):
        for form in formats:
            seed = options.seed + loads // len(formats)
            loads += 1
            bench = loss.record(form, seed, options.steps)
            if bench is None:
                continue
            left = end - time.monotonic()
            share = left / max(1, len(formats) - (loads - 1) % len(formats))
            loss.cut(bench, form, seed, rng, options.moments, time.monotonic() + max(5, share))
            if not loss.problems:
                shutil.rmtree(bench.directory)
    total = sum(loss.counts.values())
    print(f"# {total} states at {loss.moments} moments of {loads} loads: "
          + ", ".join(f"{name} {count}" for name, count in sorted(loss.counts.items())))
    if loss.problems:
        print(f"FAIL power loss: {len(loss.problems)} problems in {total} states (kept: {directory})")
        sys.exit(1)
    print(f"ok {loss.answered} answered messages are in each of {total} states after a power loss")
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
