"""Real Postfix brings mail by LMTP and takes what scripts send: vacation goes out once and lands in the other user's
mailbox, by Postfix's sendmail and by SMTP; nothing is lost while it is down, and nothing is sent twice by a kill."""

import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import time

from martlet import Martlet, binary, check, equal, finish, skip, wait_until
from postfix_test import Postfix

USERS = ["alice", "bob", "carol", "dave", "erin", "frank"]
DOMAIN = "martlet.test"


class InNamespace(Martlet):
    """A daemon for which /etc/postfix is the private Postfix's: its sendmail looks nowhere else."""

    etc = None

    def start(self):
        if self.etc is None:
            return super().start()
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"mount --bind {self.etc} /etc/postfix && exec \"$@\"", "sh",
             binary("martletd"), "-F", "-c", f"{self.directory}/martlet.conf"], env=self.env)
        if not wait_until(self.answers, 30):
            raise RuntimeError("martletd does not answer: " + self.log()[-2000:])
        return self


def mails(server, user):
    found = []
    for kind in ("new", "cur"):
        directory = server.maildir(user) / kind
        if directory.exists():
            found += [path.read_text() for path in directory.iterdir()]
    return found


def replies(server, user):
    return [mail for mail in mails(server, user) if "\nAuto-Submitted: auto-replied (vacation)" in mail]


def script(server, user, text):
    home = pathlib.Path(server.home(user))
    (home / "sieve").mkdir(parents=True, exist_ok=True)
    (home / "sieve" / "main.sieve").write_text(text)
    link = home / ".dovecot.sieve"
    if not link.is_symlink():
        link.symlink_to("sieve/main.sieve")
    for path in (home, home / "sieve", home / "sieve" / "main.sieve"):
        shutil.chown(path, server.uid, server.gid)


def deliver(server, sender, recipient, subject):
    """By LMTP, as if an MTA did."""
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
        refused = lmtp.sendmail(
            f"{sender}@{DOMAIN}", [f"{recipient}@{DOMAIN}"],
            f"From: {sender}@{DOMAIN}\r\nTo: {recipient}@{DOMAIN}\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@{DOMAIN}>\r\n\r\nx\r\n")
    return not refused


def martlet(server, *words):
    result = subprocess.run(
        [binary("martlet"), *words, "-c", f"{server.directory}/martlet.conf"], capture_output=True, text=True,
        timeout=30)
    return result.stdout if result.returncode == 0 else f"error: {result.stderr}"


def queue(server):
    return json.loads(martlet(server, "queue", "list", "-f", "json") or "[]")


def by_sendmail(server, postfix):
    for number in range(2):
        postfix.send(1, 1, f"away{number}", f"alice@{DOMAIN}", sender=f"bob@{DOMAIN}")
    check("both mails arrive", wait_until(lambda: len(mails(server, "alice")) == 2, 30), postfix.log()[-1500:])
    check("the reply lands in the sender's mailbox", wait_until(lambda: len(replies(server, "bob")) >= 1, 30),
          server.log()[-1500:] + postfix.log()[-1500:])
    time.sleep(1)
    equal("once", len(replies(server, "bob")), 1)
    reply = (replies(server, "bob") or [""])[0]
    check("as RFC 5230 wants it", f"\nTo: bob@{DOMAIN}" in reply and "\nSubject: Auto: " in reply
          and reply.startswith("Return-Path: <>"), reply[:600])
    equal("the queue is empty", queue(server), [])


def by_submission(server, postfix):
    postfix.command("postfix", "-c", str(postfix.etc), "stop")
    check("delivery goes on without the MTA", deliver(server, "carol", "alice", "down"))
    equal("the mail is there", len(mails(server, "alice")), 3)
    wait_until(lambda: queue(server) and queue(server)[0]["last error"], 10)
    waiting = queue(server)
    equal("the reply waits", [(mail["user"], mail["type"], mail["recipient"]) for mail in waiting],
          [("alice", "vacation", f"carol@{DOMAIN}")])
    check("with the reason", "onnect" in waiting[0]["last error"] or "efused" in waiting[0]["last error"], str(waiting))

    # The daemon is killed before the reply could be handed over.
    check("another one", deliver(server, "dave", "alice", "killed"))
    wait_until(lambda: all(mail["last error"] and mail["next attempt"] != "now" for mail in queue(server)), 10)
    os.kill(server.role("mail"), signal.SIGKILL)
    check("it comes back", wait_until(server.answers, 30))
    equal("with both replies", len(queue(server)), 2)
    postfix.start()
    martlet(server, "queue", "retry", "-A")
    check("which go out by SMTP", wait_until(lambda: replies(server, "carol") and replies(server, "dave"), 30),
          server.log()[-1500:] + postfix.log()[-1500:])
    time.sleep(1)
    equal("each once", (len(replies(server, "carol")), len(replies(server, "dave"))), (1, 1))
    equal("and the queue is empty", queue(server), [])

    # A redirect whose message is kept nowhere: killed at once after the answer, and while the MTA, which takes its time,
    # has all of the mail and has not answered.
    script(server, "erin", f'redirect "frank@{DOMAIN}";')
    wait_until(lambda: False, 1.2)
    postfix.set("smtpd_end_of_data_restrictions = sleep 1")
    for number in range(10):
        check(f"redirect {number} is taken", deliver(server, "bob", "erin", f"on{number}"))
        time.sleep([0.005, 0.02, 0.05, 0.2, 0.6][number % 5])
        os.kill(server.role("mail"), signal.SIGKILL)
        wait_until(server.answers, 30)
    postfix.set("smtpd_end_of_data_restrictions =")
    martlet(server, "queue", "retry", "-A")
    subjects = lambda: sorted(line for mail in mails(server, "frank") for line in mail.splitlines() if line.startswith("Subject: on"))
    wait_until(lambda: len(set(subjects())) == 10 and queue(server) == [] and postfix.queue_length() == 0, 60)
    time.sleep(1.5)
    equal("none is lost, and none sent twice", subjects(), [f"Subject: on{number}" for number in range(10)])
    check("the new process asked what became of some", "handed to the MTA" in server.log())

    # The role that speaks to the MTA is killed: then nobody knows, and what is no vacation reply is sent again.
    postfix.set("smtpd_end_of_data_restrictions = sleep 2")
    deliver(server, "bob", "erin", "on10")
    time.sleep(1)
    os.kill(server.role("submit"), signal.SIGKILL)
    wait_until(lambda: any("answer was lost" in mail["last error"] for mail in queue(server)), 20)
    postfix.set("smtpd_end_of_data_restrictions =")
    martlet(server, "queue", "retry", "-A")
    wait_until(lambda: "Subject: on10" in subjects() and queue(server) == [], 30)
    check("a mail in doubt is not lost", "Subject: on10" in subjects(), server.log()[-1500:])
    equal("the queue is empty again", queue(server), [])

    deliver(server, "nobody", "alice", "to be deleted")
    postfix.command("postfix", "-c", str(postfix.etc), "stop")
    deliver(server, "frank", "alice", "deleted")
    wait_until(lambda: all(mail["next attempt"] != "now" for mail in queue(server)), 10)
    for mail in queue(server):
        martlet(server, "queue", "delete", mail["id"])
    equal("a mail can be deleted", queue(server), [])
    check("an unknown one cannot", "waits" in martlet(server, "queue", "delete", "1.0"))


def main():
    if os.getuid() != 0:
        skip("postfix sending", "needs root")
        finish()
    if shutil.which("smtp-source") is None:
        skip("postfix sending", "no smtp-source: install the package postfix")
        finish()
    server = InNamespace(users=USERS, extra=f"""
auth_username_format = %{{user | username}}
hostname = mail.{DOMAIN}
outgoing_queue_retry_min = 10m
outgoing_queue_retry_max = 10m
""")
    postfix = Postfix(server.lmtp_socket)
    try:
        postfix.start()
        canMount = subprocess.run(
            ["unshare", "--mount", "mount", "--bind", str(postfix.etc), "/etc/postfix"], capture_output=True).returncode == 0
        if canMount:
            server.etc = postfix.etc
        script(server, "alice", 'require "vacation"; vacation :subject "Auto: away" "I am away.";')
        if canMount:
            server.start()
            by_sendmail(server, postfix)
            equal("stops cleanly", server.stop(), 0)
        else:
            skip("Postfix's sendmail", "no mount namespaces here")
        with open(f"{server.directory}/martlet.conf", "a") as file:
            file.write(f"submission_host = 127.0.0.1:{postfix.port}\n")
        server.start()
        if not canMount:
            for number in range(2):
                deliver(server, "bob", "alice", f"away{number}")
            wait_until(lambda: replies(server, "bob"), 20)
            equal("the reply goes out once", len(replies(server, "bob")), 1)
        by_submission(server, postfix)
        equal("stops cleanly", server.stop(), 0)
    finally:
        postfix.stop()
    finish()


if __name__ == "__main__":
    main()
