"""martlet sieve filter: shows, does on copies, and does it with the messages of a mailbox."""

import imaplib
import json
import subprocess

from martlet import PASSWORD, Martlet, binary, check, equal, finish

SCRIPT = """require ["fileinto", "imap4flags", "copy"];
if header :contains "subject" "work" { fileinto "Work"; }
elsif header :contains "subject" "both" { fileinto :copy "Work"; }
elsif header :contains "subject" "flag" { addflag "\\\\Flagged"; }
elsif header :contains "subject" "gone" { discard; }
"""


def main():
    server = Martlet(users=["alice"]).start()
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login("alice", PASSWORD)
    for name in ["Work", "Rest"]:
        imap.create(name)
    for subject in ["work", "both", "flag", "gone", "else"]:
        imap.append("INBOX", None, None, f"From: a@example.org\r\nSubject: {subject}\r\n\r\nx\r\n".encode())
    path = f"{server.directory}/filter.sieve"
    with open(path, "w") as file:
        file.write(SCRIPT)

    def martlet(*words, given=None):
        result = subprocess.run(
            [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words], input=given, capture_output=True, text=True,
            timeout=60)
        return result.returncode, result.stdout, result.stderr

    def filtered(*words):
        status, out, err = martlet("sieve", "filter", "-f", "json", "-u", "alice", *words)
        return status, [(row["uid"], row["what"]) for row in json.loads(out)] if out else err

    def subjects(mailbox):
        imap.select(mailbox, readonly=True)
        data = imap.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
        return sorted(item[1].decode().split(":")[1].strip() for item in data if isinstance(item, tuple))

    wanted = [("1", 'fileinto "Work"'), ("2", 'fileinto "Work"'), ("4", "discard")]
    status, rows = filtered("-q", path, "INBOX")
    equal("shows", (status, [row for row in rows if row in wanted]), (0, wanted))
    check("and does nothing", subjects("INBOX") == ["both", "else", "flag", "gone", "work"] and subjects("Work") == [])
    equal("only what is found", filtered("-q", path, "INBOX", "subject", "gone"), (0, [("4", "discard")]))
    status, rows = filtered("-e", path, "INBOX", "subject", "both")
    equal("-e copies", (status, subjects("Work"), len(subjects("INBOX"))), (0, ["both"], 5))
    status, rows = filtered("-e", "-W", path, "INBOX", "not", "subject", "both")
    equal("-W moves, keeps what is discarded",
          (status, subjects("Work"), subjects("INBOX")), (0, ["both", "work"], ["both", "else", "flag", "gone"]))
    imap.select("INBOX", readonly=True)
    equal("and flags", imap.search(None, "FLAGGED")[1][0].split(), [b"2"])
    status, rows = filtered("-e", "-W", "-D", "move:Rest", path, "INBOX", "subject", "gone")
    equal("-D move", (status, subjects("Rest"), subjects("INBOX")), (0, ["gone"], ["both", "else", "flag"]))
    status, rows = filtered("-e", "-W", "-D", "delete", path, "Rest")
    imap.select("Rest", readonly=True)
    equal("-D delete marks", imap.search(None, "DELETED")[1][0].split(), [b"1"])
    status, rows = filtered("-e", "-W", "-D", "expunge", path, "Rest")
    equal("-D expunge", (status, subjects("Rest")), (0, []))

    equal("put", martlet("sieve", "put", "-u", "alice", "own", given=SCRIPT)[0], 0)
    status, rows = filtered("own", "INBOX", "subject", "else")
    equal("a stored script", (status, [what for _, what in rows]), (0, ["keep"]))
    equal("no such script", filtered("none", "INBOX")[0], 68)
    status, out, err = martlet("sieve", "filter", "-u", "alice", "-", "INBOX", given="keepp;\n")
    check("a broken script", status == 65 and "line 1" in err, err)
    equal("no such mailbox", filtered(path, "Nowhere")[0], 68)
    imap.logout()
    server.stop()
    equal("needs the daemon", filtered(path, "INBOX")[0], 69)
    finish()


if __name__ == "__main__":
    main()
