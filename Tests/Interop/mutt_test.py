"""mutt at a terminal: opens a mailbox, limits, reads, flags, saves to another folder, deletes, sees new mail."""

import os
import pathlib
import pty
import select
import shutil
import subprocess
import time

from martlet import Martlet, PASSWORD, check, equal, finish, skip, wait_until
from samples import SPECIAL_USE, found, message, witness


class Terminal:
    """A program at a pseudo-terminal; what it shows is read all the time and kept."""

    def __init__(self, command, environment):
        leader, follower = pty.openpty()
        os.set_blocking(leader, False)
        self.process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True)
        os.close(follower)
        self.leader = leader
        self.shown = b""

    def read(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            if select.select([self.leader], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.leader, 65536)
                except (BlockingIOError, OSError):
                    pass

    def wait(self, seconds):
        """Until the program has ended; it is killed when it has not by then."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.2)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            return None
        return self.process.returncode

    def type(self, text):
        os.write(self.leader, text.encode())


def main():
    if shutil.which("mutt") is None:
        skip("mutt", "not installed: package mutt")
        finish()
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    home = pathlib.Path(server.directory) / "mutt"
    (home / "cache").mkdir(parents=True)
    rc = home / "muttrc"
    rc.write_text(f"""
set folder=imap://alice@localhost:{server.ports['imap']}/
set imap_user=alice imap_pass={PASSWORD}
set ssl_starttls=yes ssl_force_tls=yes certificate_file={server.certificate} ssl_verify_host=no
set spoolfile=+INBOX mbox=+INBOX record=+Sent postponed=+Drafts
set header_cache={home}/cache message_cachedir={home}/cache
set quit=yes delete=yes move=no confirmappend=no mark_old=no wait_key=no confirmcreate=no
set imap_condstore=yes imap_qresync=yes imap_idle=yes timeout=1 mail_check=1 sort=mailbox-order
set pager_stop=yes
""")
    environment = dict(os.environ, TERM="xterm", HOME=str(home), LANG="C.UTF-8", LC_ALL="C.UTF-8")
    imap = witness(server)
    for number in range(1, 21):
        imap.append("INBOX", None, None, message(f"{number:02}"))
    imap.create("Archive")

    def run(keys, seconds=60):
        terminal = Terminal(["mutt", "-n", "-F", str(rc), "-e", f"push '{keys}'"], environment)
        return terminal.wait(seconds), terminal.shown.decode("utf-8", "replace")

    # Read the first, flag the second, save the third, delete the fourth, then sync and quit.
    status, shown = run("<first-entry><display-message><exit>2<enter><flag-message>3<enter><save-message>=Archive<enter>"
                        "4<enter><delete-message><sync-mailbox><quit>")
    if not equal("mutt ends well", status, 0):
        print(shown[-1500:].encode())
    check("it showed the message", "message 01" in shown, shown[-500:])
    equal("the one read is seen", found(imap, "INBOX", "SEEN")[:1], [b"1"])
    equal("one is flagged", len(found(imap, "INBOX", "FLAGGED")), 1)
    equal("saved and deleted are gone", len(found(imap, "INBOX")), 18)
    equal("the saved one is in the archive", len(found(imap, "Archive", "SUBJECT", '"message 03"')), 1)

    # A search on the server, and everything found tagged and copied.
    status, shown = run("<limit>=b\"body 1\"<enter><tag-pattern>~A<enter><tag-prefix><copy-message>=Work<enter><quit>")
    equal("second run with the header cache", status, 0)
    equal("what the server found is copied", len(found(imap, "Work")), 10)

    terminal = Terminal(["mutt", "-n", "-F", str(rc)], environment)
    check("mailbox opens", wait_until(lambda: terminal.read(0.2) or b"message 20" in terminal.shown, 30))
    imap.append("INBOX", None, None, message("pushed"))
    check("new mail appears by itself", wait_until(lambda: terminal.read(0.2) or b"message pushed" in terminal.shown, 30))
    terminal.type("x")
    equal("exit", terminal.wait(20), 0)
    imap.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
