"""SCRAM (RFC 5802, RFC 7677): the gsasl program, mbsync, sieve-connect, a client of our own for POP3 and ManageSieve, and
Postfix whose users log in through Martlet's auth socket."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess

from managesievewire import Wire
from martlet import Martlet, PASSWORD, binary, check, equal, finish, skip, wait_until
from postfix_test import Postfix

MECHANISMS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


class Client:
    """The client's side of one exchange."""

    def __init__(self, mechanism, user, password, nonce="rOprNGfwEbeRWgbNEkqO"):
        self.hash, self.password = MECHANISMS[mechanism], password.encode()
        self.bare = f"n={user},r={nonce}"
        self.first = base64.b64encode(f"n,,{self.bare}".encode()).decode()

    def final(self, challenge):
        text = base64.b64decode(challenge).decode()
        fields = dict(field.split("=", 1) for field in text.split(","))
        self.salt, self.rounds = fields["s"], int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self.hash, self.password, base64.b64decode(self.salt), self.rounds)

        def mac(key, message):
            return hmac.new(key, message, self.hash).digest()

        client_key = mac(salted, b"Client Key")
        head = f"c=biws,r={fields['r']}"
        covered = f"{self.bare},{text},{head}".encode()
        signature = mac(hashlib.new(self.hash, client_key).digest(), covered)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        self.answer = base64.b64encode(b"v=" + base64.b64encode(mac(mac(salted, b"Server Key"), covered))).decode()
        return base64.b64encode(f"{head},p={proof}".encode()).decode()


class Lines:
    """A connection to a POP3 server."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.socket.makefile("rb")

    def read(self):
        return self.file.readline().decode().rstrip("\r\n")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.read()

    def listing(self, line):
        lines = [self.ask(line)]
        while lines[-1] not in (".", "") and not lines[0].startswith("-"):
            lines.append(self.read())
        return lines


def pop3(server):
    lines = Lines(server.ports["pop3"])
    lines.read()
    check("POP3 CAPA", "SASL PLAIN SCRAM-SHA-256 SCRAM-SHA-1" in lines.listing("CAPA"))
    for mechanism in MECHANISMS:
        client = Client(mechanism, "alice", PASSWORD)
        challenge = lines.ask(f"AUTH {mechanism} {client.first}")
        equal(f"POP3 {mechanism}: the server's proof", lines.ask(client.final(challenge[2:])), "+ " + client.answer)
        check(f"POP3 {mechanism}: in", lines.ask("").startswith("+OK Logged in"))
        lines.ask("QUIT")
        lines = Lines(server.ports["pop3"])
        lines.read()
    client = Client("SCRAM-SHA-256", "alice", "wrong")
    equal("POP3 without initial response", lines.ask("AUTH SCRAM-SHA-256"), "+ ")
    challenge = lines.ask(client.first)
    check("POP3 wrong password", lines.ask(client.final(challenge[2:])).startswith("-ERR [AUTH]"))


def salt(server, user):
    """What a stranger is told about a user."""
    lines = Lines(server.ports["pop3"])
    lines.read()
    client = Client("SCRAM-SHA-256", user, "guess")
    answer = lines.ask(client.final(lines.ask(f"AUTH SCRAM-SHA-256 {client.first}")[2:]))
    return client.salt, client.rounds, answer


def managesieve(server):
    wire = Wire(server)
    check("ManageSieve capability", '"SASL" "PLAIN SCRAM-SHA-256 SCRAM-SHA-1"' in wire.greeting, wire.greeting)
    for mechanism in MECHANISMS:
        client = Client(mechanism, "alice", PASSWORD)
        wire.socket.sendall(f'AUTHENTICATE "{mechanism}" "{client.first}"\r\n'.encode())
        challenge = wire.file.readline().decode().strip().strip('"')
        last = wire.command(f'"{client.final(challenge)}"')
        equal(f"ManageSieve {mechanism}: the proof comes with OK", last, [f'OK (SASL "{client.answer}") "Logged in."'])
        check(f"ManageSieve {mechanism}: in", wire.command("LISTSCRIPTS")[-1].startswith("OK"))
        wire.close()
        wire = Wire(server)
    wire.close()


def gsasl(server, name, *arguments, ends=0):
    result = subprocess.run(
        ["gsasl", "--verbose", "--imap", *arguments], input="", capture_output=True, text=True, timeout=30)
    trusted = "server trusted" in result.stderr or ends != 0
    check(f"gsasl {name}", result.returncode == ends and trusted, result.stdout[-600:] + result.stderr[-300:])
    return result.stdout


def gsasl_imap(server):
    clear = ("--no-starttls", "--connect", f"127.0.0.1:{server.ports['imap']}")
    for mechanism in MECHANISMS:
        gsasl(server, mechanism, *clear, "-m", mechanism, "-a", "alice", "-p", PASSWORD)
    # Whose password is stored in the scheme, with rounds of its own.
    gsasl(server, "stored keys", *clear, "-m", "SCRAM-SHA-256", "-a", "stored", "-p", "pencil")
    gsasl(server, "keys that gsasl made", *clear, "-m", "SCRAM-SHA-1", "-a", "foreign", "-p", "pencil")
    gsasl(server, "PLAIN against stored keys", *clear, "-m", "PLAIN", "-a", "stored", "-p", "pencil")
    gsasl(server, "wrong password", *clear, "-m", "SCRAM-SHA-256", "-a", "alice", "-p", "wrong", ends=1)
    gsasl(server, "keys of another mechanism", *clear, "-m", "SCRAM-SHA-1", "-a", "stored", "-p", "pencil", ends=1)
    protected = ("--starttls", "--x509-ca-file", server.certificate, "--connect", f"localhost:{server.ports['imap']}")
    out = gsasl(server, "bound to TLS", *protected, "-m", "SCRAM-SHA-256-PLUS", "-a", "alice", "-p", PASSWORD)
    check("-PLUS only under TLS", "AUTH=SCRAM-SHA-256-PLUS" in out and "-PLUS" not in out.split("STARTTLS")[0])


def mbsync(server):
    if shutil.which("mbsync") is None:
        return skip("mbsync", "not installed: isync")
    local = f"{server.directory}/local"
    os.makedirs(local, exist_ok=True)
    for mechanism in MECHANISMS:
        with open(f"{server.directory}/mbsyncrc", "w") as file:
            file.write(f"""
IMAPAccount m
Host 127.0.0.1
Port {server.ports['imap']}
User alice
Pass {PASSWORD}
SSLType None
AuthMechs {mechanism}

IMAPStore remote
Account m

MaildirStore local
Path {local}/
Inbox {local}/INBOX

Channel c
Far :remote:
Near :local:
Patterns INBOX
Create Near
SyncState *
""")
        result = subprocess.run(
            ["mbsync", "-c", f"{server.directory}/mbsyncrc", "-a"], capture_output=True, text=True, timeout=60)
        check(f"mbsync {mechanism}", result.returncode == 0 and f"method={mechanism}" in server.log(),
              result.stdout + result.stderr)


def sieve_connect(server):
    if shutil.which("sieve-connect") is None:
        return skip("sieve-connect", "not installed")
    result = subprocess.run(
        ["sieve-connect", "--server", "localhost", "--port", str(server.ports["sieve"]), "--user", "alice",
         "--passwordfd", "0", "--tlscafile", server.certificate, "--authmech", "SCRAM-SHA-1", "--list"],
        input=PASSWORD + "\n", capture_output=True, text=True, timeout=30)
    if "No SASL mechanism found" in result.stderr:
        return skip("sieve-connect", "its SASL library has no SCRAM")
    check("sieve-connect SCRAM-SHA-1", result.returncode == 0, result.stdout + result.stderr)


def postfix(server, auth_socket):
    if os.getuid() != 0 or not os.path.exists("/usr/lib/postfix/sbin/smtpd"):
        return skip("Postfix", "needs root and the package postfix")
    mta = Postfix(server.lmtp_socket)
    with open(mta.etc / "main.cf", "a") as file:
        file.write(f"smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {auth_socket}\n"
                   "smtpd_sasl_security_options = noanonymous\n")
    try:
        mta.start()
        for mechanism in MECHANISMS:
            for password, ends in ((PASSWORD, 0), ("wrong", 1)):
                result = subprocess.run(
                    ["gsasl", "--verbose", "--smtp", "--no-starttls", "--connect", f"127.0.0.1:{mta.port}", "-m",
                     mechanism, "-a", "alice", "-p", password], input="", capture_output=True, text=True, timeout=30)
                check(f"Postfix {mechanism}, {password}", result.returncode == ends
                      and ("235 2.7.0" in result.stdout) == (ends == 0), result.stdout + result.stderr + mta.log()[-500:])
    finally:
        mta.stop()


def main():
    server = Martlet()
    auth_socket = f"{server.directory}/auth"
    with open(f"{server.directory}/martlet.conf", "a") as file:
        file.write(f"""
auth_mechanisms = plain scram-sha-256 scram-sha-256-plus scram-sha-1
service auth {{
  unix_listener {auth_socket} {{
    mode = 0666
  }}
}}
""")

    def made(*arguments):
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip()

    stored = made(binary("martlet"), "pw", "-s", "SCRAM-SHA-256", "-p", "pencil", "-r", "8192")
    check("pw", stored.startswith("{SCRAM-SHA-256}8192,") and "verified" in made(
        binary("martlet"), "pw", "-t", stored, "-p", "pencil"), stored)
    hashed = made(binary("martlet"), "pw", "-s", "SSHA256", "-p", "pencil")
    users = {"stored": stored, "hashed": hashed}
    if shutil.which("gsasl"):
        users["foreign"] = made("gsasl", "--mkpasswd", "-m", "SCRAM-SHA-1", "-p", "pencil")
    with open(f"{server.directory}/users", "a") as file:
        for user, password in users.items():
            file.write(f"{user}:{password}:{server.uid}:{server.gid}::{server.home(user)}::\n")
    server.start()
    pop3(server)
    managesieve(server)
    equal("the salt of nobody stays", salt(server, "nobody"), salt(server, "nobody"))
    check("nobody looks like somebody", all(
        len(base64.b64decode(salt(server, user)[0])) == 16 and salt(server, user)[1:] == salt(server, "nobody")[1:]
        for user in ("alice", "hashed")))
    mbsync(server)
    sieve_connect(server)
    if shutil.which("gsasl") is None:
        skip("gsasl", "not installed")
    else:
        gsasl_imap(server)
        postfix(server, auth_socket)
    check("no password in the log", "pencil" not in server.log() and "guess" not in server.log())
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
