"""What locks.c counted in the mail role, as tables: report.py DIRECTORY."""

import collections
import pathlib
import re
import subprocess
import sys


class Report:
    def __init__(self, text):
        self.command, self.total = "", (0, 0, 0)
        # Each: count, nanoseconds, callers as FILE+OFFSET.
        self.waits, self.locks = [], []
        self.threads = collections.Counter()
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "command":
                self.command = rest
            elif kind == "total":
                self.total = tuple(map(int, rest.split()))
            elif kind == "thread":
                nanoseconds, _, name = rest.partition(" ")
                self.threads[name] += int(nanoseconds)
            else:
                count, nanoseconds, *callers = rest.split(" ")
                (self.waits if kind == "wait" else self.locks).append((int(count), int(nanoseconds), callers))


def names(report):
    """The functions' names by FILE+OFFSET."""
    offsets = collections.defaultdict(set)
    for _, _, callers in report.waits + report.locks:
        for caller in callers:
            path, _, offset = caller.rpartition("+")
            offsets[path].add(offset)
    found = {}
    for path, wanted in offsets.items():
        wanted = sorted(wanted)
        lines = subprocess.run(
            ["addr2line", "-f", "-e", path, *("0x" + offset for offset in wanted)], capture_output=True, text=True
        ).stdout.splitlines()[::2]
        plain = subprocess.run(
            ["swift", "demangle", "--simplified", "--compact"], input="\n".join(lines), capture_output=True, text=True
        ).stdout.splitlines()
        found.update({f"{path}+{offset}": name for offset, name in zip(wanted, plain)})
    return found


def place(callers, found):
    # The shim's own frames, the C library and what only hands on say nothing.
    dull = re.compile(r"^\?\?$|^swift_|^_ZN5swift|closure|thunk|partial apply|withLock|Lock\.|^_ZL|pthread|_getCount")
    told = [found.get(caller, "??") for caller in callers if "locks.so" not in caller]
    told = [name for name in told if not dull.search(name)] or ["?"]
    return " < ".join(name[:60] for name in told[:3])


def row(nanoseconds, count, cpu, name):
    print(f"{nanoseconds / 1e6:10.1f} ms {count:9}  {100 * nanoseconds / cpu:5.2f} % of the CPU  {name}")


def main():
    for path in pathlib.Path(sys.argv[1]).iterdir():
        # What was being written when the process ended is the beginning of a report.
        if path.suffix == ".part":
            continue
        report = Report(path.read_text(errors="replace"))
        if "--role=mail" not in report.command:
            continue
        taken, waited, waited_ns = report.total
        # What the report itself takes.
        del report.threads["locks.c"]
        cpu = max(1, sum(report.threads.values()))
        found = names(report)
        print(f"mail role: {cpu / 1e9:.2f} s of CPU; {taken} times a lock was taken, {waited} of them "
              f"({100 * waited / max(1, taken):.3f} %) waited, {waited_ns / 1e6:.0f} ms in all")
        print("\nthreads, by name")
        for name, nanoseconds in report.threads.most_common(12):
            row(nanoseconds, "", cpu, name)
        # One by one: locks of the same code, one for each mailbox or session, do not hinder each other.
        print("\nlocks that were held longest, each")
        for count, nanoseconds, callers in sorted(report.locks, key=lambda lock: -lock[1])[:12]:
            row(nanoseconds, count, cpu, place(callers, found))
        print("\nwhere threads waited")
        sums = collections.Counter()
        times = collections.Counter()
        for count, nanoseconds, callers in report.waits:
            name = place(callers, found)
            sums[name] += nanoseconds
            times[name] += count
        for name, nanoseconds in sums.most_common(10):
            print(f"{nanoseconds / 1e6:10.1f} ms {times[name]:9}  {name}")


main()
