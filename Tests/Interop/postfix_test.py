"""Postfix, a private instance with its own queue, hands mail over by LMTP: everything arrives exactly once."""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from martlet import Martlet, check, equal, fail, finish, free_port, ok, skip, wait_until

USERS = [f"user{number}" for number in range(10)]


class Postfix:
    """A Postfix of our own in a temporary directory; needs root, as Postfix does."""

    def __init__(self, lmtp_socket, restrictions="permit_mynetworks, reject"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="martlet-postfix."))
        os.chmod(self.directory, 0o755)
        self.etc, self.spool, self.data = (self.directory / name for name in ("etc", "spool", "data"))
        for path in (self.etc, self.spool, self.data):
            path.mkdir()
        shutil.chown(self.data, "postfix")
        self.port = free_port()
        (self.etc / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.spool}
data_directory = {self.data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.martlet.test
mydestination =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = martlet.test
virtual_transport = lmtp:unix:{lmtp_socket}
virtual_mailbox_maps = static:all
maillog_file = {self.directory}/maillog
maillog_file_prefixes = {self.directory}
alias_maps =
alias_database =
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
smtpd_client_connection_count_limit = 0
smtpd_recipient_restrictions = {restrictions}
""")
        master = pathlib.Path("/usr/share/postfix/master.cf.dist")
        if not master.exists():
            master = pathlib.Path("/etc/postfix/master.cf.proto")
        lines = []
        for line in master.read_text().splitlines():
            if re.match(r"^smtp\s+inet", line):
                line = f"127.0.0.1:{self.port} inet n - n - - smtpd"
            # Sockets are named by absolute paths outside of any chroot.
            words = line.split()
            if len(words) >= 8 and not line.startswith(("#", " ", "\t")):
                words[4] = "n"
                line = " ".join(words)
            lines.append(line)
        if not any(line.startswith("postlog") for line in lines):
            lines.append("postlog unix-dgram n - n - 1 postlogd")
        (self.etc / "master.cf").write_text("\n".join(lines) + "\n")

    def command(self, *arguments, **options):
        return subprocess.run(arguments, capture_output=True, text=True, **options)

    def start(self):
        result = self.command("postfix", "-c", str(self.etc), "start")
        if not wait_until(lambda: self.command(
                "postfix", "-c", str(self.etc), "status").returncode == 0, 20):
            raise RuntimeError(result.stderr + self.log())

    def stop(self):
        self.command("postfix", "-c", str(self.etc), "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def set(self, line):
        """Puts a line of main.cf into force."""
        self.command("postconf", "-c", str(self.etc), "-e", line)
        self.command("postfix", "-c", str(self.etc), "reload")
        time.sleep(0.5)

    def flush(self):
        self.command("postqueue", "-c", str(self.etc), "-f")

    def queue_length(self):
        out = self.command("postqueue", "-c", str(self.etc), "-j").stdout
        return sum(1 for line in out.splitlines() if line.strip())

    def log(self):
        path = self.directory / "maillog"
        return path.read_text() if path.exists() else ""

    def send(self, count, sessions, subject, recipient, sender="sender@example.org"):
        result = self.command(
            "smtp-source", "-s", str(sessions), "-m", str(count), "-l", "2000", "-S", subject,
            "-f", sender, "-t", recipient, f"127.0.0.1:{self.port}", timeout=120)
        if result.returncode != 0:
            raise RuntimeError(result.stderr)


def messages(server):
    """Every file in every user's mailboxes: the octets."""
    found = []
    for user in USERS:
        for kind in ("new", "cur"):
            directory = server.maildir(user) / kind
            if directory.exists():
                found += [(user, path.read_bytes()) for path in directory.iterdir()]
    return found


def main():
    if os.getuid() != 0:
        skip("postfix", "needs root")
        finish()
    if shutil.which("smtp-source") is None:
        skip("postfix", "no smtp-source: install the package postfix")
        finish()
    server = Martlet(users=USERS, extra="auth_username_format = %{user | username}\n").start()
    postfix = Postfix(server.lmtp_socket)
    try:
        postfix.start()
        postfix.send(900, 20, "load", "user0@martlet.test")
        for user in USERS:
            postfix.send(10, 2, "load", f"{user}@martlet.test")
        check("1,000 mails leave the queue", wait_until(lambda: len(messages(server)) >= 1000, 90),
              f"{len(messages(server))} arrived, {postfix.queue_length()} queued: {postfix.log()[-1500:]}")
        time.sleep(1)
        found = messages(server)
        equal("1,000 arrive exactly once", len(found), 1000)
        ids = collections.Counter(re.search(rb"(?mi)^Message-Id: *(\S+)", octets)[1] for _, octets in found)
        check("no message twice", max(ids.values(), default=0) == 1, str(ids.most_common(2)))
        by_user = collections.Counter(user for user, _ in found)
        equal("each where it belongs", by_user, {user: 910 if user == "user0" else 10 for user in USERS})
        sample = found[0][1]
        check("Return-Path first", sample.startswith(b"Return-Path: <sender@example.org>"), repr(sample[:80]))
        check("Delivered-To", b"\nDelivered-To: user" in sample[:200], repr(sample[:200]))
        check("log has the queue id", re.search(r"queue-id=[0-9A-Za-z]{6,}", server.log()) is not None)

        server.stop()
        postfix.send(100, 10, "queued", "user1@martlet.test")
        check("100 wait in the queue while the server is down",
              wait_until(lambda: postfix.queue_length() >= 100, 20), f"{postfix.queue_length()}")
        server.start()
        postfix.flush()

        def all_there():
            postfix.flush()
            return len(messages(server)) >= 1100

        check("they arrive when it is back", wait_until(all_there, 90, 1), f"{len(messages(server))}: {postfix.log()[-1500:]}")
        wait_until(lambda: postfix.queue_length() == 0, 20)
        equal("exactly once", len(messages(server)), 1100)
        equal("the queue is empty", postfix.queue_length(), 0)
    finally:
        postfix.stop()
    finish()


if __name__ == "__main__":
    main()
