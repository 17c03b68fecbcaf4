"""The load of the soak test: clients of each protocol that note in the ledger what they were promised.

Each worker runs until `stop` is set, and begins again after whatever went wrong: what may go wrong is refused mail, a full
disk and connections that end, never a wrong answer.
"""

import imaplib
import poplib
import random
import re
import socket
import threading
import time

SIZES = [200, 2000, 4000, 4000, 60_000, 300_000]


class Worker(threading.Thread):
    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.number = soak, number
        self.ledger, self.ports, self.password = soak.ledger, soak.server.ports, soak.password
        self.random = random.Random(soak.seed * 1000 + number)
        self.count = 0
        self.done = 0
        self.refused = 0

    def run(self):
        while not self.soak.stop.is_set():
            try:
                self.session()
            except (OSError, EOFError, imaplib.IMAP4.error, poplib.error_proto):
                self.refused += 1
                time.sleep(0.1)

    def mark(self):
        self.count += 1
        return f"{type(self).__name__[0].lower()}{self.number}.{self.count}"

    def message(self, mark):
        size = self.random.choice(SIZES)
        text = (f"From: soak@example.org\r\nMessage-ID: <{mark}@soak.example>\r\nSubject: {mark}\r\n\r\n")
        return text.encode() + b"All work and no play makes a dull mail server.\r\n" * (size // 48)

    def imap(self, user):
        imap = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=60)
        imap.login(user, self.password)
        return imap


class Deliveries(Worker):
    """LMTP, to one or several users; those with a script that redirects are users too."""

    def session(self):
        with socket.create_connection(("127.0.0.1", self.ports["lmtp"]), 60) as connection:
            self.file = connection.makefile("rb")
            self.connection = connection
            self.expect(b"220")
            self.say(b"LHLO soak.example\r\n", b"250")
            for _ in range(self.random.randint(1, 40)):
                if self.soak.stop.is_set():
                    break
                self.deliver()
                time.sleep(self.soak.pause)

    def deliver(self):
        users = self.random.sample(self.soak.receivers, self.random.choice([1, 1, 1, 3]))
        mark = self.mark()
        self.say(b"MAIL FROM:<soak@example.org>\r\n", b"250")
        taken = []
        for user in users:
            if self.answer(b"RCPT TO:<%s>\r\n" % user.encode()).startswith(b"250"):
                taken.append(user)
        if not taken:
            self.refused += 1
            return self.say(b"RSET\r\n", b"250")
        self.say(b"DATA\r\n", b"354")
        for user in taken:
            self.ledger.send(user, mark)
        self.connection.sendall(self.message(mark) + b".\r\n")
        for user in taken:
            answer = self.line()
            if answer.startswith(b"250"):
                self.ledger.ack(user, mark)
                self.done += 1
            elif answer.startswith(b"4"):
                self.refused += 1
            else:
                self.ledger.fault(f"LMTP says {answer!r}")

    def answer(self, octets):
        self.connection.sendall(octets)
        return self.line()

    def say(self, octets, code):
        self.connection.sendall(octets)
        self.expect(code)

    def expect(self, code):
        line = self.line()
        if not line.startswith(code):
            raise OSError(f"{line!r}")

    def line(self):
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("closed")
            if line[3:4] != b"-":
                return line


class Mailboxes(Worker):
    """IMAP: appends, reads, searches, flags, moves and removes. Nobody else removes from these users' mailboxes."""

    def session(self):
        user = self.soak.owners[self.number % len(self.soak.owners)]
        with self.imap(user) as imap:
            imap.create("Archive")
            imap.select("INBOX")
            for _ in range(self.random.randint(1, 60)):
                if self.soak.stop.is_set():
                    return
                self.step(imap, user)
                time.sleep(self.soak.pause)

    def step(self, imap, user):
        choice = self.random.random()
        if choice < 0.3:
            mark = self.mark()
            self.ledger.send(user, mark)
            status, _ = imap.append("INBOX", None, None, self.message(mark))
            if status == "OK":
                self.ledger.ack(user, mark)
            else:
                self.refused += 1
        elif choice < 0.45:
            imap.fetch("1:*", "(UID FLAGS ENVELOPE)")
        elif choice < 0.55:
            imap.search(None, "TEXT", f'"{self.random.choice(["dull mail", "i1.1", "none such"])}"')
        elif choice < 0.7:
            imap.store("1:*", "+FLAGS", rf"(\Seen k{self.count % 5})")
        elif choice < 0.8:
            imap.noop()
        elif choice < 0.9:
            self.clean(imap, user)
        else:
            imap.uid("MOVE", f"{self.random.randint(1, 5000)}", "Archive")
        self.done += 1

    def clean(self, imap, user):
        """Keeps the mailboxes small."""
        mailbox = self.random.choice(["INBOX", "Archive"])
        if imap.select(mailbox)[0] != "OK":
            raise OSError("no mailbox")
        _, data = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        found = [(int(re.search(rb"UID (\d+)", part[0])[1]), re.search(rb"Subject: (\S+)", part[1])[1].decode())
                 for part in data if isinstance(part, tuple)]
        gone = found[:max(0, len(found) - self.soak.kept)]
        if gone:
            uids = ",".join(str(uid) for uid, _ in gone)
            marks = [mark for _, mark in gone]
            self.ledger.remove(user, marks)
            if imap.uid("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)")[0] == "OK":
                if imap.uid("EXPUNGE", uids)[0] == "OK":
                    self.ledger.ack_removal(user, marks)
        imap.select("INBOX")


class Idlers(Worker):
    """IMAP IDLE on a mailbox that others fill: the counts only grow but for EXPUNGE."""

    def session(self):
        user = self.random.choice(self.soak.owners)
        with self.imap(user) as imap:
            imap.select("INBOX")
            imap.send(b"x1 IDLE\r\n")
            end = time.monotonic() + self.random.uniform(1, 8)
            imap.sock.settimeout(1)
            while time.monotonic() < end and not self.soak.stop.is_set():
                try:
                    if not imap.sock.recv(65536):
                        raise OSError("closed")
                except socket.timeout:
                    pass
            imap.sock.settimeout(60)
            imap.send(b"DONE\r\n")
            self.done += 1
            # The answer and what else there is; the connection ends here.
            imap.sock.recv(65536)
            imap.shutdown()


class PostOffice(Worker):
    """POP3: reads everything, removes what is old."""

    def session(self):
        user = self.soak.pop_users[self.number % len(self.soak.pop_users)]
        pop = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=60)
        pop.user(user)
        pop.pass_(self.password)
        removed = []
        numbers = [int(row.split()[0]) for row in pop.list()[1]]
        for number in numbers[:max(0, len(numbers) - self.soak.kept)][:50]:
            lines = pop.retr(number)[1]
            subject = next(line for line in lines if line.startswith(b"Subject: "))
            removed.append(subject[9:].decode())
            pop.dele(number)
        self.ledger.remove(user, removed)
        pop.quit()
        self.ledger.ack_removal(user, removed)
        self.done += 1
        time.sleep(20 * self.soak.pause)


class Scripts(Worker):
    """ManageSieve: what was put is what is got."""

    def session(self):
        with socket.create_connection(("127.0.0.1", self.ports["sieve"]), 60) as connection:
            self.file = connection.makefile("rb")
            self.connection = connection
            self.answer()
            self.command(b'AUTHENTICATE "PLAIN" "AHNjcmlwdHMAcGFzcw=="\r\n')
            for _ in range(self.random.randint(1, 10)):
                if self.soak.stop.is_set():
                    return
                script = f"# {self.mark()}\r\nkeep;\r\n".encode()
                if self.command(b'PUTSCRIPT "soak" {%d+}\r\n%s\r\n' % (len(script), script))[0]:
                    good, text = self.command(b'GETSCRIPT "soak"\r\n')
                    if good and script not in text:
                        self.ledger.fault(f"a script came back as {text!r}")
                    self.done += 1
                self.command(b"LISTSCRIPTS\r\n")
                time.sleep(20 * self.soak.pause)

    def command(self, octets):
        self.connection.sendall(octets)
        return self.answer()

    def answer(self):
        text = b""
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("closed")
            if line.startswith((b"OK", b"NO", b"BYE")):
                return line.startswith(b"OK"), text
            text += line
