"""System users: PAM checks the password in a worker process, mail lies in ~/Maildir under the user's own uid.

Makes a user of the system and a PAM service file of its own, and removes both. Needs root.
"""

import atexit
import imaplib
import os
import pathlib
import secrets
import shutil
import smtplib
import subprocess
import threading
import time

from martlet import Martlet, PASSWORD, check, equal, finish, skip, wait_until

NAME = "mtt" + secrets.token_hex(3)
SERVICE = "martlet-" + NAME


def login(server, user, password):
    """Seconds it took, and whether it worked."""
    began = time.monotonic()
    try:
        with imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=60) as imap:
            imap.login(user, password)
        return time.monotonic() - began, True
    except imaplib.IMAP4.error:
        return time.monotonic() - began, False


def main():
    if os.getuid() != 0:
        skip("pam", "needs root, to make a user of the system")
        finish()
    subprocess.run(["useradd", "--create-home", "--shell", "/usr/sbin/nologin", NAME], check=True)
    atexit.register(lambda: subprocess.run(["userdel", "--remove", NAME], capture_output=True))
    subprocess.run(["chpasswd"], input=f"{NAME}:{PASSWORD}\n", text=True, check=True)
    service = pathlib.Path("/etc/pam.d") / SERVICE
    atexit.register(lambda: service.unlink(missing_ok=True))
    # A user called slow... waits in a module; all others go to pam_unix.
    service.write_text("auth required pam_unix.so\naccount required pam_unix.so\n")
    slow = pathlib.Path("/etc/pam.d") / (SERVICE + "-slow")
    atexit.register(lambda: slow.unlink(missing_ok=True))
    slow.write_text("auth required pam_exec.so quiet /bin/sleep 4\nauth required pam_deny.so\naccount required pam_permit.so\n")

    server = Martlet(users=["alice"], extra=f"""
passdb pam {{
  service_name = {SERVICE}
}}
passdb slowly {{
  driver = pam
  service_name = {SERVICE}-slow
}}
userdb passwd {{
}}
""").start()

    seconds, worked = login(server, NAME, PASSWORD)
    check("a system user logs in", worked, server.log()[-1500:])
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
        lmtp.sendmail("sender@example.org", [NAME], "Subject: to a system user\r\n\r\nhello\r\n")
    user = shutil._get_uid(NAME)
    home = pathlib.Path(os.path.expanduser("~" + NAME))
    files = [path for kind in ("new", "cur") for path in (home / "Maildir" / kind).iterdir()]
    equal("the mail is in ~/Maildir", len(files), 1)
    equal("under the user's own uid", {path.stat().st_uid for path in files}, {user})
    equal("and so is every file beside it",
          {path.stat().st_uid for path in (home / "Maildir").rglob("*")}, {user})
    with imaplib.IMAP4("127.0.0.1", server.ports["imap"]) as imap:
        imap.login(NAME, PASSWORD)
        imap.select("INBOX")
        imap.store("1", "+FLAGS", r"(\Seen \Flagged)")
        imap.create("Sub")
        imap.copy("1", "Sub")
    check("flags reach the file name",
          wait_until(lambda: any(path.name.endswith(":2,FS") for path in (home / "Maildir/cur").iterdir()), 10))
    equal("new mailboxes are the user's", (home / "Maildir/.Sub").stat().st_uid, user)

    # The wrong password goes through both services and takes seconds; nobody else may wait for it.
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(login(server, NAME, "wrong")))
    thread.start()
    time.sleep(0.3)
    times = [login(server, "alice", PASSWORD) for _ in range(5)]
    check("others log in meanwhile", all(worked for _, worked in times), str(times))
    check("at once", max(seconds for seconds, _ in times) < 1.5 and not outcome, f"{times} {outcome}")
    thread.join(60)
    check("the wrong password fails, after the slow module", outcome and not outcome[0][1] and outcome[0][0] > 3, str(outcome))
    seconds, worked = login(server, NAME, PASSWORD)
    check("the right one works afterwards", worked, server.log()[-1500:])
    mail = pathlib.Path(f"/proc/{server.role('mail')}/status").read_text()
    check("the mail role is not root", "\nUid:\t0" not in mail, mail)
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
