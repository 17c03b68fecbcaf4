"""martlet deliver, as a mail program calls it: by hand, from Postfix's mailbox_command, fetchmail and procmail.

System users deliver to themselves only, under their own ids; root to everybody. Needs root, for users of the system.
"""

import atexit
import imaplib
import os
import pathlib
import pwd
import re
import secrets
import shutil
import subprocess

from martlet import PASSWORD, Martlet, binary, check, equal, finish, skip, wait_until
from postfix_test import Postfix

NAMES = ["mtd" + secrets.token_hex(3) for _ in range(2)]
MAIL = b"From sender@example.org Sat Nov 21 12:00:00 2026\nSubject: %b\nMessage-ID: <%b@example.org>\n\nhello\n.\nFrom here\n"


def mail(subject):
    return MAIL % (subject, subject)


def main():
    if os.getuid() != 0:
        skip("deliver", "needs root, to make users of the system")
        finish()
    for name in NAMES:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)
        atexit.register(lambda name=name: subprocess.run(["userdel", "--remove", name], capture_output=True))
    first, second = NAMES
    home = pathlib.Path(os.path.expanduser("~" + first))
    server = Martlet(users=["alice"], extra="""
userdb passwd {
}
auth_username_format = %{user | username}
""")
    # In the MTA's place.
    sendmail, sent = (pathlib.Path(server.directory) / name for name in ("sendmail", "sent"))
    sendmail.write_text(f'#!/bin/sh\n(echo "args $@"; cat; echo "end of mail") >> {sent}\n')
    sendmail.chmod(0o755)
    os.chmod(server.directory, 0o777)
    with open(f"{server.directory}/martlet.conf", "a") as file:
        file.write(f"sendmail_path = {sendmail}\n")
    server.start()
    # Where every user can reach it.
    program = pathlib.Path(server.directory) / "martlet"
    shutil.copy(binary("martlet"), program)
    os.chmod(program, 0o755)

    def deliver(*options, given=b"", user=None):
        environment = dict(os.environ)
        if user:
            environment.update(HOME=os.path.expanduser("~" + user), USER=user)
        account = pwd.getpwnam(user) if user else None
        result = subprocess.run(
            [program, "deliver", "-c", f"{server.directory}/martlet.conf", *options], input=given, capture_output=True,
            timeout=60, env=environment, cwd="/",
            **(dict(user=account.pw_uid, group=account.pw_gid, extra_groups=[]) if account else {}))
        return result.returncode, result.stderr.decode()

    def mails(folder=""):
        base = home / "Maildir" / folder
        return [path for kind in ("new", "cur") if (base / kind).exists() for path in (base / kind).iterdir()]

    def text(subject):
        found = [path.read_bytes() for path in mails() if b"Subject: " + subject in path.read_bytes()]
        return found[0] if len(found) == 1 else b"%d found" % len(found)

    equal("a user delivers to himself", deliver(given=mail(b"own"), user=first), (0, ""))
    equal("From_ is gone, all else is there", text(b"own").replace(b"\r\n", b"\n"), mail(b"own").split(b"\n", 1)[1])
    equal("under his own ids", {path.stat().st_uid for path in mails()}, {pwd.getpwnam(first).pw_uid})
    status, err = deliver("-d", second, given=mail(b"other"), user=first)
    check("but to nobody else", status == 75 and "may not deliver" in err, f"{status} {err}")
    unknown, told = deliver("-d", "nobody-here", given=mail(b"none"), user=first)
    equal("nor is told who there is", (unknown, told.replace("nobody-here", second)), (status, err))
    for _ in range(30):
        deliver("-d", second, given=mail(b"other"), user=first)
    check("the log is not filled with it", server.log().count("may not deliver to") < 4)
    equal("root delivers to everybody", deliver("-d", first, "-f", "s@example.org", given=mail(b"root")), (0, ""))
    check("Return-Path of -f", text(b"root").startswith(b"Return-Path: <s@example.org>"), text(b"root")[:100])
    equal("also to virtual users", deliver("-d", "alice", "-a", "alice+x@example.org", given=mail(b"virtual"))[0], 0)
    equal("no such user", deliver("-d", "nobody-here", given=mail(b"none"))[0], 67)
    equal("nothing to deliver", deliver("-d", first)[0], 75)
    equal("an unknown option keeps the mail", deliver("--frobnicate", given=mail(b"option"))[0], 75)
    equal("a sender that is none", deliver("-d", first, "-f", "not an address <", given=mail(b"odd"))[0], 0)
    path = pathlib.Path(server.directory) / "message"
    path.write_bytes(mail(b"file"))
    equal("from a file", deliver("-d", first, "-p", str(path))[0], 0)
    large = b"Subject: large\n\n" + b"x" * 78 + b"\n"
    large += (b"y" * 78 + b"\n") * 60_000
    equal("4.7 MB", deliver("-d", first, given=large)[0], 0)
    equal("all of them", len(text(b"large").replace(b"\r\n", b"\n")), len(large))

    equal("a missing mailbox is INBOX", (deliver("-d", first, "-m", "Lists", given=mail(b"lists1"))[0], len(text(b"lists1")) > 20),
          (0, True))
    subprocess.run([binary("martlet"), "-c", f"{server.directory}/martlet.conf", "mailbox", "create", "-u", first, "Lists"],
                   check=True)
    equal("-m", (deliver("-d", first, "-m", "Lists", given=mail(b"lists2"))[0], len(mails(".Lists"))), (0, 1))

    subprocess.run(
        [binary("martlet"), "-c", f"{server.directory}/martlet.conf", "sieve", "put", "-a", "-u", first, "main"], check=True,
        input=b'require ["reject", "envelope", "fileinto"];\n'
              b'if header "subject" "no" { reject "go away"; }\n'
              b'if envelope :is "to" "list@example.org" { fileinto "Lists"; }\n'
              b'if header "subject" "gone" { discard; }\n')
    wait_until(lambda: False, 1.2)
    equal("without -e the refusal is mailed", deliver("-d", first, "-f", "s@example.org", given=mail(b"no")), (0, ""))
    check("once, by the MTA", wait_until(lambda: sent.exists() and sent.read_text().count("end of mail") == 1, 20),
          server.log()[-800:])
    refusal = sent.read_text() if sent.exists() else ""
    check("to the sender, from nobody, with the reason",
          "-f <> -- s@example.org" in refusal and "go away" in refusal and "disposition-notification" in refusal
          and "\nAuto-Submitted: auto-replied" in refusal, refusal[:1500])
    status, err = deliver("-d", first, "-e", "-f", "s@example.org", given=mail(b"no"))
    check("-e: a refused mail", status == 77 and "go away" in err, f"{status} {err}")
    equal("a discarded mail is delivered", deliver("-d", first, given=mail(b"gone")), (0, ""))
    equal("-a is the recipient for scripts",
          (deliver("-d", first, "-a", "list@example.org", given=mail(b"list"))[0], len(mails(".Lists"))), (0, 2))

    postfix(server, program, first, text)
    fetchmail(server, program, first, text)
    procmail(server, program, first, text)

    equal("stops cleanly", server.stop(), 0)
    status, err = deliver("-d", first, given=mail(b"down"))
    check("a daemon that is down", status == 75 and "cannot connect" in err, f"{status} {err}")
    finish()


def postfix(server, program, user, text):
    if shutil.which("smtp-source") is None:
        return skip("mailbox_command", "no smtp-source: install the package postfix")
    mta = Postfix(server.lmtp_socket)
    try:
        with open(mta.etc / "main.cf", "a") as file:
            file.write(f"mydestination = mta.martlet.test\nrecipient_delimiter = +\n"
                       f"mailbox_command = {program} deliver -c {server.directory}/martlet.conf -f \"$SENDER\" -a \"$RECIPIENT\"\n")
        mta.start()
        mta.send(5, 2, "postfix", f"{user}+ext@mta.martlet.test")
        base = pathlib.Path(os.path.expanduser("~" + user)) / "Maildir" / "new"

        def arrived():
            return [octets for octets in (path.read_bytes() for path in base.iterdir()) if b"Subject: postfix" in octets]

        check("mailbox_command: five arrive", wait_until(lambda: len(arrived()) == 5, 60), mta.log()[-2000:])
        sample = arrived()[0] if arrived() else b""
        check("mailbox_command: one Return-Path", sample.count(b"Return-Path: <sender@example.org>") == 1, sample[:300])
        check("mailbox_command: no From_", not sample.startswith(b"From "), sample[:100])
        check("mailbox_command: the log has the queue id",
              re.search(r"lda\([^)]*\).*queue-id=[0-9A-Za-z]{6,}", server.log()) is not None, server.log()[-800:])
        mta.send(1, 1, "no", f"{user}@mta.martlet.test")
        check("mailbox_command: the daemon is asked again later or refuses", wait_until(lambda: mta.queue_length() == 0, 60))
        server.stop()
        mta.send(3, 1, "waiting", f"{user}@mta.martlet.test")
        check("mailbox_command: mail waits while the daemon is down",
              wait_until(lambda: mta.log().count("status=deferred") >= 3, 30), mta.log()[-1500:])
        server.start()

        def waiting():
            mta.flush()
            return len([1 for path in base.iterdir() if b"Subject: waiting" in path.read_bytes()]) == 3

        check("mailbox_command: and arrives then", wait_until(waiting, 60, 1), mta.log()[-1500:])
    finally:
        mta.stop()


def fetchmail(server, program, user, text):
    if shutil.which("fetchmail") is None:
        return skip("fetchmail's mda", "fetchmail is not installed")
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login("alice", PASSWORD)
        imap.append("INBOX", None, None, b"Subject: fetched\r\n\r\n.dot\r\n")
    account = pwd.getpwnam(user)
    home = pathlib.Path(account.pw_dir)
    rc = home / ".fetchmailrc"
    rc.write_text(f"""
poll localhost service {server.ports['pop3']} protocol pop3
  user alice password {PASSWORD} sslproto tls1.2+ sslcertck sslcertfile {server.certificate}
  mda "{program} deliver -c {server.directory}/martlet.conf -f %F"
""")
    os.chmod(rc, 0o600)
    os.chown(rc, account.pw_uid, account.pw_gid)
    result = subprocess.run(
        ["fetchmail", "-f", str(rc), "-i", str(home / "ids"), "--pidfile", str(home / "pid")], capture_output=True, text=True,
        timeout=60, env=dict(os.environ, HOME=str(home)), user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd="/")
    equal("fetchmail's mda: status", result.returncode, 0) or print(result.stdout, result.stderr)
    check("fetchmail's mda: the mail is there", text(b"fetched").replace(b"\r\n", b"\n").endswith(b"\n\n.dot\n"), text(b"fetched"))


def procmail(server, program, user, text):
    if shutil.which("procmail") is None:
        return skip("procmail", "not installed")
    account = pwd.getpwnam(user)
    rc = pathlib.Path(account.pw_dir) / ".procmailrc"
    rc.write_text(f":0 w\n| {program} deliver -c {server.directory}/martlet.conf\n")
    os.chown(rc, account.pw_uid, account.pw_gid)
    os.chmod(rc, 0o600)
    result = subprocess.run(
        ["procmail", "-t", str(rc)], input=b"From x@y Sat Nov 21 12:00:00 2026\nSubject: procmail\n\nhi\n",
        capture_output=True, timeout=60, env=dict(os.environ, HOME=account.pw_dir, LOGNAME=user), user=account.pw_uid,
        group=account.pw_gid, extra_groups=[], cwd=account.pw_dir)
    equal("procmail: status", result.returncode, 0) or print(result.stderr)
    check("procmail: the mail is there", len(text(b"procmail")) > 20, text(b"procmail"))


if __name__ == "__main__":
    main()
