"""Mixed load for long, with kills of roles, a full disk and jumps of the clock.

    soak_test.py [--seconds N] [--seed S] [--report FILE] [--format maildir|pack] [--megabytes N]

The first third also kills the mail role; from then on its memory is its own, and must stay flat. In the last tenth nothing
is done to the daemon, so that it can finish its queue. Then everything that was acknowledged must be there exactly once,
also after a restart, and `martlet verify` must find nothing.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Interop")]
import faults  # noqa: E402
import load  # noqa: E402
from ledger import Ledger, marks_of  # noqa: E402
from martlet import Martlet, PASSWORD, binary, check, equal, fail, finish, ok, skip, wait_until  # noqa: E402

SENDMAIL = """#!/bin/sh
sed -n 's/^Subject: //p;/^\\r*$/q' | head -n 1 >>{sent}
"""


class Soak:
    def __init__(self, options):
        self.options = options
        self.seed = options.seed
        self.random = random.Random(options.seed)
        self.password = PASSWORD
        self.pause = 0.02
        self.kept = 60
        self.owners = ["anna", "berta", "carl"]
        self.pop_users = ["dora", "emil"]
        self.redirected = "frieda"
        self.receivers = self.owners + self.pop_users + [self.redirected]
        self.users = self.receivers + ["scripts"]
        self.ledger = Ledger(self.users)
        self.stop = threading.Event()
        self.samples = []
        self.done = {}
        self.prepare()

    def prepare(self):
        server = self.server = Martlet(users=self.users)
        base = pathlib.Path(server.directory)
        self.disk = faults.SmallDisk(base / "disk", self.options.megabytes)
        self.clock = faults.Clock(server.directory)
        server.env.update(self.clock.environment)
        (base / "home").rmdir()
        (base / "disk/home").mkdir()
        os.chown(base / "disk/home", server.uid, server.gid)
        (base / "home").symlink_to("disk/home")
        sent = self.sent = base / "sent"
        sent.touch()
        sent.chmod(0o666)
        sendmail = base / "sendmail"
        sendmail.write_text(SENDMAIL.format(sent=sent))
        sendmail.chmod(0o755)
        (base / "redirect.sieve").write_text('redirect "elsewhere@example.net";\n')
        (base / "redirect.sieve").chmod(0o644)
        configuration = base / "martlet.conf"
        text = configuration.read_text().replace(f"state_dir = {base}/state", f"state_dir = {base}/disk/state")
        # What was put off while the clock was ahead waits no longer than the longest pause.
        text += f"sendmail_path = {sendmail}\noutgoing_queue_retry_min = 2 s\noutgoing_queue_retry_max = 5 s\n"
        if self.options.format == "pack":
            text += "mail_driver = pack\n"
        configuration.write_text(text)

    def martlet(self, *words):
        """A verb of the command line: status and what it prints."""
        run = subprocess.run(
            [binary("martlet"), "-c", f"{self.server.directory}/martlet.conf", *words], capture_output=True, text=True,
            timeout=300)
        return run.returncode, run.stdout + run.stderr

    # The daemon's hard life.

    def torment(self, until, kills_mail):
        while time.monotonic() < until:
            choice = self.random.random()
            if choice < 0.45:
                role = self.random.choice(["mail", "mail", "auth", "submit"] if kills_mail else ["auth", "submit"])
                back = faults.kill(self.server, role)
                if back is None:
                    self.ledger.fault(f"the role {role} does not come back")
                self.note(f"killed {role}")
                self.slowest = max(getattr(self, "slowest", 0), back or 60)
            elif choice < 0.7 and self.disk.is_mounted:
                if self.disk.fill():
                    self.note("disk full")
                time.sleep(self.random.uniform(0.5, 3))
                self.disk.free()
            elif self.clock.environment:
                self.clock.set(self.random.choice([3600, -1800, 86_400, 2 * 86_400, -60, 0]))
                self.note("clock jumps")
            end = min(until, time.monotonic() + self.random.uniform(0.5, 4))
            while time.monotonic() < end:
                time.sleep(0.2)
                self.sample()

    def note(self, what):
        self.done[what] = self.done.get(what, 0) + 1

    def sample(self):
        if not self.samples or time.monotonic() - self.samples[-1][0] > self.options.seconds / 200:
            self.samples.append((time.monotonic(), faults.measure(self.server)))

    def run(self):
        server = self.server.start()
        self.install()
        kinds = [load.Deliveries] * 4 + [load.Mailboxes] * 3 + [load.Idlers] * 3 + [load.PostOffice] * 2 + [load.Scripts]
        workers = [kind(self, number) for number, kind in enumerate(kinds)]
        for worker in workers:
            worker.start()
        began = time.monotonic()
        seconds = self.options.seconds
        self.torment(began + seconds / 3, kills_mail=True)
        self.torment(began + seconds * 0.9, kills_mail=False)
        self.disk.free()
        self.clock.set(0)
        while time.monotonic() < began + seconds:
            time.sleep(0.2)
            self.sample()
        self.stop.set()
        for worker in workers:
            worker.join(90)
        check("clients end", not any(worker.is_alive() for worker in workers), "some hang")
        for kind in dict.fromkeys(kinds):
            done = sum(worker.done for worker in workers if isinstance(worker, kind))
            refused = sum(worker.refused for worker in workers if isinstance(worker, kind))
            print(f"# {kind.__name__}: {done} done, {refused} refused or cut off", flush=True)
            check(f"{kind.__name__} got through", done > 0, "nothing was done")
        print("# " + ", ".join(f"{what}: {count}" for what, count in sorted(self.done.items())), flush=True)
        ok(f"killed roles are back within {getattr(self, 'slowest', 0) * 1000:.0f} ms")
        for thing, is_there in (("a file system of fixed size", self.disk.is_mounted), ("jumps of the clock", self.clock.environment)):
            if not is_there:
                skip(f"soak with {thing}", "not possible here")
        self.verdict(server)

    def install(self):
        status, text = self.martlet(
            "sieve", "put", "-u", self.redirected, "-a", "main", f"{self.server.directory}/redirect.sieve")
        if status != 0:
            fail("script", text)

    # What must be true in the end.

    def verdict(self, server):
        check("the queue is empty", wait_until(self.queue_is_empty, 120, 0.5), self.martlet("queue", "list")[1][-300:])
        self.account("all there once")
        self.check_redirects()
        status, text = self.martlet("verify")
        equal("martlet verify finds nothing", (status, text[-500:] if status else ""), (0, ""))
        self.check_flat()
        equal("stops cleanly", server.stop(), 0)
        server.start()
        self.account("all there once after a restart")
        equal("no wrong answers", self.ledger.faults[:5], [])
        if self.options.report:
            self.write_report()

    def queue_is_empty(self):
        status, text = self.martlet("queue", "list")
        return status == 0 and "elsewhere@example.net" not in text

    def account(self, name):
        wrong = []
        for user in self.receivers:
            if user != self.redirected:
                wrong += self.ledger.check(user, marks_of(self.server.ports["imap"], user, PASSWORD, self.ledger))
        check(f"{name}: {self.ledger.total()} messages were acknowledged", not wrong, "; ".join(wrong)[:1000])

    def check_redirects(self):
        """Each mail that was taken has left; one that left just before a kill may have left twice."""
        left = self.sent.read_text().split()
        acked = self.ledger.acked[self.redirected]
        missing = acked - set(left) - set(marks_of(self.server.ports["imap"], self.redirected, PASSWORD, self.ledger))
        check(f"{len(acked)} redirected mails have left", not missing, f"missing {sorted(missing)[:5]}")
        print(f"# of {len(left)} redirected mails {len(left) - len(set(left))} left twice", flush=True)

    def check_flat(self):
        """Over the second half the mail role was never killed: between its quarters it may not grow by much."""
        half = [sample for sample in self.samples if "mail" in sample[1]]
        half = half[len(half) // 2:]
        for what, index, slack in (("memory in KiB", 0, 16 << 10), ("descriptors", 1, 24)):
            values = [sample[1]["mail"][index] for sample in half]
            if len(values) < 8:
                continue
            quarter = len(values) // 4
            first, last = (sorted(part)[len(part) // 2] for part in (values[:quarter], values[-quarter:]))
            print(f"# mail role, {what}: median {first} in the first quarter of the second half, {last} in the last", flush=True)
            check(f"{what} stay flat", last <= first * 1.25 + slack, f"{first} grew to {last}")

    def write_report(self):
        with open(self.options.report, "w") as file:
            file.write(f"seed {self.seed}, {self.options.seconds} s, {self.options.format}\n")
            file.write(", ".join(f"{what}: {count}" for what, count in sorted(self.done.items())) + "\n")
            file.write(f"acknowledged: {self.ledger.total()}\n\nseconds, then KiB and descriptors of each role\n")
            for at, sample in self.samples:
                row = "  ".join(f"{role} {kib} {count}" for role, (kib, count) in sample.items())
                file.write(f"{at - self.samples[0][0]:7.0f}  {row}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--format", choices=["maildir", "pack"], default="maildir")
    parser.add_argument("--report")
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    soak = Soak(options)
    try:
        soak.run()
    finally:
        if soak.server.process is not None:
            soak.server.stop()
        soak.disk.unmount()
    finish()


if __name__ == "__main__":
    main()
