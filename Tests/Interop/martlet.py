"""A private Martlet for a test: its own directory, high ports, accounts, certificate.

Tests print one line each: `ok NAME`, `FAIL NAME: why` or `skip NAME: why`; `finish()` ends with the exit status.
"""

import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "pass"
failures = 0


def ok(name):
    print(f"ok {name}", flush=True)


def fail(name, why):
    global failures
    failures += 1
    print(f"FAIL {name}: {why}", flush=True)


def skip(name, why):
    print(f"skip {name}: {why}", flush=True)


def check(name, condition, why="not so"):
    if condition:
        ok(name)
    else:
        fail(name, why)
    return condition


def equal(name, got, wanted):
    return check(name, got == wanted, f"got {str(got)[:400]!r}, wanted {str(wanted)[:400]!r}")


def finish():
    sys.exit(1 if failures else 0)


given_ports = set()


def free_port():
    """A port that nobody listens on, and another one each time: the kernel may name the same one again."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


def wait_until(condition, seconds=20, step=0.05):
    """True as soon as `condition()` is; False after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return bool(condition())


def binary(name):
    directory = os.environ.get("MARTLET_BIN")
    if not directory:
        directory = subprocess.run(
            ["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
    return os.path.join(directory, name)


def processes_below(pid):
    """The pids of all descendants."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = open(f"/proc/{entry}/stat").read()
        except OSError:
            continue
        if int(stat.rsplit(")", 1)[1].split()[1]) == pid:
            found.append(int(entry))
            found += processes_below(int(entry))
    return found


class Martlet:
    """`users` are names; each has the password `pass`. `extra` is appended to martlet.conf."""

    def __init__(self, users=("alice", "bob"), extra="", env=None):
        self.directory = tempfile.mkdtemp(prefix="martlet-interop.")
        os.chmod(self.directory, 0o755)
        self.ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s", "lmtp", "sieve")}
        self.lmtp_socket = f"{self.directory}/lmtp.sock"
        self.process = None
        self.env = dict(os.environ, **(env or {}))
        # Started as root, the mail role becomes this user.
        self.uid, self.gid = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
        self.certificate = f"{self.directory}/cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", f"{self.directory}/key.pem", "-out", self.certificate],
            check=True, capture_output=True)
        # The mail role makes the homes themselves, and may not write above them.
        os.mkdir(f"{self.directory}/home")
        os.chown(f"{self.directory}/home", self.uid, self.gid)
        with open(f"{self.directory}/users", "w") as file:
            for name in users:
                file.write(f"{name}:{{PLAIN}}{PASSWORD}:{self.uid}:{self.gid}::{self.home(name)}::\n")
        with open(f"{self.directory}/martlet.conf", "w") as file:
            file.write(self.configuration() + extra)
        atexit.register(self.remove)

    def home(self, user):
        return f"{self.directory}/home/{user}"

    def maildir(self, user):
        return pathlib.Path(self.home(user)) / "Maildir"

    def configuration(self):
        return f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
protocols = imap pop3 lmtp sieve
listen = 127.0.0.1
ssl = yes
ssl_server_cert_file = {self.certificate}
ssl_server_key_file = {self.directory}/key.pem
mail_path = ~/Maildir
mail_uid = {self.uid}
mail_gid = {self.gid}
auth_failure_delay = 0
mail_max_userip_connections = 0
log_path = {self.directory}/log
passdb passwd-file {{
  passwd_file_path = {self.directory}/users
}}
userdb passwd-file {{
  passwd_file_path = {self.directory}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {self.ports['imap']}
  }}
  inet_listener imaps {{
    port = {self.ports['imaps']}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.ports['pop3']}
  }}
  inet_listener pop3s {{
    port = {self.ports['pop3s']}
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {self.ports['sieve']}
  }}
}}
service lmtp {{
  unix_listener {self.lmtp_socket} {{
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {self.ports['lmtp']}
  }}
}}
"""

    def start(self):
        self.process = subprocess.Popen(
            [binary("martletd"), "-F", "-c", f"{self.directory}/martlet.conf"], env=self.env)
        if not wait_until(self.answers, 30):
            raise RuntimeError("martletd does not answer: " + self.log()[-2000:])
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"martletd ended ({self.process.returncode}): " + self.log()[-2000:])
        try:
            for name in ("imap", "lmtp"):
                with socket.create_connection(("127.0.0.1", self.ports[name]), 1) as connection:
                    connection.settimeout(2)
                    if not connection.recv(100):
                        return False
            return True
        except OSError:
            return False

    def stop(self):
        """SIGTERM; the exit status, or None when it had to be killed."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in processes_below(self.process.pid) + [self.process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            status = None
        self.process = None
        return status

    def role(self, name):
        """The pid of a role process, or None."""
        for pid in processes_below(self.process.pid):
            try:
                words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
            except OSError:
                continue
            if f"--role={name}".encode() in words:
                return pid
        return None

    def log(self):
        try:
            return open(f"{self.directory}/log").read()
        except OSError:
            return ""

    def remove(self):
        if self.process is not None and self.process.poll() is None:
            self.stop()
        if failures:
            print(f"# kept for a look: {self.directory}", flush=True)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
