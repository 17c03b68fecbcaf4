"""offlineimap3 syncs both ways: first sync, flags, new mail, deletions and folders of either side."""

import os
import pathlib
import shutil
import subprocess

from martlet import Martlet, PASSWORD, check, equal, finish, skip
from samples import SPECIAL_USE, found, message, witness


def main():
    if shutil.which("offlineimap") is None:
        skip("offlineimap", "not installed: package offlineimap3")
        finish()
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    home = pathlib.Path(server.directory) / "offlineimap"
    home.mkdir()
    here = home / "mail"
    (home / "rc").write_text(f"""
[general]
accounts = main
metadata = {home}/state
ui = quiet
[Account main]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {here}
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.ports['imaps']}
remoteuser = alice
remotepass = {PASSWORD}
ssl = yes
sslcacertfile = {server.certificate}
maxconnections = 3
""")

    def sync():
        result = subprocess.run(["offlineimap", "-c", str(home / "rc"), "-o"], capture_output=True, text=True, timeout=300,
                                env=dict(os.environ, HOME=str(home)))
        return result.returncode, result.stdout + result.stderr

    def near(folder="INBOX"):
        return [path for kind in ("cur", "new") for path in (here / folder / kind).iterdir()]

    imap = witness(server)
    for number in range(60):
        imap.append("INBOX", r"(\Flagged)" if number % 2 else None, None, message(number))
    imap.create("Work/Projects")
    imap.append("Work/Projects", None, None, message("nested"))
    status, output = sync()
    if not equal("first sync succeeds", status, 0):
        print(output[-2000:])
    equal("all messages are near", len(near()), 60)
    equal("a nested folder is near", len(near("Work.Projects")), 1)
    check("special folders are near", all((here / name).is_dir() for name in ("Drafts", "Sent", "Trash")))
    equal("flags are near", sum("F" in path.name.rsplit(":2,", 1)[-1] for path in near()), 30)

    names = sorted(path.name for path in near())
    equal("second sync succeeds", sync()[0], 0)
    equal("second sync changes nothing", sorted(path.name for path in near()), names)

    (here / "INBOX" / "new" / "1.mine.host").write_bytes(message("mine").replace(b"\r\n", b"\n"))
    seen = next(path for path in near() if path.name.endswith(":2,"))
    (here / "INBOX" / "cur").mkdir(exist_ok=True)
    seen.rename(here / "INBOX" / "cur" / (seen.name + "S"))
    victim = next(path for path in near() if path.name.endswith(":2,F"))
    victim.unlink()
    imap.select("INBOX")
    imap.store("3", "+FLAGS", r"(\Answered)")
    imap.store("5", "+FLAGS", r"(\Deleted)")
    imap.expunge()
    imap.append("INBOX", None, None, message("theirs"))
    status, output = sync()
    if not equal("two-way sync succeeds", status, 0):
        print(output[-2000:])
    equal("far has the new one and lost the deleted", len(found(imap, "INBOX")), 60)
    equal("far has the one made near", len(found(imap, "INBOX", "SUBJECT", '"message mine"')), 1)
    equal("far has the seen flag", len(found(imap, "INBOX", "SEEN")), 1)
    equal("near is the same", len(near()), 60)
    equal("near has the answered flag", sum("R" in path.name.rsplit(":2,", 1)[-1] for path in near()), 1)
    equal("last sync succeeds", sync()[0], 0)
    imap.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
