"""A plain rsync of a running server is a backup: volume and mail are copied while mail comes and flags change, in both
formats and both orders; the original is destroyed; the copy has everything answered before the copy began."""

import imaplib
import os
import shutil
import subprocess
import threading

from martlet import Martlet, binary, check, equal, finish, skip, PASSWORD


def message(number):
    return (f"From: a@example.org\r\nSubject: m{number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
            + "".join(f"Line {line}\r\n" for line in range(number % 200))).encode()


def copy(source, target):
    """As Documentation/backup.md says: again while files vanish. How often."""
    for attempt in range(1, 40):
        status = subprocess.run(["rsync", "-a", "--exclude", "spare-*", f"{source}/", f"{target}/"], capture_output=True)
        if status.returncode == 0:
            return attempt
        if status.returncode != 24:
            raise RuntimeError(status.stderr.decode())
    raise RuntimeError("files vanish without end")


def run(driver, order):
    name = f"{driver}, {order[0]} first"
    server = Martlet(users=("alice", "bob"), extra=f"mail_driver = {driver}\n")
    server.start()
    answered = {}
    stopping = threading.Event()

    def work(user, number, until):
        imap = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"])
        imap.login(user, PASSWORD)
        imap.select("INBOX")
        while not until():
            status, data = imap.append("INBOX", None, None, message(number))
            uid = data[0].decode().split()[2].rstrip("]")
            answered[(user, uid)] = number
            if number % 7 == 0:
                imap.uid("store", uid, "+FLAGS", "(\\Seen)")
            if number % 11 == 0:
                imap.append("INBOX", None, None, message(900_000 + number))
            number += 1

    for user, first in (("alice", 0), ("bob", 100_000)):
        work(user, first, lambda: len([key for key in answered if key[0] == user]) >= 200)
    before = dict(answered)
    threads = [threading.Thread(target=work, args=(user, first, stopping.is_set))
               for user, first in (("alice", 10_000), ("bob", 110_000))]
    for thread in threads:
        thread.start()
    target = f"{server.directory}/copy"
    os.mkdir(target)
    passes = {part: copy(f"{server.directory}/{part}", f"{target}/{part}") for part in order}
    stopping.set()
    for thread in threads:
        thread.join()
    during = len(answered) - len(before)
    server.stop()
    for part in order:
        shutil.rmtree(f"{server.directory}/{part}")
        os.rename(f"{target}/{part}", f"{server.directory}/{part}")
    server.start()
    print(f"# {name}: {len(before)} messages before, {during} during the copy, passes {passes}", flush=True)
    for user in ("alice", "bob"):
        imap = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"])
        imap.login(user, PASSWORD)
        imap.select("INBOX", readonly=True)
        found = {}
        for item in imap.uid("fetch", "1:*", "(BODY.PEEK[])")[1]:
            if isinstance(item, tuple):
                found[item[0].decode().split("UID ")[1].split()[0]] = item[1]
        wrong = [uid for (whose, uid), number in before.items() if whose == user and found.get(uid) != message(number)]
        check(f"{name}: {user} has everything", not wrong, f"{len(wrong)} are missing or others: {wrong[:10]}")
    result = subprocess.run(
        [binary("martlet"), "-c", f"{server.directory}/martlet.conf", "verify"], capture_output=True, text=True, timeout=120)
    equal(f"{name}: verify is content", result.returncode, 0) or print(result.stdout[:2000], result.stderr)
    server.stop()


if shutil.which("rsync") is None:
    skip("rsync", "no rsync here")
else:
    for driver in ("maildir", "pack"):
        run(driver, ("home", "state"))
        run(driver, ("state", "home"))
finish()
