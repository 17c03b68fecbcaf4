"""fetchmail fetches by POP3 with STLS and UIDL: keep fetches each mail once, without keep the mailbox empties."""

import imaplib
import os
import pathlib
import shutil
import subprocess

from martlet import Martlet, PASSWORD, check, equal, finish, skip


def main():
    if shutil.which("fetchmail") is None:
        skip("fetchmail", "not installed")
        finish()
    server = Martlet(users=["alice"]).start()
    directory = pathlib.Path(server.directory)
    spool = directory / "fetched"
    spool.mkdir()
    os.chmod(spool, 0o777)
    # Each mail goes to this program, which keeps it as a file of its own.
    taker = directory / "take.sh"
    taker.write_text(f'#!/bin/sh\nexec cat > "{spool}/$$.$(date +%N)"\n')
    os.chmod(taker, 0o755)

    def fetch(*options):
        rc = directory / "fetchmailrc"
        keep = "keep" if "keep" in options else "no keep"
        rc.write_text(f"""
poll localhost service {server.ports['pop3']} protocol pop3 uidl
  user alice password {PASSWORD} sslproto tls1.2+ sslcertck sslcertfile {server.certificate}
  mda {taker} {keep}
""")
        os.chmod(rc, 0o600)
        result = subprocess.run(
            ["fetchmail", "-v", "-v", "-f", str(rc), "-i", str(directory / "ids"), "--pidfile", str(directory / "pid")],
            capture_output=True, text=True, timeout=120, env=dict(os.environ, HOME=str(directory)))
        return result.returncode, result.stdout + result.stderr

    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login("alice", PASSWORD)

    def append(first, last):
        for number in range(first, last):
            imap.append("INBOX", None, None, (
                f"From: a@example.org\r\nTo: alice@example.org\r\nSubject: m{number}\r\n\r\n"
                f".leading dot\r\nbody {number}\r\n").encode())

    append(0, 20)
    status, output = fetch("keep")
    equal("keep: fetches", status, 0) or print(output[-3000:])
    check("keep: over TLS", "STLS" in output, output[-500:])
    equal("keep: twenty", len(list(spool.iterdir())), 20)
    bodies = b"".join(path.read_bytes() for path in spool.iterdir())
    equal("dots survive", bodies.count(b"\n.leading dot"), 20)
    status, output = fetch("keep")
    equal("keep again: nothing new", status, 1)
    append(20, 25)
    status, output = fetch("keep")
    equal("keep: only the new five", len(list(spool.iterdir())), 25)
    status, output = fetch()
    imap.select("INBOX")
    append(25, 28)
    status, output = fetch()
    equal("no keep: fetches", status, 0) or print(output[-3000:])
    imap.select("INBOX")
    left = imap.search(None, "ALL")[1][0].split()
    equal("no keep: the fetched are deleted, the seen stay", len(left), 25)
    imap.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
