"""martlet why: a message's story, from arrival through scripts, moves and flags to its removal."""

import imaplib
import json
import smtplib
import subprocess

from martlet import PASSWORD, Martlet, binary, check, equal, finish, wait_until

SCRIPT = """require ["fileinto", "reject", "copy"];
if header :is "subject" "work" {
    fileinto "Work";
}
if header :is "subject" "spam" { discard; stop; }
if header :is "subject" "no" { reject "go away"; stop; }
"""


def main():
    server = Martlet(users=["alice", "bob"], extra="lmtp_save_to_detail_mailbox = no\n").start()

    def martlet(*words, given=None):
        result = subprocess.run(
            [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words], input=given, capture_output=True, text=True,
            timeout=60)
        return result.returncode, result.stdout, result.stderr

    def why(*words):
        status, out, err = martlet("why", "-f", "json", *words)
        return [] if status == 68 else json.loads(out)

    def story(*words):
        return [(row["event"], row["mailbox"], row["uid"], row["detail"]) for row in why(*words)]

    def deliver(subject, recipients=("alice",)):
        for recipient in recipients:
            with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
                try:
                    lmtp.sendmail("sender@example.org", [recipient], (
                        f"Received: from a by mta.example.org (Postfix) with ESMTP id 4ABC{subject}\r\n"
                        f"From: s@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nhi\r\n"))
                except smtplib.SMTPDataError:
                    pass
                except smtplib.SMTPRecipientsRefused:
                    pass

    deliver("first", ["alice", "bob"])
    equal("put a script", martlet("sieve", "put", "-u", "alice", "-a", "main", given=SCRIPT)[0], 0)
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login("alice", PASSWORD)
        imap.create("Work")
        imap.create("Archive")
    wait_until(lambda: False, 1.2)
    for subject in ["work", "spam", "no"]:
        deliver(subject)

    rows = why("<first@example.org>")
    equal("two got it", sorted({row["user"] for row in rows}), ["alice", "bob"])
    equal("the queue id", {row["queue-id"] for row in rows if row["event"] == "received"}, {"4ABCfirst"})
    equal("by queue id", [row["user"] for row in why("4ABCfirst")], [row["user"] for row in rows])
    equal("of one", {row["user"] for row in why("-u", "bob", "first@example.org")}, {"bob"})
    received = [row for row in rows if row["event"] == "received" and row["user"] == "alice"][0]
    equal("the envelope", (received["sender"], received["recipient"], received["service"]),
          ("sender@example.org", "alice", "lmtp"))

    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login("alice", PASSWORD)
        imap.xatom("ID", '("name" "Testbird" "version" "128.1")')
        imap.select("Work")
        imap.uid("STORE", "1", "+FLAGS", r"(\Seen $Todo)")
        imap.uid("MOVE", "1", "Archive")
        imap.select("Archive")
        imap.uid("COPY", "1", "INBOX")
        imap.uid("STORE", "1", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        address = "127.0.0.1"
    wanted = [
        ("received", "", "", ""), ("decided", "", "", 'main:3: fileinto "Work"'), ("stored", "Work", "1", ""),
        ("flags", "Work", "1", "+\\Seen $Todo"), ("moved", "Archive", "1", "from Work"),
        ("copied", "INBOX", "2", "from Archive"), ("flags", "Archive", "1", "+\\Deleted"), ("expunged", "Archive", "1", ""),
        ("is", "INBOX", "2", "\\Seen $Todo"),
    ]
    equal("the story by Message-ID", story("work@example.org"), wanted)
    equal("the same from its end", story("-u", "alice", "INBOX", "2"), wanted)
    equal("and from its middle", story("-u", "alice", "Work", "1"), wanted)
    moved = [row for row in why("work@example.org") if row["event"] == "moved"][0]
    equal("whose doing", (moved["client"], moved["service"], moved["address"]), ("Testbird 128.1", "imap", address))
    equal("discarded", story("spam@example.org"),
          [("received", "", "", ""), ("decided", "", "", "main:5: discard"), ("discarded", "", "", "")])
    equal("rejected", story("no@example.org"),
          [("received", "", "", ""), ("decided", "", "", "main:6: reject: go away"), ("rejected", "", "", "go away")])
    status, out, err = martlet("why", "unknown@example.org")
    check("unknown", status == 68 and "nothing is known" in err, f"{status} {err}")
    status, out, err = martlet("why", "work@example.org")
    print("# " + out.replace("\n", "\n# "))
    check("as a story", 'script main:3: fileinto "Work"' in out and "by Testbird 128.1 (imap) from 127.0.0.1" in out, out)

    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login("alice", PASSWORD)
        imap.append("Archive", None, None, b"Subject: mine\r\nMessage-ID: <mine@example.org>\r\n\r\nx\r\n")
    equal("appended", story("mine@example.org"), [("appended", "Archive", "2", ""), ("is", "Archive", "2", "")])
    martlet("expunge", "-u", "alice", "mailbox", "Archive", "all")
    rows = why("mine@example.org")
    equal("removed by an administrator", (rows[-1]["event"], rows[-1]["service"]), ("expunged", "martlet"))
    equal("stops cleanly", server.stop(), 0)
    equal("the story of a stopped daemon", story("work@example.org"), wanted)
    finish()


if __name__ == "__main__":
    main()
