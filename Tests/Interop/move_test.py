"""`account move` of all that is a user's own, there and back, while sessions of the user and of others are in it and mail comes in: no client ever
hears of a message or a mailbox that is gone, sessions end with BYE [UNAVAILABLE] or go on, and nothing is lost or there twice."""

import pathlib
import smtplib
import socket
import subprocess
import threading
import time

import imapwire
from martlet import PASSWORD, Martlet, binary, check, equal, finish, wait_until

SHARING = """
acl_driver = vfile
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  list = children
  subscriptions = no
}
namespace archive {
  prefix = Archive/
  separator = /
  mail_path = ~/archive
}
"""
MESSAGES = 120
MAILBOXES = ("INBOX", "Work", "Archive/Old")
WORK = "shared/alice/Work"
# What would tell a client that something is gone.
LOSSES = (b"NONEXISTENT", b"TRYCREATE", b"EXPUNGEISSUED", b"does not exist")


def text(subject):
    return f"From: a@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nbody {subject}\r\n".encode()


def martlet(server, *words):
    done = subprocess.run(
        [binary("martlet"), *words, "-c", f"{server.directory}/martlet.conf"], capture_output=True, text=True,
        timeout=120)
    return done.returncode, done.stdout + done.stderr


def login(server, user):
    client = imapwire.Client(server.ports["imap"])
    client.ok("LOGIN", user, PASSWORD)
    return client


class Role(threading.Thread):
    """A client at work until it is told to stop; what it hears that it must not is kept."""

    def __init__(self, server, name):
        super().__init__(daemon=True)
        self.server = server
        self.name = name
        self.stopping = threading.Event()
        self.ready = threading.Event()
        self.wrong = []
        self.byes = 0
        self.rounds = 0
        self.start()

    def hear(self, responses):
        for response in responses:
            if response.kind in ("EXPUNGE", "VANISHED") or any(word in response.wire for word in LOSSES):
                self.wrong.append(repr(response))
            if response.kind == "BYE":
                self.byes += 1
                if response.code != ["UNAVAILABLE"]:
                    self.wrong.append(repr(response))
        return responses

    def command(self, client, *words):
        """The responses up to the tagged one, or to the BYE instead of it."""
        found = []
        try:
            tag = client.send(*words)
            while not found or found[-1].tag != tag and found[-1].kind != "BYE":
                found.append(client.response())
        except (imapwire.Closed, OSError) as error:
            # A BYE is all that may stand before the end.
            if not found or found[-1].kind != "BYE":
                found = self.rest(client, error)
        self.hear(found)
        return found[-1].kind if found else "BYE"

    def rest(self, client, error):
        """What the server said before it closed the connection that was just written to."""
        try:
            return [client.response()]
        except (imapwire.Closed, OSError):
            self.wrong.append(f"closed without BYE: {error!r}")
            return []

    def run(self):
        try:
            while not self.stopping.is_set():
                self.work()
        except Exception as error:  # noqa: BLE001: told by the test
            self.wrong.append(repr(error))
        self.ready.set()

    def end(self):
        self.stopping.set()
        self.join(60)
        self.check()

    def check(self):
        check(f"{self.name} hears nothing wrong", not self.wrong, self.wrong[:5])


class Waiter(Role):
    """Idles, or waits for what NOTIFY tells; comes again after a BYE."""

    def __init__(self, server, name, user, mailbox, notify=None):
        self.user, self.mailbox, self.notify = user, mailbox, notify
        super().__init__(server, name)

    def work(self):
        client = login(self.server, self.user)
        if self.mailbox and self.command(client, "SELECT", self.mailbox) != "OK":
            return
        if self.notify:
            if self.command(client, "NOTIFY", "SET", self.notify) != "OK":
                return
        else:
            client.send("IDLE")
            self.hear([client.response()])
        self.rounds += 1
        self.ready.set()
        while not self.stopping.is_set():
            if client.has_input(0.05):
                if self.hear([client.response()])[0].kind == "BYE":
                    break
        client.close()


class Worker(Role):
    """Asks for everything again and again, and puts messages in."""

    def __init__(self, server, name, user, mailbox, other):
        self.user, self.mailbox, self.other = user, mailbox, other
        self.kept = []
        super().__init__(server, name)

    def work(self):
        client = login(self.server, self.user)
        if self.command(client, "SELECT", self.mailbox) != "OK":
            return
        commands = [
            ("LIST", '""', "*"), ("NOOP",), ("STATUS", self.other, "(MESSAGES)"), ("UID", "SEARCH", "BODY", "body"),
            ("UID", "FETCH", "1:5", "(FLAGS BODY.PEEK[])"), ("UID", "STORE", "3", "+FLAGS", "(\\Flagged)"),
            ("STATUS", self.mailbox, "(MESSAGES)"),
        ]
        while not self.stopping.is_set():
            for command in commands:
                kind = self.command(client, *command)
                if kind == "BYE":
                    return
                if kind == "BAD":
                    self.wrong.append(f"BAD to {command}")
            subject = f"{self.name.replace(' ', '-')}-{len(self.kept)}-{self.rounds}"
            self.rounds += 1
            kind = self.command(client, "APPEND", self.other, text(subject))
            if kind == "OK":
                self.kept.append(subject)
            if kind == "BYE":
                return
            self.ready.set()
            time.sleep(0.01)


class Sender(Role):
    """Delivers by LMTP: taken, or to be tried again."""

    def __init__(self, server):
        self.kept = []
        super().__init__(server, "LMTP")

    def work(self):
        subject = f"lmtp-{self.rounds}"
        self.rounds += 1
        with smtplib.LMTP("127.0.0.1", self.server.ports["lmtp"]) as client:
            client.ehlo("test")
            client.mail("sender@example.org")
            answers = [client.rcpt("alice")]
            if answers[0][0] == 250:
                answers.append(client.data(text(subject)))
        if answers[-1][0] == 250:
            self.kept.append(subject)
        elif answers[-1][0] // 100 != 4:
            self.wrong.append(answers[-1])
        self.ready.set()
        time.sleep(0.01)


class POP3:
    """A session that has the account open when it moves."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["pop3"]), 30)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.command("USER alice")
        check("POP3 login", self.command(f"PASS {PASSWORD}").startswith(b"+OK"))

    def command(self, line):
        try:
            self.socket.sendall(line.encode() + b"\r\n")
        except OSError:
            pass
        try:
            return self.file.readline()
        except OSError:
            return b""


def picture(server):
    """UIDVALIDITY, and UIDs by subject, of each mailbox."""
    client = login(server, "alice")
    found = {}
    for mailbox in MAILBOXES:
        responses = client.ok("SELECT", mailbox)
        validity = next(r.code[1] for r in responses if r.code and r.code[0] == "UIDVALIDITY")
        uids = {}
        for response in client.ok("UID", "FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"):
            if response.kind == "FETCH":
                items = response.items()
                head = next(value for name, value in items.items() if name.startswith("BODY["))
                uids.setdefault(head.split(b":", 1)[1].strip().decode(), []).append(int(items["UID"]))
        found[mailbox] = (validity, uids)
    client.close()
    return found


PACKED = ("to pack", "to another volume")


def files(server):
    """How many messages of the further namespace are files."""
    root = pathlib.Path(server.home("alice")) / "archive"
    return sum(1 for path in root.rglob("*") if path.is_file() and path.parent.name in ("cur", "new"))


def move(server, label, *target):
    before = picture(server)
    pop3 = POP3(server)
    still = login(server, "alice")
    idler = Waiter(server, "an idling session", "alice", "INBOX")
    reader = Waiter(server, "an idling reader of a shared mailbox", "bob", WORK)
    other = Waiter(server, "a session idling in another namespace", "alice", "Archive/Old")
    watcher = Waiter(
        server, "a session with NOTIFY", "alice", None, "(PERSONAL (MessageNew MessageExpunge MailboxName))")
    foreign = Waiter(
        server, "another user's session with NOTIFY", "bob", None,
        f"(SUBTREE {WORK} (MessageNew MessageExpunge MailboxName))")
    worker = Worker(server, "the user at work", "alice", "INBOX", "Work")
    guest = Worker(server, "another user at work", "bob", WORK, WORK)
    sender = Sender(server)
    roles = [idler, reader, other, watcher, foreign, worker, guest, sender]
    for role in roles:
        role.ready.wait(30)
    status, output = martlet(server, "account", "move", "-u", "alice", *target)
    equal(f"{label}: moved", status, 0)
    rounds = [worker.rounds, guest.rounds, sender.rounds]
    check(
        f"{label}: everybody goes on",
        wait_until(lambda: all(now.rounds > then for now, then in zip((worker, guest, sender), rounds))),
        output)
    check(f"{label}: the idling session is asked to come again", wait_until(lambda: idler.rounds == 2), idler.byes)
    check(f"{label}: the idling reader is asked to come again", wait_until(lambda: reader.rounds >= 2), reader.byes)
    for role in roles:
        role.end()
    check(f"{label}: idling sessions hear one BYE", idler.byes == 1 and reader.byes == 1, (idler.byes, reader.byes))
    goodbye = still.response()
    check(f"{label}: a session without a mailbox", goodbye.kind == "BYE" and goodbye.code == ["UNAVAILABLE"], goodbye)
    answer = pop3.command("RETR 1")
    check(f"{label}: POP3", answer.startswith(b"-ERR [SYS/TEMP]"), answer)

    after = picture(server)
    for mailbox in MAILBOXES:
        equal(f"{label}: UIDVALIDITY of {mailbox}", after[mailbox][0], before[mailbox][0])
        lost = [s for s, uids in before[mailbox][1].items() if after[mailbox][1].get(s) != uids]
        check(f"{label}: all UIDs of {mailbox} stay", not lost, lost[:5])
        twice = [s for s, uids in after[mailbox][1].items() if len(uids) > 1]
        check(f"{label}: nothing is twice in {mailbox}", not twice, twice[:5])
    check(f"{label}: what LMTP took is there", set(sender.kept) <= set(after["INBOX"][1]))
    check(f"{label}: what APPEND took is there", set(worker.kept + guest.kept) <= set(after["Work"][1]))


def main():
    server = Martlet(users=("alice", "bob"), extra=SHARING)
    with open(f"{server.directory}/martlet.conf", "a") as file:
        file.write(f"volume two {{\n  path = {server.directory}/state/two\n}}\n")
    server.start()
    client = login(server, "alice")
    client.ok("CREATE", "Work")
    client.ok("CREATE", "Archive/Old")
    for number in range(MESSAGES):
        client.ok("APPEND", "INBOX", text(f"inbox-{number}"))
        client.ok("APPEND", "Work", text(f"work-{number}"))
        client.ok("APPEND", "Archive/Old", text(f"archive-{number}"))
    client.ok("SETACL", "Work", "bob", "lrswi")
    client.close()
    for step, (label, target) in enumerate([
            ("to pack", ("pack",)), ("to another volume", ("--volume", "two")), ("to maildir", ("maildir",)),
            ("and back", ("--volume", "default"))]):
        move(server, label, *target)
        equal(f"{label}: the archive's files", files(server), 0 if label in PACKED else MESSAGES)
        # Subjects are told apart by the move.
        client = login(server, "alice")
        for mailbox in ("INBOX", "Work"):
            client.ok("SELECT", mailbox)
            client.ok("UID", "STORE", f"{MESSAGES + 1}:*", "+FLAGS.SILENT", "(\\Deleted)")
            client.ok("EXPUNGE")
        client.close()
    for volume in ("two", "default"):
        moved = server.log().count(f"is in the volume {volume} now")
        equal(f"accounts that went to volume {volume}", moved, 2)
    faults = [line for line in server.log().splitlines() if "Panic" in line or "Fatal" in line]
    check("no faults in the log", not faults, faults[:5])
    server.stop()
    finish()


main()
