"""Sieve on IMAP events, as a site with Dovecot has it: scripts of the administrator that pipe, those of users in METADATA."""

import imaplib
import os
import pathlib
import subprocess

from martlet import Martlet, binary, check, equal, finish, wait_until

# As the documentation of Pigeonhole has them.
SPAM = """require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];
if environment :matches "imap.user" "*" { set "username" "${1}"; }
pipe :copy "learn.sh" [ "spam", "${username}" ];
"""
HAM = """require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];
if environment :matches "imap.mailbox" "*" { set "mailbox" "${1}"; }
if string "${mailbox}" "Trash" { stop; }
if environment :matches "imap.user" "*" { set "username" "${1}"; }
pipe :copy "learn.sh" [ "ham", "${username}" ];
"""

# RFC 6785 section 5, example 1, and one that sends on what is flagged.
ACTION_ITEMS = """require ["copy", "environment", "imapsieve"];
if anyof (environment :is "imap.cause" "APPEND", environment :is "imap.cause" "COPY") {
    if environment :is "imap.mailbox" "ActionItems" {
        redirect :copy "actionitems@example.com";
    }
}
"""
FLAGGED = """require ["imap4flags", "environment", "imapsieve", "copy"];
if allof (hasflag "\\\\Flagged", environment :contains "imap.changedflags" "\\\\Flagged") {
    redirect :copy "phone@example.com";
}
"""


def text(subject):
    return (f"From: ann@example.org\r\nTo: bob@example.net\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@example.org>\r\n\r\nx\r\n").encode()


def connect(server, user):
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login(user, "pass")
    return imap


def put(server, user, name, script):
    result = subprocess.run([binary("martlet"), "-c", f"{server.directory}/martlet.conf", "sieve", "put", "-u", user, name],
                            input=script, capture_output=True, text=True)
    check(f"script {name} is taken", result.returncode == 0, result.stdout + result.stderr)


imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")
server = Martlet(["alice", "bob"])
directory = pathlib.Path(server.directory)
out = directory / "out"
out.mkdir()
out.chmod(0o777)
(directory / "bin").mkdir()
for path, body in [
        (directory / "bin/learn.sh", f'#!/bin/sh\necho "$1 $2 $(sed -n "s/^Subject: //p" | tr -d "\\r")" >>{out}/learned\n'),
        (directory / "sendmail", f'#!/bin/sh\n(echo "args $@"; cat; echo "end") >>{out}/sent\n')]:
    path.write_text(body)
    path.chmod(0o755)
(directory / "spam.sieve").write_text(SPAM)
(directory / "ham.sieve").write_text(HAM)
for name in ("spam.sieve", "ham.sieve"):
    (directory / name).chmod(0o644)
with open(directory / "martlet.conf", "a") as configuration:
    configuration.write(f"""
imapsieve_url = sieve://127.0.0.1:{server.ports['sieve']}
sendmail_path = {directory}/sendmail
plugin {{
  imapsieve_mailbox1_name = Spam
  imapsieve_mailbox1_causes = COPY APPEND
  imapsieve_mailbox1_before = file:{directory}/spam.sieve
  imapsieve_mailbox2_name = *
  imapsieve_mailbox2_from = Spam
  imapsieve_mailbox2_causes = COPY
  imapsieve_mailbox2_before = file:{directory}/ham.sieve
  sieve_pipe_bin_dir = {directory}/bin
  sieve_global_extensions = +vnd.dovecot.pipe +vnd.dovecot.environment
}}
""")
server.start()
try:
    def lines(name):
        path = out / name
        return sorted(path.read_text().splitlines()) if path.exists() else []

    imap = connect(server, "alice")
    for mailbox in ("Spam", "Trash", "ActionItems"):
        imap.create(mailbox)
    for subject in ("one", "two"):
        imap.append("INBOX", None, None, text(subject))
    imap.select("INBOX")
    imap.uid("MOVE", "1:2", "Spam")
    wanted = ["spam alice one", "spam alice two"]
    wait_until(lambda: lines("learned") == wanted)
    equal("the administrator's script pipes what comes into Spam", lines("learned"), wanted)
    imap.select("Spam")
    imap.uid("MOVE", "1", "Trash")
    imap.uid("MOVE", "2", "INBOX")
    wanted = ["ham alice two"] + wanted
    wait_until(lambda: lines("learned") == wanted)
    equal("and what leaves it, but to Trash", lines("learned"), wanted)

    put(server, "alice", "items", ACTION_ITEMS)
    put(server, "alice", "flagged", FLAGGED)
    check("METADATA of the mailbox", imap._simple_command(
        "SETMETADATA", "ActionItems", '(/shared/imapsieve/script "items")')[0] == "OK")
    check("METADATA of the server", imap._simple_command(
        "SETMETADATA", '""', '(/shared/imapsieve/script "flagged")')[0] == "OK")

    def sent():
        return [line for line in lines("sent") if line.startswith("args ") or line.startswith("Subject: ")]

    imap.append("ActionItems", None, None, text("todo"))
    wait_until(lambda: any(line == "Subject: todo" for line in lines("sent")))
    check("RFC 6785, example 1: redirected", sum("actionitems@example.com" in line for line in sent()) == 1
          and "Subject: todo" in sent(), str(sent()))
    imap.select("INBOX")
    imap.store("1", "+FLAGS", "(\\Seen)")
    imap.store("1", "+FLAGS", "(\\Flagged)")
    imap.store("1", "+FLAGS", "(\\Answered)")
    wait_until(lambda: any("phone@example.com" in line for line in sent()))
    equal("sent on once, when it was flagged", sum("phone@example.com" in line for line in sent()), 1)
    check("by the mailbox's owner", any("phone@example.com" in line and "alice@" in line for line in sent()), str(sent()))
    imap.logout()
    equal("ends well", server.stop(), 0)
finally:
    server.stop()
finish()
