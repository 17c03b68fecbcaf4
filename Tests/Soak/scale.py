"""Many sessions at once against a private daemon: what each costs.

    scale.py [--idle 10000] [--active 1000] [--seconds 20] [--plain]

Idle sessions have logged in, selected INBOX with 20 messages and say IDLE; active ones send a command as soon as the last
is answered. Printed are the mail role's memory (PSS) and CPU time a session, and the commands a second. `MARTLET_BIN` is
to name a folder with a release build.
"""

import argparse
import os
import pathlib
import re
import resource
import select
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Interop"))
from martlet import Martlet, PASSWORD  # noqa: E402

USERS = [f"user{number}" for number in range(100)]
MESSAGE = b"From: a@example.org\r\nSubject: scale\r\n\r\n" + b"All work and no play.\r\n" * 40
COMMANDS = [b"FETCH 1:20 (UID FLAGS)", b"NOOP", b"UID SEARCH UNSEEN", b"FETCH 3 (BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])",
            b"STORE 2 +FLAGS.SILENT (\\Seen)", b"STATUS INBOX (MESSAGES UNSEEN)"]


def memory(pid):
    text = open(f"/proc/{pid}/smaps_rollup").read()
    return int(re.search(r"Pss:\s+(\d+)", text)[1])


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Session:
    def __init__(self, server, number, context):
        # Source addresses of their own: one has 28,000 ports.
        self.socket = socket.create_connection(
            ("127.0.0.1", server.ports["imaps" if context else "imap"]), 60,
            source_address=(f"127.0.{1 + number // 5000}.{1 + number % 200}", 0))
        if context:
            self.socket = context.wrap_socket(self.socket)
        self.pending = b""
        self.sent = 0
        self.read_to(b"\r\n")
        self.command(b"LOGIN %s %s" % (USERS[number % len(USERS)].encode(), PASSWORD.encode()))

    def read_to(self, mark):
        while mark not in self.pending:
            octets = self.socket.recv(65536)
            if not octets:
                raise ConnectionError("closed")
            self.pending += octets
        self.pending = b""

    def command(self, text):
        self.socket.sendall(b"t " + text + b"\r\n")
        self.read_to(b"t OK")


def fill(server):
    for number in range(len(USERS)):
        session = Session(server, number, None)
        for _ in range(20):
            session.command(b"APPEND INBOX {%d+}\r\n%s" % (len(MESSAGE), MESSAGE))
        session.socket.close()


def idle(server, count, seconds, context):
    pid = server.role("mail")
    before, spent, began = memory(pid), cpu(pid), time.monotonic()
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    sessions = []
    for number in range(count):
        session = Session(server, number, context)
        session.command(b"SELECT INBOX")
        session.socket.sendall(b"i IDLE\r\n")
        session.read_to(b"+ ")
        sessions.append(session)
    took, used = time.monotonic() - began, cpu(pid) - spent
    print(f"{count} logins in {took:.0f} s, {used / count * 1000:.2f} ms of CPU each")
    # The daemon gives memory back now and then.
    time.sleep(75)
    print(f"idle: {(memory(pid) - before) / count:.1f} KiB a session, {memory(pid) / 1024:.0f} MiB in all")
    spent = cpu(pid)
    time.sleep(seconds)
    print(f"at rest: {(cpu(pid) - spent) / seconds * 100:.2f} % of a CPU")
    began = time.monotonic()
    for session in sessions:
        session.socket.close()
    while time.monotonic() - began < 60 and len(os.listdir(f"/proc/{pid}/fd")) > descriptors + count / 100:
        time.sleep(0.2)
    time.sleep(15)
    print(f"all closed after {time.monotonic() - began - 15:.1f} s; {memory(pid) / 1024:.0f} MiB stay, "
          f"{len(os.listdir(f'/proc/{pid}/fd'))} descriptors")


def active(server, count, seconds, context):
    pid = server.role("mail")
    sessions, poll = {}, select.epoll()
    for number in range(count):
        session = Session(server, number, context)
        session.command(b"SELECT INBOX")
        session.socket.setblocking(False)
        sessions[session.socket.fileno()] = session
        poll.register(session.socket.fileno(), select.EPOLLIN)
    spent, began, done, times = cpu(pid), time.monotonic(), 0, []

    def send(session):
        session.sent += 1
        session.began = time.monotonic()
        session.socket.sendall(b"t " + COMMANDS[session.sent % len(COMMANDS)] + b"\r\n")

    for session in sessions.values():
        send(session)
    while time.monotonic() < began + seconds:
        for descriptor, _ in poll.poll(1):
            session = sessions[descriptor]
            try:
                while octets := session.socket.recv(65536):
                    session.pending += octets
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            place = session.pending.rfind(b"t OK")
            if place >= 0 and session.pending.endswith(b"\r\n"):
                times.append(time.monotonic() - session.began)
                done += 1
                session.pending = b""
                send(session)
            elif b"t NO" in session.pending or b"t BAD" in session.pending:
                raise RuntimeError(session.pending)
    took = time.monotonic() - began
    times.sort()
    print(f"{count} active: {done / took:.0f} commands/s, {(cpu(pid) - spent) / done * 1e6:.0f} us of CPU each, "
          f"p50 {times[len(times) // 2] * 1000:.0f} ms, p99 {times[len(times) * 99 // 100] * 1000:.0f} ms, "
          f"{memory(pid) / 1024:.0f} MiB")
    silent = sum(1 for session in sessions.values() if session.sent < 2)
    print(f"{silent} of them got no answer at all")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--active", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = options.idle + options.active + 1000
    if hard < wanted:
        sys.exit(f"{wanted} open files are wanted, {hard} allowed: see `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    context = None
    if not options.plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    server = Martlet(users=USERS, extra="service imap-login {\n  client_limit = 50000\n}\n").start()
    try:
        fill(server)
        if options.active:
            active(server, options.active, options.seconds, context)
        if options.idle:
            idle(server, options.idle, options.seconds, context)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
