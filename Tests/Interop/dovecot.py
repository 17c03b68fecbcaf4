"""A private Dovecot of Debian's package: own directory, high ports on loopback, user `alice` or those of another file."""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from martlet import PASSWORD, free_port, wait_until

PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:" + os.environ.get("PATH", "")
PROGRAM = shutil.which("dovecot", path=PATH)


def version():
    """`(2, 3)`, or None when there is no Dovecot."""
    if PROGRAM is None:
        return None
    words = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()
    return tuple(int(number) for number in words[0].split(".")[:2]) if words else None


def can_do(protocol):
    """Whether the package for a protocol is there; they are packages of their own."""
    return PROGRAM is not None and pathlib.Path(f"/usr/share/dovecot/protocols.d/{protocol}d.protocol").exists()


class Dovecot:
    """Needs root, as Dovecot changes users; its mail is owned by `nobody`.

    `users` is a passwd-file of another server, whose homes are then shared. `extra` is appended to dovecot.conf; the
    namespace of INBOX is in it already."""

    def __init__(self, plugins="", protocols="imap", users=None, extra="", fsync="never"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="martlet-dovecot."))
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        self.pop3_port = free_port() if "pop3" in protocols else 0
        self.process = None
        self.configuration = self.directory / "dovecot.conf"
        uid = gid = 65534
        if users is None:
            users = self.directory / "users"
            (self.directory / "home").mkdir()
            os.chown(self.directory / "home", uid, gid)
            users.write_text(f"alice:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{self.directory}/home/alice::\n")
        pop3 = f"""
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
""" if self.pop3_port else ""
        self.configuration.write_text(f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/log
instance_name = {self.directory.name}
listen = 127.0.0.1
protocols = {protocols}
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
first_valid_uid = {uid}
mail_plugins = {plugins}
mail_max_userip_connections = 1000
maildir_very_dirty_syncs = yes
mailbox_list_index = yes
mail_fsync = {fsync}
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0777
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0777
  }}
}}
""" + pop3 + extra)
        atexit.register(self.remove)

    def start(self):
        output = open(self.directory / "stdout", "a")
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(self.configuration)], stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True)
        if not wait_until(self.answers, 30):
            raise RuntimeError("Dovecot does not answer: " + self.log()[-2000:])
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Dovecot ended ({self.process.returncode}): " + self.log()[-2000:])
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.settimeout(2)
                return bool(connection.recv(100))
        except OSError:
            return False

    def doveadm(self, *words, input=None):
        """Runs doveadm; what it says. Raises when it fails."""
        run = subprocess.run(
            [shutil.which("doveadm", path=PATH), "-c", str(self.configuration), *words], input=input,
            capture_output=True)
        if run.returncode:
            raise RuntimeError(f"doveadm {' '.join(words)}: {run.stderr.decode(errors='replace')}")
        return run.stdout.decode()

    def log(self):
        return "".join(
            (self.directory / name).read_text(errors="replace") for name in ("stdout", "log")
            if (self.directory / name).exists())

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
