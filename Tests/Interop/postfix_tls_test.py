"""Mail of scripts goes to real Postfix by STARTTLS and in TLS from the first octet; a certificate that is not valid for the
host's name, or that nobody vouches for, keeps it in the queue."""

import os
import shutil
import subprocess

from martlet import Martlet, check, equal, finish, free_port, skip, wait_until
from postfix_sending_test import DOMAIN, deliver, martlet, queue, replies, script
from postfix_test import Postfix

USERS = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"]


def setting(server, lines):
    path = f"{server.directory}/martlet.conf"
    text = open(path).read().split("# TLS\n")[0]
    with open(path, "w") as file:
        file.write(text + "# TLS\n" + lines)
    result = martlet(server, "reload")
    check("the settings are taken", not result.startswith("error"), result)


def main():
    if os.getuid() != 0:
        skip("postfix tls", "needs root")
        finish()
    if shutil.which("smtp-source") is None:
        skip("postfix tls", "no smtp-source: install the package postfix")
        finish()
    postfix = Postfix(None)
    certificate, key = f"{postfix.etc}/mta.pem", f"{postfix.etc}/mta.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    os.chmod(postfix.etc, 0o755)
    server = Martlet(users=USERS, extra=f"""
auth_username_format = %{{user | username}}
hostname = mail.{DOMAIN}
outgoing_queue_retry_min = 10m
outgoing_queue_retry_max = 10m
""", env={"SSL_CERT_FILE": certificate})
    smtps = free_port()
    with open(postfix.etc / "main.cf", "a") as file:
        file.write(f"virtual_transport = lmtp:unix:{server.lmtp_socket}\nsmtpd_tls_security_level = encrypt\n"
                   f"smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_loglevel = 1\n")
    with open(postfix.etc / "master.cf", "a") as file:
        file.write(f"127.0.0.1:{smtps} inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n")
    try:
        postfix.start()
        script(server, "alice", 'require "vacation"; vacation :subject "Auto: away" "I am away.";')
        server.start()

        def away(sender):
            """Whether the reply lands in the sender's mailbox, and what the queue says of one that does not."""
            check(f"mail of {sender}", deliver(server, sender, "alice", f"to {sender}"))
            wait_until(lambda: replies(server, sender) or any(mail["last error"] for mail in queue(server)), 75)
            return len(replies(server, sender)), " ".join(mail["last error"] for mail in queue(server))

        def clear():
            for mail in queue(server):
                martlet(server, "queue", "delete", mail["id"])

        setting(server, f"submission_host = localhost:{postfix.port}\nsubmission_ssl = starttls\n")
        equal("STARTTLS", away("bob"), (1, ""))
        check("in TLS indeed", "Anonymous TLS connection established from" in postfix.log()
              or "TLS connection established from" in postfix.log(), postfix.log()[-800:])
        setting(server, f"submission_host = localhost:{smtps}\nsubmission_ssl = smtps\n")
        equal("smtps", away("carol"), (1, ""))

        setting(server, f"submission_host = 127.0.0.1:{postfix.port}\nsubmission_ssl = starttls\n")
        count, error = away("dave")
        check("another name than the certificate's", count == 0 and "TLS" in error and "mismatch" in error, error)
        clear()
        setting(server, f"submission_host = localhost:{smtps}\nsubmission_ssl = starttls\n")
        count, error = away("erin")
        check("STARTTLS where TLS begins at once", count == 0 and error != "", error)
        clear()
        setting(server, f"submission_host = localhost:{postfix.port}\n")
        count, error = away("erin")
        check("no TLS where the MTA wants it", (count == 0 and "STARTTLS" in error) or queue(server) == [], error)
        clear()
        equal("stops cleanly", server.stop(), 0)
        server.env.pop("SSL_CERT_FILE")
        setting_text = f"submission_host = localhost:{postfix.port}\nsubmission_ssl = starttls\n"
        path = f"{server.directory}/martlet.conf"
        text = open(path).read().split("# TLS\n")[0]
        with open(path, "w") as file:
            file.write(text + "# TLS\n" + setting_text)
        server.start()
        count, error = away("frank")
        check("a certificate that nobody vouches for", count == 0 and "self-signed" in error, error)
        setting(server, setting_text + f"ssl_client_ca_file = {certificate}\n")
        for mail in queue(server):
            martlet(server, "queue", "retry", mail["id"])
        wait_until(lambda: replies(server, "frank"), 30)
        equal("one that is in ssl_client_ca_file", len(replies(server, "frank")), 1)
        other = f"{server.directory}/other.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/CN=localhost", "-keyout", "/dev/null", "-out", other], check=True, capture_output=True)
        setting(server, setting_text + f"ssl_client_ca_file = {other}\n")
        count, error = away("grace")
        check("one that is not in it", count == 0 and "self-signed" in error, error)
        equal("stops cleanly", server.stop(), 0)
    finally:
        postfix.stop()
    finish()


if __name__ == "__main__":
    main()
