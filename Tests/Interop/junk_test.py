"""Junk: what users move into Junk and out of it is learned by a program in the background; with rspamd, too. Marked mail
is delivered into Junk."""

import imaplib
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import time

from martlet import Martlet, binary, check, equal, finish, free_port, ok, processes_below, skip, wait_until

USERS = ["mover", "keyworder", "files", "broken", "marked", "unmarked", "scripted", "slow"]

MAILBOXES = """
  mailbox Junk {
    special_use = \\Junk
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
"""

# Notes the lesson, the user and the subject of the message; fails while a file says so.
PROGRAM = """#!/bin/sh
text=$(cat)
[ -e {directory}/fails ] && { echo "no filter today" >&2; exit 75; }
subject=$(echo "$text" | sed -n 's/^Subject: //p')
[ "$subject" = "sleepy" ] && sleep 1
echo "$1 $2 $USER $subject" >>{directory}/lessons
"""

FILES_PROGRAM = """#!/bin/sh
lesson=$1; shift
echo "$lesson $# files" >>{directory}/lessons
for file; do echo "$lesson $(sed -n 's/^Subject: //p' "$file")" >>{directory}/lessons; done
"""


WORDS = ("wonderful cheap offer meeting tomorrow invoice seventeen garden weather music harbour engine window river "
         "kitchen letter travel bottle forest paper silver morning battery castle doctor festival").split()


def text(subject, marks=""):
    # A filter takes messages of the same words for one.
    start = sum(subject.encode()) % len(WORDS)
    words = " ".join(f"{word} {subject}" for word in (WORDS + WORDS)[start:start + 15])
    return (f"{marks}From: ann@example.org\r\nTo: bob@example.net\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject.replace(' ', '.')}@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n"
            f"{words}\r\n").encode()


def connect(server, user):
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login(user, "pass")
    return imap


def append(imap, mailbox, *subjects):
    for subject in subjects:
        assert imap.append(mailbox, None, None, text(subject))[0] == "OK"


def move(imap, source, target, uids="1:*"):
    imap.select(source)
    assert imap.uid("MOVE", uids, target)[0] == "OK"


def martlet(server, *words):
    return subprocess.run([binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words],
                          capture_output=True, text=True)


def program(server, name, body):
    path = pathlib.Path(server.directory) / name
    path.write_text(body.replace("{directory}", str(path.parent / "learned")))
    path.chmod(0o755)
    return path


def with_a_program():
    server = Martlet(USERS)
    directory = pathlib.Path(server.directory) / "learned"
    directory.mkdir()
    directory.chmod(0o777)
    learn = program(server, "learn.sh", PROGRAM)
    configuration = pathlib.Path(server.directory) / "martlet.conf"
    configuration.write_text(
        configuration.read_text().replace("  inbox = yes\n", "  inbox = yes\n" + MAILBOXES) + f"""
junk_header = X-Spam: Yes
junk_learn_spam_command = {learn} spam %{{user}}
junk_learn_ham_command = {learn} ham %{{user}}
junk_learn_keywords = yes
""")
    server.start()
    try:
        lessons = directory / "lessons"

        def learned(lines, name):
            def now():
                return sorted(lessons.read_text().splitlines()) if lessons.exists() else []
            wait_until(lambda: now() == sorted(lines))
            equal(name, now(), sorted(lines))
            lessons.write_text("")
            lessons.chmod(0o666)

        imap = connect(server, "mover")
        append(imap, "INBOX", "one", "two", "three")
        learned([], "append elsewhere teaches nothing")
        move(imap, "INBOX", "Junk")
        learned([f"spam mover mover {s}" for s in ("one", "two", "three")], "move into Junk is spam")
        imap.select("Junk")
        imap.uid("COPY", "1", "INBOX")
        learned(["ham mover mover one"], "copy out of Junk is ham")
        move(imap, "Junk", "Trash", "1:2")
        learned([], "move from Junk to Trash teaches nothing")
        move(imap, "Junk", "INBOX", "3")
        learned(["ham mover mover three"], "move out of Junk is ham")
        append(imap, "Junk", "appended")
        learned(["spam mover mover appended"], "append to Junk is spam")
        imap.create("Junk/old")
        move(imap, "Junk", "Junk/old")
        learned([], "move below Junk teaches nothing")

        other = connect(server, "keyworder")
        append(other, "INBOX", "flagged", "cleared")
        other.select("INBOX")
        other.uid("STORE", "1", "+FLAGS", "($Junk)")
        learned(["spam keyworder keyworder flagged"], "$Junk is spam")
        other.uid("STORE", "1", "-FLAGS", "($Junk)")
        other.uid("STORE", "2", "+FLAGS", "(\\Seen)")
        learned([], "$Junk taken away, and other flags, teach nothing")
        other.uid("STORE", "1", "+FLAGS", "($Junk)")
        move(other, "INBOX", "Junk", "1")
        learned([], "keyword and move are one lesson")
        other.select("Junk")
        other.uid("STORE", "1:*", "+FLAGS", "($NotJunk)")
        learned(["ham keyworder keyworder flagged"], "$NotJunk is ham")

        slow = connect(server, "slow")
        append(slow, "INBOX", *["sleepy"] * 3)
        start = time.monotonic()
        move(slow, "INBOX", "Junk")
        slow.noop()
        check("the client does not wait", time.monotonic() - start < 1, f"{time.monotonic() - start} s")
        learned(["spam slow slow sleepy"] * 3, "a slow program gets all of them")

        (directory / "fails").write_text("")
        broken = connect(server, "broken")
        append(broken, "INBOX", "retried")
        move(broken, "INBOX", "Junk")
        check("a failure is logged", wait_until(lambda: "junk: learning spam from Junk failed" in server.log()),
              server.log()[-800:])
        check("with what the program said", "no filter today" in server.log(), server.log()[-800:])
        (directory / "fails").unlink()
        learned(["spam broken broken retried"], "and it is tried again")
        result = martlet(server, "junk")
        check("martlet junk", result.returncode == 0 and "spam" in result.stdout, result.stdout + result.stderr)

        (directory / "fails").write_text("")
        append(broken, "INBOX", "kept")
        move(broken, "INBOX", "Junk")
        wait_until(lambda: server.log().count("junk: learning spam from Junk failed") >= 2)
        (directory / "fails").unlink()
        os.kill(server.role("mail"), signal.SIGKILL)
        check("it comes back", wait_until(server.answers, 30))
        learned(["spam broken broken kept"], "a lesson survives the mail role")
        for number in range(6):
            imap = connect(server, "mover")
            append(imap, "INBOX", f"killed{number}")
            move(imap, "INBOX", "Junk")
            time.sleep(0.004 * number)
            os.kill(server.role("mail"), signal.SIGKILL)
            wait_until(server.answers, 30)
        wanted = {f"spam mover mover killed{number}" for number in range(6)}
        wait_until(lambda: wanted <= set(lessons.read_text().splitlines()), 30)
        check("none is forgotten, whenever it is killed", wanted <= set(lessons.read_text().splitlines()), lessons.read_text())
        lessons.write_text("")
        imap, other, slow, broken = (connect(server, user) for user in ("mover", "keyworder", "slow", "broken"))

        marked(server)
        for client in (imap, other, slow, broken):
            client.logout()
        equal("ends well", server.stop(), 0)
    finally:
        server.stop()


def deliver(server, user, message):
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as client:
        client.sendmail("sender@example.org", [user], message)


def count(server, user, mailbox):
    imap = connect(server, user)
    try:
        status, data = imap.status(mailbox, "(MESSAGES)")
        return int(data[0].split()[-1].rstrip(b")")) if status == "OK" else -1
    finally:
        imap.logout()


def marked(server):
    connect(server, "marked").logout()
    deliver(server, "marked", text("spam", "X-Spam: Yes\r\n"))
    equal("X-Spam: Yes goes to Junk", (count(server, "marked", "INBOX"), count(server, "marked", "Junk")), (0, 1))
    deliver(server, "marked", text("ham", "X-Spam: No\r\n"))
    equal("X-Spam: No does not", (count(server, "marked", "INBOX"), count(server, "marked", "Junk")), (1, 1))
    connect(server, "scripted").logout()
    home = pathlib.Path(server.home("scripted"))
    script = home / ".dovecot.sieve"
    script.write_text('require "fileinto"; fileinto "Trash";')
    os.chown(script, server.uid, server.gid)
    deliver(server, "scripted", text("spam", "X-Spam: yes, score=9\r\n"))
    deliver(server, "scripted", text("plain"))
    equal("before the user's script", (count(server, "scripted", "Junk"), count(server, "scripted", "Trash")), (1, 1))


def with_files():
    server = Martlet(["files"])
    directory = pathlib.Path(server.directory) / "learned"
    directory.mkdir()
    directory.chmod(0o777)
    learn = program(server, "learn.sh", FILES_PROGRAM)
    configuration = pathlib.Path(server.directory) / "martlet.conf"
    configuration.write_text(
        configuration.read_text().replace("  inbox = yes\n", "  inbox = yes\n" + MAILBOXES) + f"""
junk_learn_spam_command = {learn} spam %{{files}}
junk_learn_batch = 3
""")
    server.start()
    try:
        imap = connect(server, "files")
        append(imap, "INBOX", "a", "b", "c", "d")
        move(imap, "INBOX", "Junk")
        lessons = directory / "lessons"
        wanted = ["spam 3 files", "spam a", "spam b", "spam c", "spam 1 files", "spam d"]
        wait_until(lambda: lessons.exists() and len(lessons.read_text().splitlines()) == len(wanted))
        equal("several messages in one run", lessons.read_text().splitlines(), wanted)
        move(imap, "Junk", "INBOX")
        imap.logout()
        equal("no program for ham: nothing learned", lessons.read_text().splitlines(), wanted)
        check("no file is left", not list(pathlib.Path("/tmp").glob("martlet-junk-*")))
    finally:
        server.stop()


# MARK: rspamd

class Rspamd:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port, redis = free_port(), free_port()
        (self.directory / "rspamd.conf").write_text(f"""
options {{ pidfile = "{directory}/pid"; filters = ""; tempdir = "{directory}"; hs_cache_dir = "{directory}";
  history_file = "{directory}/history"; dns {{ nameserver = ["127.0.0.1:9"]; }} }}
logging {{ type = "file"; filename = "{directory}/rspamd.log"; level = "info"; }}
worker "controller" {{ bind_socket = "127.0.0.1:{self.port}"; count = 1; secure_ip = ["127.0.0.1"]; password = "q1"; }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }}
  backend = "redis"; servers = "127.0.0.1:{redis}"; min_tokens = 1; min_learns = 0;
  statfile {{ symbol = "BAYES_HAM"; spam = false; }}
  statfile {{ symbol = "BAYES_SPAM"; spam = true; }}
}}
""")
        with open(self.directory / "out", "w") as out:
            self.processes = [
                subprocess.Popen(["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "",
                                  "--dir", str(directory)], stdout=out, stderr=out),
                subprocess.Popen(["rspamd", "-f", "-i", "-c", str(self.directory / "rspamd.conf")],
                                 stdout=out, stderr=out)]

    def stat(self):
        result = subprocess.run(["rspamc", "-h", f"127.0.0.1:{self.port}", "stat"], capture_output=True, text=True)
        return result.stdout if result.returncode == 0 else ""

    def learned(self):
        for line in self.stat().splitlines():
            if line.startswith("Messages learned:"):
                return int(line.split()[-1])
        return -1

    def lessons(self):
        return sorted(line.split("learned message as ")[1].strip()
                      for line in (self.directory / "rspamd.log").read_text().splitlines()
                      if "learned message as " in line)

    def stop(self):
        for process in reversed(self.processes):
            below = processes_below(process.pid)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                for pid in below + [process.pid]:
                    try:
                        os.kill(pid, 9)
                    except ProcessLookupError:
                        pass
                process.wait()


def with_rspamd():
    if not all(shutil.which(name) for name in ("rspamd", "rspamc", "redis-server")):
        return skip("rspamd", "not installed")
    server = Martlet(["carol"])
    rspamd = Rspamd(server.directory + "/rspamd")
    try:
        client = f"{shutil.which('rspamc')} -h 127.0.0.1:{rspamd.port}"
        configuration = pathlib.Path(server.directory) / "martlet.conf"
        configuration.write_text(
            configuration.read_text().replace("  inbox = yes\n", "  inbox = yes\n" + MAILBOXES) + f"""
junk_header = X-Spam: Yes
junk_learn_spam_command = {client} learn_spam
junk_learn_ham_command = {client} learn_ham
""")
        server.start()
        if not check("rspamd starts", wait_until(lambda: rspamd.learned() >= 0, 120, 0.3)):
            return
        imap = connect(server, "carol")
        append(imap, "INBOX", "pills", "lottery", "friends")
        equal("rspamd has learned nothing yet", rspamd.learned(), 0)
        move(imap, "INBOX", "Junk", "1:2")
        wait_until(lambda: rspamd.learned() >= 2)
        equal("moved into Junk: rspamc stat counts two", rspamd.learned(), 2)
        move(imap, "Junk", "INBOX", "2")
        wait_until(lambda: rspamd.learned() >= 3)
        equal("moved back: rspamc stat counts three", rspamd.learned(), 3)
        move(imap, "Junk", "Trash", "1")
        imap.logout()
        wanted = ["ham: lottery@example.org", "spam: lottery@example.org", "spam: pills@example.org"]
        wait_until(lambda: rspamd.lessons() == wanted)
        equal("as spam and as ham", rspamd.lessons(), wanted)
    finally:
        server.stop()
        rspamd.stop()


with_a_program()
with_files()
with_rspamd()
finish()
