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
import os
import random
import shutil
import sys
import time

import replay
from driver import Bench, build_shim, difference, driver, guids, normal, scratch


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    directory = scratch()
    program, shim = driver(), build_shim(directory)
    end = time.monotonic() + options.seconds
    problems = []
    seed = options.seed
    counts = collections.Counter()
    moments = answered = 0

    def problem(where, text):
        problems.append(text)
        if len(problems) <= 60:
            print(f"#   {where}: {text[:900]}", flush=True)

    first = True
    while first or time.monotonic() < end and not problems:
        for form in ("maildir", "pack"):
            bench = Bench(f"{directory}/{seed}-{form}", program, shim)
            os.makedirs(bench.volume)
            bench.run("setup", "deliver", form, bench.volume)
            bench.keep_template()
            began = bench.run("check", form, bench.volume).first("stage")["picture"]
            bench.restore()
            disk = replay.Disk(bench.volume)
            trace = f"{bench.directory}/trace"
            ran = bench.run("load", form, bench.volume, str(seed), str(options.steps), faults={"TRACE": trace})
            if ran.status != 0 or not ran.first("end"):
                problem(f"{form} seed {seed}", f"the load ends with {ran.status}: {ran.err[-500:]} {ran.lines[-2:]}")
                continue
            every = list(replay.records(trace))
            budget = time.monotonic() + max(5, (end - time.monotonic()) / (2 if form == "maildir" and first else 1) / 2)
            chosen = sorted(rng.sample(range(len(every)), min(len(every), 40)) + [len(every) - 1])
            # In any order, for there may not be time for all: first every second one, and so on.
            chosen = set(chosen[::2]) if options.seconds < 60 else set(chosen)
            told = Told()
            for number, record in enumerate(every):
                if record[0] == "N":
                    told.take(record[1])
                    answered += record[1].startswith("acked")
                else:
                    disk.take(record)
                if number not in chosen or time.monotonic() > budget:
                    continue
                moments += 1
                for name, names, content in disk.states(rng, 3):
                    shutil.rmtree(bench.volume, ignore_errors=True)
                    disk.write(bench.volume, names, content)
                    # The copy stands for the volume itself.
                    if os.path.exists(f"{bench.volume}/volume/log/place"):
                        os.unlink(f"{bench.volume}/volume/log/place")
                    before = len(problems)
                    look(told, bench.run("check", form, bench.volume), began,
                         f"{form} seed {seed}, record {number} of {len(every)}, {name}", problem)
                    counts["any" if name.startswith("any") else "journal" if name.startswith("jour") else name] += 1
                    if len(problems) > before and not os.path.exists(f"{directory}/kept"):
                        disk.write(f"{directory}/kept", names, content)
            if not problems:
                shutil.rmtree(bench.directory)
        seed += 1
        first = False
    total = sum(counts.values())
    print(f"# {total} states at {moments} moments of {seed - options.seed} loads: "
          + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    if problems:
        print(f"FAIL power loss: {len(problems)} problems in {total} states (kept: {directory})")
        sys.exit(1)
    print(f"ok {answered} answered messages are in each of {total} states after a power loss")
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
