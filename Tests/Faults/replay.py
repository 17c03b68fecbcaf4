"""What may be on a disk after power was lost, from the trace of shim.c.

The file system is one that promises what POSIX and Linux's do: a flushed file has its octets and its length, a flushed
directory its names, syncfs flushes all. Of the rest anything may be there or not: each sector of an unflushed write, each
unflushed name; a rename happens as a whole. `JOURNAL` is a file system that keeps the order of names and brings all of them
to the disk with any flush, as ext4 and XFS do.
"""

import os
import random

SECTOR = 512


class File:
    def __init__(self, content=b""):
        self.durable = bytearray(content)
        # (offset, octets) of writes, (length,) of truncations, since the last flush.
        self.pending = []
        self.time = None

    def flush(self):
        self.durable = self.content()
        self.pending = []

    def content(self, keep=None, tear=None):
        """The octets with all that is pending; `keep(n)` says of the n-th sector of it whether it arrived, `tear` cuts the
        last write at a multiple of that."""
        octets = bytearray(self.durable)
        number = 0
        for index, change in enumerate(self.pending):
            if len(change) == 1:
                length, = change
                if keep is None or keep(number):
                    del octets[length:]
                    octets.extend(bytes(length - len(octets)))
                number += 1
                continue
            offset, data = change
            end = offset + len(data)
            if len(octets) < end:
                octets.extend(bytes(end - len(octets)))
            if tear and index == len(self.pending) - 1:
                end = offset + max(0, ((offset + len(data) // 2) // tear) * tear - offset)
                octets[offset:end] = data[:end - offset]
                continue
            if keep is None:
                octets[offset:end] = data
                continue
            start = offset
            while start < end:
                stop = min(end, (start // SECTOR + 1) * SECTOR)
                if keep(number):
                    octets[start:stop] = data[start - offset:stop - offset]
                number += 1
                start = stop
        return octets

    def length(self):
        return len(self.content())


class Names:
    """Paths with what they name: a number of a file, or None for a directory."""

    def __init__(self, entries):
        self.entries = dict(entries)

    def apply(self, change):
        kind, *rest = change
        entries = self.entries
        if kind in ("create", "mkdir"):
            path, what = rest
            if os.path.dirname(path) in entries:
                entries[path] = what
        elif kind == "unlink":
            entries.pop(rest[0], None)
        elif kind == "rename":
            old, new = rest
            if old not in entries or os.path.dirname(new) not in entries:
                return
            what = entries.pop(old)
            entries[new] = what
            if what is None:
                for path in [p for p in entries if p.startswith(old + "/")]:
                    entries[new + path[len(old):]] = entries.pop(path)


def directories(change):
    """The directories whose flush brings a change of names to the disk; of a rename either does."""
    return {os.path.dirname(path) for path in change[1:] if isinstance(path, str)}


def numbers(root):
    """The inode number of everything below a directory, by its path."""
    return {
        f"{directory}/{name}"[len(root):]: os.lstat(f"{directory}/{name}").st_ino
        for directory, names, files in os.walk(root) for name in [*names, *files]
    } | {"": os.lstat(root).st_ino}


class Disk:
    """- Parameter known: the numbers that the trace has for what is there at its beginning."""

    def __init__(self, root, known):
        self.files = {}
        self.inodes = {}
        self.pending = []
        entries = {"": None}
        for directory, _, names in os.walk(root):
            relative = directory[len(root):]
            entries[relative] = None
            self.inodes[known[relative]] = relative
            for name in names:
                number = known[f"{relative}/{name}"]
                file = self.files.get(number)
                if file is None:
                    with open(f"{directory}/{name}", "rb") as source:
                        file = File(source.read())
                    file.time = os.lstat(f"{directory}/{name}").st_mtime_ns
                    self.files[number] = file
                entries[f"{relative}/{name}"] = file
        self.names = Names(entries)
        self.root = root

    def path(self, path):
        return path[len(self.root):]

    def current(self):
        now = Names(self.names.entries)
        for change in self.pending:
            now.apply(change)
        return now

    def flush_names(self, wanted=None):
        rest = []
        for change in self.pending:
            if wanted is None or wanted & directories(change):
                self.names.apply(change)
            else:
                rest.append(change)
        self.pending = rest

    def take(self, record):
        """One record of the trace."""
        kind = record[0]
        if kind == "W":
            _, inode, offset, data, is_durable = record
            file = self.files.get(inode)
            if file is None:
                return
            file.pending.append((offset, data))
            if is_durable:
                file.flush()
        elif kind == "T":
            if record[1] in self.files:
                self.files[record[1]].pending.append((record[2],))
        elif kind == "S":
            if record[1] in self.files:
                self.files[record[1]].flush()
            elif record[1] in self.inodes:
                # A directory that was renamed since is found by its place now.
                self.flush_names({self.inodes[record[1]]})
        elif kind == "A":
            for file in self.files.values():
                file.flush()
            self.flush_names()
        elif kind == "C":
            self.files[record[1]] = File()
            self.pending.append(("create", self.path(record[2]), self.files[record[1]]))
        elif kind == "M":
            self.inodes[record[1]] = self.path(record[2])
            self.pending.append(("mkdir", self.path(record[2]), None))
        elif kind == "U":
            self.pending.append(("unlink", self.path(record[1])))
        elif kind == "L":
            # A name more for a file, whatever became of the name that it was made from.
            if record[1] in self.files:
                self.pending.append(("create", self.path(record[2]), self.files[record[1]]))
        elif kind == "R":
            old, new = self.path(record[1]), self.path(record[2])
            for inode, path in list(self.inodes.items()):
                if path == old or path.startswith(old + "/"):
                    self.inodes[inode] = new + path[len(old):]
            self.pending.append(("rename", old, new))
        elif kind == "H":
            if record[1] in self.files and record[2] >= 0:
                self.files[record[1]].time = record[2] * 1_000_000_000

    # MARK: States

    def states(self, rng, count):
        """Names of states with what makes their contents: all extreme ones, and some random ones."""
        everything = self.current()
        none = Names(self.names.entries)
        yield "nothing unflushed", none, lambda file: file.durable
        yield "everything", everything, lambda file: file.content()
        yield "names without octets", everything, lambda file: file.content(lambda _: False)
        yield "octets without names", none, lambda file: file.content()
        for size in (512, 4096):
            yield f"last writes torn at {size}", everything, lambda file: file.content(tear=size)
        for number in range(count):
            seed = rng.randrange(1 << 30)
            local = random.Random(seed)
            names = Names(self.names.entries)
            if number % 2:
                for change in self.pending[:local.randint(0, len(self.pending))]:
                    names.apply(change)
                label = "journal"
            else:
                for change in self.pending:
                    if local.random() < 0.5:
                        names.apply(change)
                label = "any names"
            share = local.choice([0.1, 0.5, 0.9])
            yield (f"{label} {seed}", names,
                   lambda file: file.content(lambda _, local=local, share=share: local.random() < share))

    def write(self, target, names, content):
        made = {}
        os.mkdir(target)
        for path in sorted(names.entries, key=lambda p: p.count("/")):
            what = names.entries[path]
            if path == "" or not os.path.isdir(os.path.dirname(target + path)):
                continue
            if what is None:
                os.mkdir(target + path, 0o700)
            elif what in made:
                os.link(made[what], target + path)
            else:
                with open(target + path, "wb") as out:
                    out.write(content(what))
                os.chmod(target + path, 0o600)
                if what.time:
                    os.utime(target + path, ns=(what.time, what.time))
                made[what] = target + path


def records(path):
    """The trace's records in order."""
    with open(path, "rb") as trace:
        while line := trace.readline():
            words = line.rstrip(b"\n").decode(errors="surrogateescape")
            kind, _, rest = words.partition(" ")
            if kind == "W":
                inode, offset, count, is_durable = map(int, rest.split(" "))
                yield kind, inode, offset, trace.read(count), bool(is_durable)
            elif kind == "R":
                yield (kind, *rest.split("\t"))
            elif kind in "CML":
                inode, _, name = rest.partition(" ")
                yield kind, int(inode), name
            elif kind == "F":
                inode, _, offset, length = map(int, rest.split(" "))
                yield "T", inode, offset + length
            elif kind in "STH":
                yield (kind, *map(int, rest.split(" ")))
            elif kind == "A":
                yield (kind,)
            else:
                yield kind, rest
