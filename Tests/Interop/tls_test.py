"""curl over imaps and pop3s, and openssl s_client for what TLS agrees on."""

import re
import shutil
import smtplib
import subprocess

from martlet import Martlet, PASSWORD, check, equal, finish, skip


def s_client(server, port, *arguments, send=b""):
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{port}", "-servername", "localhost", "-CAfile",
         server.certificate, *arguments],
        input=send, capture_output=True, timeout=30)
    return result.returncode, (result.stdout + result.stderr).decode(errors="replace")


def main():
    server = Martlet(users=["alice"]).start()
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
        lmtp.sendmail("sender@example.org", ["alice"], "Subject: over curl\r\n\r\nhello\r\n")

    if shutil.which("curl"):
        def curl(*arguments):
            return subprocess.run(
                ["curl", "-sS", "--cacert", server.certificate, "-u", f"alice:{PASSWORD}", *arguments],
                capture_output=True, text=True, timeout=30)
        result = curl(f"imaps://localhost:{server.ports['imaps']}/INBOX;MAILINDEX=1")
        check("curl imaps fetches", "Subject: over curl" in result.stdout, result.stdout + result.stderr)
        result = curl(f"imaps://localhost:{server.ports['imaps']}/")
        check("curl imaps lists", "INBOX" in result.stdout, result.stdout + result.stderr)
        result = curl(f"pop3s://localhost:{server.ports['pop3s']}/1")
        check("curl pop3s fetches", "Subject: over curl" in result.stdout, result.stdout + result.stderr)
        result = curl("--ssl-reqd", f"imap://localhost:{server.ports['imap']}/INBOX;MAILINDEX=1")
        check("curl imap STARTTLS", "Subject: over curl" in result.stdout, result.stdout + result.stderr)
    else:
        skip("curl", "not installed")

    for name, arguments in {"TLSv1.2": ["-tls1_2"], "TLSv1.3": ["-tls1_3"]}.items():
        status, output = s_client(server, server.ports["imaps"], *arguments, send=b"a LOGOUT\r\n")
        check(f"{name} works", name in output and "Verify return code: 0" in output, output[-600:])
    for name, arguments in {"TLSv1.1": ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                            "TLSv1": ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]}.items():
        status, output = s_client(server, server.ports["imaps"], *arguments)
        check(f"{name} is refused", "Cipher is (NONE)" in output or "alert" in output, output[-600:])
    status, output = s_client(server, server.ports["imaps"], "-alpn", "imap", send=b"a LOGOUT\r\n")
    check("ALPN imap", "ALPN protocol: imap" in output, output[-600:])
    status, output = s_client(server, server.ports["imap"], "-starttls", "imap", send=b"a LOGOUT\r\n")
    check("STARTTLS imap", "Verify return code: 0" in output, output[-600:])
    status, output = s_client(server, server.ports["pop3"], "-starttls", "pop3", send=b"QUIT\r\n")
    check("STLS pop3", "Verify return code: 0" in output, output[-600:])
    session = f"{server.directory}/session.pem"
    s_client(server, server.ports["imaps"], "-tls1_2", "-sess_out", session, send=b"a LOGOUT\r\n")
    status, output = s_client(server, server.ports["imaps"], "-tls1_2", "-sess_in", session, send=b"a LOGOUT\r\n")
    check("session tickets resume", re.search(r"^Reused, TLSv1.2", output, re.M) is not None, output[-600:])
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
