"""Runs StoreDriver on copies of a volume, with or without the disk of shim.c, and compares what it says."""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 20


def driver():
    directory = os.environ.get("MARTLET_BIN")
    if not directory:
        directory = subprocess.run(
            ["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
    return os.path.join(directory, "StoreDriver")


def scratch():
    """A directory in memory where there is one: the sweep flushes ten thousand times."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.mkdtemp(prefix="martlet-faults.", dir=place)


def build_shim(directory):
    path = f"{directory}/shim.so"
    for compiler in ("clang", "cc", "gcc"):
        if shutil.which(compiler):
            subprocess.run(
                [compiler, "-O1", "-shared", "-fPIC", "-o", path, str(ROOT / "Tests/Faults/shim.c"), "-lpthread"],
                check=True)
            return path
    raise SystemExit("no C compiler: clang comes with Swift, or install gcc")


class Outcome:
    """What a run of the driver said: its lines, and how it ended."""

    def __init__(self, status, out, err):
        self.status = status
        self.err = err
        self.lines = []
        for line in out.split("\n"):
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                if line:
                    self.lines.append({"kind": "garbage", "text": line})

    def of(self, kind):
        return [line for line in self.lines if line["kind"] == kind]

    def first(self, kind):
        return next(iter(self.of(kind)), None)


class Bench:
    """A volume in a directory, and its state at the beginning."""

    def __init__(self, directory, program, shim):
        self.directory = directory
        self.program = program
        self.shim = shim
        self.volume = f"{directory}/v"
        self.template = f"{directory}/t"
        self.fired = f"{directory}/fired"
        self.count = f"{directory}/count"
        self.seconds = SECONDS

    def run(self, *words, faults=None):
        environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")
        if faults is not None:
            for path in (self.fired, self.count):
                pathlib.Path(path).unlink(missing_ok=True)
            environment.update(
                LD_PRELOAD=self.shim, FAULT_ROOT=self.volume, FAULT_FIRED=self.fired,
                **{f"FAULT_{key}": str(value) for key, value in faults.items()})
        try:
            done = subprocess.run(
                [self.program, *words], env=environment, cwd=self.directory, capture_output=True, text=True,
                errors="replace", timeout=self.seconds)
        except subprocess.TimeoutExpired as expired:
            return Outcome("hangs", (expired.stdout or b"").decode(errors="replace"), "")
        return Outcome(done.returncode, done.stdout, done.stderr)

    def keep_template(self):
        shutil.rmtree(self.template, ignore_errors=True)
        # A copy is treated as one by this file; the template stands for the volume itself.
        pathlib.Path(f"{self.volume}/volume/log/place").unlink(missing_ok=True)
        subprocess.run(["cp", "-a", self.volume, self.template], check=True)

    def restore(self):
        shutil.rmtree(self.volume, ignore_errors=True)
        subprocess.run(["cp", "-a", self.template, self.volume], check=True)


def normal(picture, known=()):
    """A picture without what may differ between two runs: MODSEQs, the identifiers of mailboxes made in the run, and
    the message `probe` that the driver puts in."""
    picture = copy.deepcopy(picture)
    for account, content in picture["accounts"].items():
        for name, box in content["mailboxes"].items():
            del box["modseq"], box["vanished"], box["next"]
            if name == "A/B/C" and content["driver"] == "maildir":
                # Of a mailbox that was found half made, the special use in the file is taken in by the next start.
                box["use"], box["metadata"] = "", []
            if (account, box["guid"]) not in known:
                box["guid"] = box["validity"] = "new"
            kept = [message[:6] for message in box["messages"] if message[1] != "probe"]
            for message in kept:
                # Written by "another program" in the run itself: its date is the file's.
                if message[1] in ("x1", "x2", "x3"):
                    message[4] = "now"
            for message in box["messages"]:
                if message[1] == "probe":
                    box["counts"][0] -= 1
                    box["counts"][1] -= 1
                    box["counts"][3] -= message[5]
                    content["quota"][0] -= message[5]
                    content["quota"][1] -= 1
            box["messages"] = kept
    return picture


def guids(picture):
    return {
        (account, box["guid"])
        for account, content in picture["accounts"].items() for box in content["mailboxes"].values()
    }


def difference(a, b, path=""):
    """Where two values first differ, in words; empty when they are the same."""
    if type(a) is not type(b):
        return f"{path}: {str(a)[:150]} against {str(b)[:150]}"
    if isinstance(a, dict):
        for key in sorted(set(a) | set(b)):
            if key not in a or key not in b:
                return f"{path}/{key}: only in the {'first' if key in a else 'second'}"
            found = difference(a[key], b[key], f"{path}/{key}")
            if found:
                return found
        return ""
    return "" if a == b else f"{path}: {str(a)[:250]} against {str(b)[:250]}"


def strays(state, before, after):
    """What a state between two others has that neither has, or lacks that both have; empty when it is between."""
    for account, content in state["accounts"].items():
        sides = [side["accounts"].get(account) for side in (before, after)]
        sides = [side for side in sides if side is not None]
        if not sides:
            return f"account {account} out of nowhere"
        for name, box in content["mailboxes"].items():
            boxes = [side["mailboxes"][name] for side in sides if name in side["mailboxes"]]
            if not boxes:
                return f"{account} {name}: a mailbox out of nowhere"
            allowed = [message for side in boxes for message in side["messages"]]
            old = before["accounts"].get(account, {"mailboxes": {}})["mailboxes"].get(name, {"messages": []})["messages"]
            for message in box["messages"]:
                # What was refused and is tried again, as a file that another program brought, has a higher UID; what
                # stood behind one that was refused has a lower one.
                again = message[0] > max((known[0] for known in old), default=0) and [
                    new for new in allowed if new[1:] == message[1:] and new not in old and new not in box["messages"]
                ]
                if message not in allowed and not again:
                    return f"{account} {name}: {message} out of nowhere"
            if len(boxes) == 2:
                uids = {message[0] for message in box["messages"]}
                both = {m[0] for m in boxes[0]["messages"]} & {m[0] for m in boxes[1]["messages"]}
                if not both <= uids:
                    return f"{account} {name}: messages {sorted(both - uids)} are gone"
        if len(sides) == 2:
            for name in set(sides[0]["mailboxes"]) & set(sides[1]["mailboxes"]) - set(content["mailboxes"]):
                return f"{account} {name}: gone"
        size = sum(m[5] for box in content["mailboxes"].values() for m in box["messages"])
        number = sum(len(box["messages"]) for box in content["mailboxes"].values())
        if content["quota"] != [size, number]:
            return f"{account}: quota says {content['quota']}, there is {[size, number]}"
    for account in set(before["accounts"]) & set(after["accounts"]) - set(state["accounts"]):
        return f"account {account}: gone"
    return ""
