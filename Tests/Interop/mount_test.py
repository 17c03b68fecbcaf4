"""A Maildir that is not there, as when its file system is not mounted: nothing is forgotten, and all goes on when it is back."""

import imaplib
import os
import poplib
import smtplib
import subprocess

from martlet import Martlet, PASSWORD, binary, check, equal, finish

MAIL = b"From: a@example.org\r\nTo: alice@example.org\r\nSubject: %s\r\n\r\nText.\r\n"


def deliver(server, subject):
    """The LMTP status for a message to alice: of RCPT when that is refused."""
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as client:
        client.ehlo("localhost")
        client.mail("a@example.org")
        code, text = client.rcpt("alice")
        if code == 250:
            code, text = client.data(MAIL % subject.encode())
        return f"{code} {text.decode()}"[:9]


def imap(server, *commands):
    """The last line of each command's answer, after LOGIN's."""
    client = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    try:
        client.login("alice", PASSWORD)
    except imaplib.IMAP4.error as error:
        client.shutdown()
        return [str(error)]
    answers = []
    for command, *words in commands:
        kind, data = getattr(client, command)(*words)
        answers.append(f"{kind} {data[-1].decode()}")
    client.logout()
    return answers


def pop3(server):
    client = poplib.POP3("127.0.0.1", server.ports["pop3"])
    try:
        client.user("alice")
        client.pass_(PASSWORD)
        return client.stat()
    except poplib.error_proto as error:
        return str(error)
    finally:
        client.close()


def martlet(server, *words):
    run = subprocess.run(
        [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words], capture_output=True, text=True)
    return run.stdout + run.stderr


STATUS = ("status", "INBOX", "(MESSAGES UIDNEXT UIDVALIDITY)")


def main():
    server = Martlet(users=["alice"]).start()
    for subject in ("one", "two"):
        equal("delivery", deliver(server, subject), "250 2.0.0")
    imap(server, ("create", "Work"), ("subscribe", "Work"))
    before = imap(server, STATUS)
    check("before", "MESSAGES 2" in before[0], before)
    maildir = server.maildir("alice")
    away = f"{server.home('alice')}/away"
    for place in ("no directory", "an empty directory"):
        server.stop()
        os.rename(maildir, away)
        if place == "an empty directory":
            os.mkdir(maildir)
            os.chown(maildir, server.uid, server.gid)
        server.start()
        check(f"{place}: LMTP asks to come again", deliver(server, "late").startswith("451 4."), deliver(server, "late"))
        check(f"{place}: IMAP", "[UNAVAILABLE]" in imap(server, STATUS)[0], imap(server, STATUS))
        check(f"{place}: POP3", "[SYS/TEMP]" in str(pop3(server)), pop3(server))
        check(f"{place}: force-resync", "temporary" in martlet(server, "force-resync", "-u", "alice", "*"))
        check(f"{place}: the log says where", f"index knows is in {maildir}:" in server.log(), server.log()[-500:])
        equal(f"{place}: nothing is made", os.listdir(maildir) if maildir.exists() else [], [])
        if maildir.exists():
            os.rmdir(maildir)
        os.rename(away, maildir)
        equal(f"{place}: all is as it was, without a restart", imap(server, STATUS), before)
    # On purpose.
    said = martlet(server, "account", "begin-anew", "-u", "alice")
    check("begin-anew leaves mail alone", "no, its mail is there" in said, said)
    os.rename(maildir, away)
    said = martlet(server, "account", "begin-anew", "-u", "alice")
    check("begin-anew", "yes" in said, said)
    status = imap(server, STATUS)
    check("the account is empty", "MESSAGES 0" in status[0], status)
    equal("delivery into the new account", deliver(server, "new"), "250 2.0.0")
    check("and it is there", "MESSAGES 1" in imap(server, STATUS)[0])
    equal("without a folder", imap(server, ("select", "Work"))[0][:2], "NO")
    server.stop()


main()
finish()
