"""The mail role is killed with SIGKILL at random moments while LMTP, IMAP and POP3 sessions write.

8 LMTP and 2 IMAP sessions only add mail and flags. In two more accounts, messages are also moved, expunged and fetched away
by POP3, and mailboxes renamed.

Afterwards: every message that was answered 250 (or APPEND OK), and that nobody was about to remove, is there exactly once,
no UID was given twice, and the mailboxes answer. Each round kills once; the daemon must come back by itself with its
sockets open.
"""

import argparse
import collections
import imaplib
import os
import poplib
import random
import re
import signal
import socket
import threading
import time

from martlet import Martlet, PASSWORD, check, equal, fail, finish, ok, wait_until

USERS = [f"user{number}" for number in range(8)]
# Whose messages also move and go.
MOVERS = ["mover0", "mover1"]


class Acked:
    """What the server promised, by user; the uids that clients were told, by (user, uid)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {user: set() for user in USERS + MOVERS}
        self.sent = {user: set() for user in USERS + MOVERS}
        # What somebody has begun to remove.
        self.leaving = {user: set() for user in MOVERS}
        self.uids = {}
        self.done = collections.Counter()

    def add(self, user, mark):
        with self.lock:
            self.messages[user].add(mark)

    def seen(self, user, uid, mark):
        """A uid must always name the same message."""
        with self.lock:
            known = self.uids.setdefault((user, uid), mark)
        return known == mark


class LMTP:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.settimeout(10)
        self.file = self.socket.makefile("rb")
        self.expect(b"220")
        self.command(b"LHLO crash.test\r\n", b"250")

    def expect(self, code):
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("closed")
            if line[3:4] == b"-":
                continue
            if not line.startswith(code):
                raise ConnectionError(f"unexpected {line!r}")
            return

    def command(self, data, code):
        self.socket.sendall(data)
        self.expect(code)

    def deliver(self, users, mark, size):
        self.socket.sendall(
            b"MAIL FROM:<sender@crash.test>\r\n"
            + b"".join(b"RCPT TO:<%s>\r\n" % user.encode() for user in users) + b"DATA\r\n")
        self.expect(b"250")
        for _ in users:
            self.expect(b"250")
        self.expect(b"354")
        body = (b"x" * 70 + b"\r\n") * (size // 72)
        self.socket.sendall(
            b"From: sender@crash.test\r\nMessage-ID: <%s@crash.test>\r\nSubject: %s\r\n\r\n" % (mark, mark)
            + body + b".\r\n")
        for user in users:
            self.expect(b"250")
            yield user


def lmtp_worker(server, acked, number, stop):
    count = 0
    connection = None
    rng = random.Random(number)
    while not stop.is_set():
        try:
            if connection is None:
                connection = LMTP(server.ports["lmtp"])
            count += 1
            mark = f"l{number}.{count}"
            users = rng.sample(USERS + MOVERS, rng.choice([1, 1, 1, 3]))
            with acked.lock:
                for user in users:
                    acked.sent[user].add(mark)
            for user in connection.deliver(users, mark.encode(), rng.choice([200, 4000, 4000, 300_000])):
                acked.add(user, mark)
        except OSError:
            connection = None
            time.sleep(0.02)


def imap_worker(server, acked, number, stop):
    user = USERS[number]
    count = 0
    while not stop.is_set():
        try:
            with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=10) as imap:
                imap.login(user, PASSWORD)
                imap.select("INBOX")
                while not stop.is_set():
                    count += 1
                    mark = f"a{number}.{count}"
                    with acked.lock:
                        acked.sent[user].add(mark)
                    message = f"Message-ID: <{mark}@crash.test>\r\nSubject: {mark}\r\n\r\nhello\r\n".encode()
                    status, data = imap.append("INBOX", None, None, message)
                    if status != "OK":
                        continue
                    acked.add(user, mark)
                    uid = re.search(rb"APPENDUID \d+ (\d+)", data[0])
                    if uid and not acked.seen(user, int(uid[1]), mark):
                        fail("no uid twice", f"{user} uid {uid[1]} was another message")
                    imap.store("1:*", "+FLAGS", rf"(\Seen k{count % 5})")
        except (OSError, imaplib.IMAP4.error):
            time.sleep(0.02)


def mark_of(data):
    """The subject in the first part of a FETCH answer."""
    for part in data or []:
        if isinstance(part, tuple):
            found = re.search(rb"Subject: (\S+)", part[1])
            return found[1].decode() if found else None
    return None


def mailboxes(imap):
    status, data = imap.list()
    return [re.search(rb' "?([^" ]+)"?$', line)[1].decode() for line in data if line and b"Noselect" not in line]


def mover_worker(server, acked, number, stop):
    """Moves, flags, expunges and renames."""
    user = MOVERS[number]
    rng = random.Random(number)
    count = 0
    while not stop.is_set():
        try:
            with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=10) as imap:
                imap.login(user, PASSWORD)
                while not stop.is_set():
                    count += 1
                    names = mailboxes(imap)
                    others = [name for name in names if name != "INBOX"]
                    name = rng.choice(names)
                    step = rng.choice(["append", "append", "move", "move", "flags", "expunge", "rename"])
                    if step == "append":
                        mark = f"m{number}.{count}"
                        with acked.lock:
                            acked.sent[user].add(mark)
                        message = f"Message-ID: <{mark}@crash.test>\r\nSubject: {mark}\r\n\r\nhello\r\n".encode()
                        if imap.append(name, None, None, message)[0] == "OK":
                            acked.add(user, mark)
                    elif step == "rename":
                        if len(others) < 3:
                            imap.create(f"N{count}")
                        else:
                            imap.rename(rng.choice(others), f"R{number}x{count}")
                    else:
                        if imap.select(name)[0] != "OK":
                            continue
                        uids = imap.uid("SEARCH", "ALL")[1][0].split()
                        if not uids:
                            continue
                        uid = rng.choice(uids).decode()
                        if step == "move" and others:
                            imap.uid("MOVE", uid, rng.choice(names))
                        elif step == "flags":
                            imap.uid("STORE", uid, "+FLAGS", rf"(\Flagged k{count % 5})")
                        elif step == "expunge" and len(uids) > 20:
                            mark = mark_of(imap.uid("FETCH", uid, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1])
                            if mark is None:
                                continue
                            with acked.lock:
                                acked.leaving[user].add(mark)
                            imap.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
                            imap.uid("EXPUNGE", uid)
                    acked.done[step] += 1
        except (OSError, imaplib.IMAP4.error, AttributeError, TypeError):
            time.sleep(0.02)


def pop3_worker(server, acked, stop):
    """Takes the oldest message away."""
    user = MOVERS[1]
    while not stop.is_set():
        try:
            pop3 = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=10)
            try:
                pop3.user(user)
                pop3.pass_(PASSWORD)
                if pop3.stat()[0] > 20:
                    lines = pop3.retr(1)[1]
                    mark = next(line[9:].decode() for line in lines if line.startswith(b"Subject: "))
                    with acked.lock:
                        acked.leaving[user].add(mark)
                    pop3.dele(1)
                pop3.quit()
                acked.done["pop3"] += 1
            finally:
                pop3.close()
        except (OSError, poplib.error_proto, StopIteration):
            pass
        time.sleep(0.05)


def verify_movers(server, acked, name):
    everything = True
    for user in MOVERS:
        with acked.lock:
            promised = set(acked.messages[user])
        places = collections.defaultdict(list)
        with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=60) as imap:
            imap.login(user, PASSWORD)
            for box in mailboxes(imap):
                # Another session may have renamed it meanwhile: then the next look sees it.
                if imap.select(box, readonly=True)[0] != "OK":
                    return True
                validity = imap.response("UIDVALIDITY")[1][0]
                for part in imap.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
                    if not isinstance(part, tuple):
                        continue
                    uid = int(re.search(rb"UID (\d+)", part[0])[1])
                    mark = re.search(rb"Subject: (\S+)", part[1])[1].decode()
                    places[mark].append(box)
                    if not acked.seen((user, validity), uid, mark):
                        fail(name, f"{user} {box}: uid {uid} is now {mark}")
                        everything = False
        with acked.lock:
            wanted = promised - acked.leaving[user]
            sent = set(acked.sent[user])
        missing = sorted(wanted - set(places))
        doubled = sorted(mark for mark in wanted if len(places[mark]) > 1)
        if missing or doubled or set(mark for mark in places if places[mark]) - sent:
            fail(name, f"{user}: lost {missing[:5]}, twice {[(m, places[m]) for m in doubled[:5]]}")
            everything = False
    return everything


def verify(server, acked, name):
    everything = True
    for user in USERS:
        # What is acked from here on may come too late for the answers below.
        with acked.lock:
            promised = set(acked.messages[user])
        with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=60) as imap:
            imap.login(user, PASSWORD)
            status, data = imap.select("INBOX", readonly=True)
            if status != "OK":
                fail(name, f"{user}: SELECT {data}")
                return False
            status, data = imap.uid("FETCH", "1:*", "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            found = []
            last = 0
            for part in data:
                if not isinstance(part, tuple):
                    continue
                uid = int(re.search(rb"UID (\d+)", part[0])[1])
                mark = re.search(rb"Subject: (\S+)", part[1])[1].decode()
                if uid <= last:
                    fail(name, f"{user}: uids do not ascend")
                    everything = False
                last = uid
                found.append(mark)
                if not acked.seen(user, uid, mark):
                    fail(name, f"{user}: uid {uid} is now {mark}")
                    everything = False
            missing = promised - set(found)
            doubled = {mark for mark, count in collections.Counter(found).items() if count > 1 and mark in promised}
            with acked.lock:
                foreign = set(found) - acked.sent[user]
            if missing or doubled or foreign:
                fail(name, f"{user}: lost {sorted(missing)[:5]}, twice {sorted(doubled)[:5]}, foreign {sorted(foreign)[:5]}")
                everything = False
            # A body must be whole.
            if found:
                status, data = imap.fetch(str(len(found)), "(RFC822.SIZE BODY.PEEK[])")
                size = int(re.search(rb"RFC822.SIZE (\d+)", data[0][0])[1])
                if size != len(data[0][1]):
                    fail(name, f"{user}: size {size}, octets {len(data[0][1])}")
                    everything = False
    return everything


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--format", choices=["maildir", "pack"], default="maildir")
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    server = Martlet(users=USERS + MOVERS, extra=f"mail_driver = {options.format}\n").start()
    acked = Acked()
    stop = threading.Event()
    workers = [threading.Thread(target=lmtp_worker, args=(server, acked, n, stop), daemon=True) for n in range(8)]
    workers += [threading.Thread(target=imap_worker, args=(server, acked, n, stop), daemon=True) for n in range(2)]
    movers = threading.Event()
    workers += [threading.Thread(target=mover_worker, args=(server, acked, n, movers), daemon=True) for n in range(2)]
    workers.append(threading.Thread(target=pop3_worker, args=(server, acked, movers), daemon=True))
    for worker in workers:
        worker.start()
    slowest = 0.0
    for number in range(options.rounds):
        time.sleep(rng.uniform(0.05, 0.8))
        victim = server.role("mail")
        if victim is None:
            fail("kill", f"round {number}: no mail role")
            break
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        if not wait_until(lambda: server.role("mail") not in (None, victim) and server.answers(), 30, 0.005):
            fail("comes back", f"round {number}: not after 30 s")
            break
        slowest = max(slowest, time.monotonic() - began)
        if number % 10 == 9:
            verify(server, acked, f"round {number + 1}")
    else:
        ok(f"killed {options.rounds} times, back each time, within {slowest * 1000:.0f} ms")
    stop.set()
    movers.set()
    for worker in workers:
        worker.join(30)
    total = sum(len(marks) for marks in acked.messages.values())
    check("load ran", total > 20 * options.rounds / 10, f"only {total} messages were acked")
    check("all kinds of work were done", len(acked.done) == 6, f"only {dict(acked.done)}")
    print(f"# {dict(acked.done)}", flush=True)
    if verify(server, acked, "after all rounds") and verify_movers(server, acked, "movers after all rounds"):
        ok(f"{total} acked messages are there once each")
    # And the same from the files alone: a stop, a start.
    equal("stops cleanly", server.stop(), 0)
    server.start()
    if verify(server, acked, "after a restart") and verify_movers(server, acked, "movers after a restart"):
        ok("all there after a restart")
    finish()


if __name__ == "__main__":
    main()
