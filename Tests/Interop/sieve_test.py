"""Sieve at delivery, on a running daemon: fileinto, discard, redirect, and what a broken script does."""

import imaplib
import os
import pathlib
import smtplib

from martlet import Martlet, check, equal, finish, wait_until


def main():
    server = Martlet(users=["alice", "bob"])
    directory = pathlib.Path(server.directory)
    sent = directory / "sent"
    sent.mkdir()
    os.chmod(sent, 0o777)
    sendmail = directory / "sendmail"
    sendmail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} > "{sent}/$$"\n')
    os.chmod(sendmail, 0o755)
    with open(directory / "martlet.conf", "a") as file:
        file.write(f"""sendmail_path = {sendmail}
sieve_extensions {{
  extlists = yes
  imapflags = yes
  notify = yes
}}
sieve_extlists_list team {{
  name = tag:example.org,2026:team
  path = {directory}/team
}}
""")
    (directory / "team").write_text("# the team\nann@example.net\nben@example.net\n")
    server.start()

    def script(user, text):
        """As ManageSieve lays it out: ~/sieve/NAME.sieve and a relative link."""
        home = pathlib.Path(server.home(user))
        (home / "sieve").mkdir(parents=True, exist_ok=True)
        (home / "sieve" / "main.sieve").write_text(text)
        link = home / ".dovecot.sieve"
        if not link.is_symlink():
            link.symlink_to("sieve/main.sieve")
        for path in [home, home / "sieve", home / "sieve" / "main.sieve"]:
            os.chown(path, server.uid, server.gid)

    def deliver(users, subject):
        # One at a time: smtplib reads a single reply after DATA.
        for user in users:
            with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
                lmtp.sendmail("sender@example.org", [user],
                              f"From: s@example.org\r\nSubject: {subject}\r\n\r\nhello\r\n")

    def mails(user, folder=""):
        base = server.maildir(user) / folder
        return [path for kind in ("new", "cur") if (base / kind).exists() for path in (base / kind).iterdir()]

    # The first delivery makes the homes.
    deliver(["alice", "bob"], "first")
    script("alice", """require ["fileinto", "extlists"];
if header :contains "subject" "work" { fileinto "INBOX/Work"; }
elsif header :is "subject" "junk" { discard; }
elsif header :is "subject" "away" { redirect "other@example.net"; }
elsif header :is "subject" "team" { redirect :list "tag:example.org,2026:team"; }
elsif header :is "subject" "both" { redirect "other@example.net"; keep; }
""")
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login("alice", "pass")
        imap.create("INBOX/Work")
    wait_until(lambda: False, 1.2)  # a user without a script is not looked at again for a second

    deliver(["alice", "bob"], "work to do")
    equal("fileinto files", len(mails("alice", ".INBOX.Work")), 1)
    equal("only for its user", (len(mails("alice")), len(mails("bob"))), (1, 2))
    deliver(["alice"], "junk")
    equal("discard keeps nothing", len(mails("alice")), 1)
    deliver(["alice"], "away")
    check("redirect goes to sendmail", wait_until(lambda: len(list(sent.iterdir())) == 1, 10), server.log()[-1000:])
    text = next(sent.iterdir()).read_text()
    check("with sender and recipient", text.startswith("-i -f ") and "other@example.net" in text.splitlines()[0], text[:200])
    equal("and is kept nowhere", len(mails("alice")), 1)
    deliver(["alice"], "both")
    wait_until(lambda: len(list(sent.iterdir())) == 2, 10)
    equal("redirect and keep", (len(mails("alice")), len(list(sent.iterdir()))), (2, 2))
    deliver(["alice"], "team")
    check("redirect :list sends to every member", wait_until(lambda: len(list(sent.iterdir())) == 4, 10))
    to = {word for path in sent.iterdir() for word in path.read_text().splitlines()[0].split()}
    equal("and keeps nothing", ({"ann@example.net", "ben@example.net"} <= to, len(mails("alice"))), (True, 2))

    # Words from before RFC 5232 and RFC 5435, switched on above.
    script("bob", """require ["imapflags", "notify"];
if header :is "subject" "old words" {
  mark;
  notify :method "mailto" :options "pager@example.net" :message "new: $subject$";
}
""")
    wait_until(lambda: False, 1.2)
    deliver(["bob"], "old words")
    check("mark flags", any(path.name.endswith("F") for path in mails("bob")), [path.name for path in mails("bob")])
    check("notify tells", wait_until(lambda: any(
        "new: old words" in text and "pager@example.net" in text.splitlines()[0]
        for text in (path.read_text() for path in sent.iterdir())), 10))

    script("bob", 'if header :is "subject" { keep; }\nunknown;\n')
    wait_until(lambda: False, 1.2)
    deliver(["bob"], "with a broken script")
    equal("a broken script leaves mail in INBOX", len(mails("bob")), 4)
    log = pathlib.Path(server.home("bob")) / ".dovecot.sieve.log"
    check("the user's log says line and reason", log.exists() and "line 1, column 4:" in log.read_text() and "line 2, column 1:" in log.read_text(),
          log.read_text() if log.exists() else "no log")
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
