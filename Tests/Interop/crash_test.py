"""The mail role is killed with SIGKILL at random moments while 8 LMTP and 2 IMAP sessions write.

Afterwards: every message that was answered 250 (or APPEND OK) is there exactly once, no UID was given twice, and
the mailboxes answer. Each round kills once; the daemon must come back by itself with its sockets open.
"""

import argparse
import collections
import imaplib
import os
import random
import re
import signal
import socket
import threading
import time

from martlet import Martlet, PASSWORD, check, equal, fail, finish, ok, wait_until

USERS = [f"user{number}" for number in range(8)]


class Acked:
    """What the server promised, by user; the uids that clients were told, by (user, uid)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {user: set() for user in USERS}
        self.sent = {user: set() for user in USERS}
        self.uids = {}

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
            users = rng.sample(USERS, rng.choice([1, 1, 1, 3]))
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
    options = parser.parse_args()
    print(f"# seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    server = Martlet(users=USERS).start()
    acked = Acked()
    stop = threading.Event()
    workers = [threading.Thread(target=lmtp_worker, args=(server, acked, n, stop), daemon=True) for n in range(8)]
    workers += [threading.Thread(target=imap_worker, args=(server, acked, n, stop), daemon=True) for n in range(2)]
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
    for worker in workers:
        worker.join(30)
    total = sum(len(marks) for marks in acked.messages.values())
    check("load ran", total > 20 * options.rounds / 10, f"only {total} messages were acked")
    if verify(server, acked, "after all rounds"):
        ok(f"{total} acked messages are there once each")
    # And the same from the files alone: a stop, a start.
    equal("stops cleanly", server.stop(), 0)
    server.start()
    if verify(server, acked, "after a restart"):
        ok("all there after a restart")
    finish()


if __name__ == "__main__":
    main()
