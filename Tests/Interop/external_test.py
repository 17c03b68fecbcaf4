"""Other programs change Maildirs while sessions have them open: everything is announced, and folders come and go."""

import contextlib
import email
import io
import mailbox
import os
import pathlib
import shutil
import socket
import time

from martlet import Martlet, PASSWORD, check, equal, finish


class Idler:
    """A session in IDLE; `wait` gives the lines up to one that holds a word."""

    def __init__(self, server, user, folder):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["imap"]))
        self.buffer = b""
        self.line()
        self.command(f"LOGIN {user} {PASSWORD}")
        self.command(f'SELECT "{folder}"')
        self.idle()

    def line(self, seconds=10):
        self.socket.settimeout(seconds)
        while b"\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode()

    def command(self, text):
        self.socket.sendall(f"x {text}\r\n".encode())
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith("x "):
                return lines

    def idle(self):
        self.socket.sendall(b"i IDLE\r\n")
        while not self.line().startswith("+"):
            pass

    def done(self):
        self.socket.sendall(b"DONE\r\n")
        while not self.line().startswith("i "):
            pass

    def wait(self, word, seconds=10):
        lines = []
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                lines.append(self.line(max(0.1, end - time.monotonic())))
                if word in lines[-1]:
                    return lines
        except TimeoutError:
            pass
        return None


@contextlib.contextmanager
def as_owner(server):
    """What is done to files in between is done by the mail's owner, so that no file is another's even for a moment."""
    if os.getuid() != 0:
        yield
        return
    # Python loads the parser when it is wanted, and the mail's owner may not be able to read that.
    email.message_from_binary_file(io.BytesIO(b"\n"))
    os.setegid(server.gid)
    os.seteuid(server.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def remove(path):
    """As `rm -r`, again when it could not: what the server has written there meanwhile it has not seen."""
    for attempt in range(5):
        try:
            return shutil.rmtree(path)
        except OSError:
            if attempt == 4:
                raise


def folders(server, user):
    session = Idler(server, user, "INBOX")
    session.done()
    names = sorted(line.rsplit(" ", 1)[1].strip('"') for line in session.command('LIST "" *') if line.startswith("* LIST"))
    session.socket.close()
    return names


def layout(server, user, place):
    """`place` gives the path of a folder's directory below the Maildir."""
    label = user
    root = server.maildir(user)
    inbox = Idler(server, user, "INBOX")

    # Python's own Maildir code is as good another program as any.
    theirs = mailbox.Maildir(str(root), factory=None, create=False)
    key = theirs.add(b"Subject: theirs\n\nx\n")
    check(f"{label}: new mail", inbox.wait("EXISTS"))
    message = theirs[key]
    message.set_subdir("cur")
    message.set_flags("FS")
    theirs[key] = message
    lines = inbox.wait("FLAGS")
    check(f"{label}: flags", lines and "\\Flagged" in lines[-1] and "\\Seen" in lines[-1], str(lines))
    theirs.remove(key)
    check(f"{label}: removal", inbox.wait("EXPUNGE"))

    # Who wants to be told of folders is told.
    watching = Idler(server, user, "INBOX")
    watching.done()
    watching.command("NOTIFY SET (personal (MailboxName))")
    watching.idle()
    (root / place("Told")).mkdir()
    time.sleep(0.2)
    for part in ("tmp", "new", "cur"):
        (root / place("Told") / part).mkdir()
    check(f"{label}: NOTIFY of a folder made", watching.wait("Told"))
    os.rename(root / place("Told"), root / place("Named"))
    check(f"{label}: NOTIFY of a folder renamed", watching.wait("Named"))
    remove(root / place("Named"))
    check(f"{label}: NOTIFY of a folder removed", watching.wait('(\\NonExistent) "/" Named'))
    watching.socket.close()

    # A folder made in one step.
    mailbox.Maildir(str(root / place("Made")), factory=None, create=True).add(b"Subject: in it\n\nx\n")
    equal(f"{label}: folder made", folders(server, user), ["INBOX", "Made"])
    # One that is looked at before it is whole.
    (root / place("Slow")).mkdir()
    equal(f"{label}: not yet a folder", folders(server, user), ["INBOX", "Made"])
    for part in ("tmp", "new", "cur"):
        (root / place("Slow") / part).mkdir()
    equal(f"{label}: a folder by now", folders(server, user), ["INBOX", "Made", "Slow"])
    (root / place("Slow/Deep")).mkdir()
    for part in ("tmp", "new", "cur"):
        (root / place("Slow/Deep") / part).mkdir()
    (root / place("Slow/Deep") / "new" / "1.M1P1.h").write_bytes(b"Subject: x\n\nx\n")
    equal(f"{label}: a subfolder", folders(server, user), ["INBOX", "Made", "Slow", "Slow/Deep"])

    # Removed and renamed below sessions.
    made, deep = Idler(server, user, "Made"), Idler(server, user, "Slow/Deep")
    polling = Idler(server, user, "Made")
    polling.done()
    os.rename(root / place("Slow/Deep"), root / place("Slow/Moved"))
    # To a session the messages of a mailbox that is gone are expunged, and it goes on.
    check(f"{label}: the messages of a renamed folder are gone", deep.wait("* 1 EXPUNGE"))
    if user == "tree":
        # By its parent's name.
        below = Idler(server, user, "Slow/Moved")
        os.rename(root / "Slow", root / "Quick")
        check(f"{label}: the messages of a renamed parent's child are gone", below.wait("* 1 EXPUNGE"))
        below.socket.close()
        os.rename(root / "Quick", root / "Slow")
    equal(f"{label}: renamed folder", folders(server, user), ["INBOX", "Made", "Slow", "Slow/Moved"])
    remove(root / place("Made"))
    check(f"{label}: the messages of a removed folder are gone", made.wait("* 1 EXPUNGE"))
    check(f"{label}: also for who does not idle", "* 1 EXPUNGE" in polling.command("NOOP"))
    for session in (deep, made):
        session.done()
    for session in (deep, made, polling):
        lines = session.command('APPEND "INBOX" {1+}\r\nx')[-1:] + session.command("UID FETCH 1:* FLAGS")
        check(f"{label}: such a session goes on", all(line.startswith("x OK") for line in lines), str(lines))
        session.socket.close()
    check(f"{label}: nothing of the folder is made again", not (root / place("Made")).exists())
    equal(f"{label}: removed folder", folders(server, user), ["INBOX", "Slow", "Slow/Moved"])
    check(f"{label}: other sessions go on", inbox.done() is None and inbox.command("NOOP")[-1].startswith("x OK"))

    # Gone and there again with other mail: no UID means another message than before.
    session = Idler(server, user, "Slow")
    session.done()
    status = 'STATUS "Slow/Moved" (MESSAGES UIDNEXT UIDVALIDITY)'
    first = session.command(status)[0]
    remove(root / place("Slow/Moved"))
    equal(f"{label}: STATUS of a removed folder", session.command('STATUS "Slow/Moved" (MESSAGES)')[-1][:5], "x NO ")
    mailbox.Maildir(str(root / place("Slow/Moved")), factory=None, create=True).add(b"Subject: again\n\nx\n")
    again = session.command(status)[0]
    check(f"{label}: a folder made again", "MESSAGES 1" in again and again != first, again)
    session.socket.close()
    inbox.socket.close()


def main():
    server = Martlet(users=["flat", "tree"])
    users = pathlib.Path(server.directory) / "users"
    users.write_text(users.read_text().replace("/tree::", "/tree::userdb_mail=maildir:~/Maildir:LAYOUT=fs"))
    server.start()
    for user in ("flat", "tree"):
        folders(server, user)
    with as_owner(server):
        layout(server, "flat", lambda name: "." + name.replace("/", "."))
        layout(server, "tree", lambda name: name)
    bad = [line for line in server.log().splitlines() if ("Warning" in line or "Error" in line) and "default_internal_user" not in line]
    check("nothing to complain about in the log", not bad, "\n".join(bad[:5]))


main()
finish()
