"""A private Dovecot of Debian's package: own directory, one high port on loopback, user `alice`."""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Interop"))
from martlet import PASSWORD, free_port, wait_until  # noqa: E402

PROGRAM = shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin:/usr/bin:" + os.environ.get("PATH", ""))


def version():
    """`(2, 3)`, or None when there is no Dovecot."""
    if PROGRAM is None:
        return None
    words = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True).stdout.split()
    return tuple(int(number) for number in words[0].split(".")[:2]) if words else None


class Dovecot:
    """Needs root, as Dovecot changes users; its mail is owned by `nobody`."""

    def __init__(self, plugins=""):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="martlet-dovecot."))
        os.chmod(self.directory, 0o755)
        self.port = free_port()
        self.plugins = plugins
        self.process = None
        uid = gid = 65534
        (self.directory / "home").mkdir()
        os.chown(self.directory / "home", uid, gid)
        (self.directory / "users").write_text(f"alice:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{self.directory}/home/alice::\n")
        (self.directory / "dovecot.conf").write_text(f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/log
instance_name = {self.directory.name}
listen = 127.0.0.1
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
first_valid_uid = {uid}
mail_plugins = {self.plugins}
mail_max_userip_connections = 1000
maildir_very_dirty_syncs = yes
mailbox_list_index = yes
mail_fsync = never
passdb {{
  driver = passwd-file
  args = {self.directory}/users
}}
userdb {{
  driver = passwd-file
  args = {self.directory}/users
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
""")
        atexit.register(self.remove)

    def start(self):
        output = open(self.directory / "stdout", "w")
        self.process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(self.directory / "dovecot.conf")], stdout=output, stderr=output,
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

    def log(self):
        return "".join(
            (self.directory / name).read_text(errors="replace") for name in ("stdout", "log")
            if (self.directory / name).exists())

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
