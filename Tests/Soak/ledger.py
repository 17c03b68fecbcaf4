"""What the server promised, message by message, and whether it kept it."""

import collections
import imaplib
import re
import threading


class Ledger:
    """Messages are known by a mark in their subject; each has been sent at most once."""

    def __init__(self, users):
        self.lock = threading.Lock()
        self.sent = {user: set() for user in users}
        self.acked = {user: set() for user in users}
        # Asked for, and answered with OK.
        self.removing = {user: set() for user in users}
        self.removed = {user: set() for user in users}
        self.uids = {}
        self.faults = []

    def send(self, user, mark):
        with self.lock:
            self.sent[user].add(mark)

    def ack(self, user, mark):
        with self.lock:
            self.acked[user].add(mark)

    def remove(self, user, marks):
        with self.lock:
            self.removing[user] |= set(marks)

    def ack_removal(self, user, marks):
        with self.lock:
            self.removed[user] |= set(marks)

    def fault(self, text):
        with self.lock:
            self.faults.append(text)
        print(f"# fault: {text}", flush=True)

    def seen(self, user, mailbox, validity, uid, mark):
        """A UID always names the same message."""
        with self.lock:
            known = self.uids.setdefault((user, mailbox, validity, uid), mark)
        if known != mark:
            self.fault(f"{user} {mailbox} uid {uid} was {known}, is {mark}")

    def total(self):
        with self.lock:
            return sum(len(marks) for marks in self.acked.values())

    def check(self, user, found):
        """What is wrong with the marks that `user` has in all mailboxes, while nothing changes."""
        with self.lock:
            sent, acked = set(self.sent[user]), set(self.acked[user])
            removing, removed = set(self.removing[user]), set(self.removed[user])
        wrong = []
        count = collections.Counter(found)
        lost = sorted(acked - removing - set(count))
        twice = sorted(mark for mark, number in count.items() if number > 1 and mark in acked)
        foreign = sorted(set(count) - sent)
        back = sorted(set(count) & removed)
        for word, marks in (("lost", lost), ("twice", twice), ("foreign", foreign), ("back again", back)):
            if marks:
                wrong.append(f"{user}: {word} {len(marks)}: {marks[:5]}")
        return wrong


def marks_of(port, user, password, ledger):
    """The marks of all messages in all mailboxes of a user."""
    found = []
    with imaplib.IMAP4("127.0.0.1", port, timeout=120) as imap:
        imap.login(user, password)
        _, rows = imap.list()
        names = [re.search(rb'"/" "?([^"]+)"?$', row)[1].decode() for row in rows if b"\\Noselect" not in row]
        for name in names:
            status, data = imap.select(f'"{name}"', readonly=True)
            if status != "OK":
                ledger.fault(f"{user}: EXAMINE {name}: {data}")
                continue
            validity = imap.response("UIDVALIDITY")[1][0]
            last = 0
            _, data = imap.uid("FETCH", "1:*", "(UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            for part in data:
                if not isinstance(part, tuple):
                    continue
                uid = int(re.search(rb"UID (\d+)", part[0])[1])
                mark = re.search(rb"Subject: (\S+)", part[1])
                mark = mark[1].decode() if mark else f"no subject at {uid}"
                if uid <= last:
                    ledger.fault(f"{user} {name}: UIDs do not ascend")
                last = uid
                ledger.seen(user, name, validity, uid, mark)
                found.append(mark)
    return found
