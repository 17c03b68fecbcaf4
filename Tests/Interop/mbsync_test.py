"""mbsync syncs both ways: new mail, flags, expunges, a new folder; a second run transfers nothing."""

import imaplib
import pathlib
import re
import shutil
import subprocess

from martlet import Martlet, PASSWORD, check, equal, finish, skip


def message(number):
    return (f"From: a@example.org\r\nTo: alice@example.org\r\nSubject: message {number}\r\n"
            f"Message-ID: <{number}@example.org>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n"
            f"body {number} with ümlaut\r\n").encode()


def main():
    if shutil.which("mbsync") is None:
        skip("mbsync", "not installed: package isync")
        finish()
    server = Martlet(users=["alice"]).start()
    here = pathlib.Path(server.directory) / "mirror"
    here.mkdir()
    config = pathlib.Path(server.directory) / "mbsyncrc"
    config.write_text(f"""
IMAPAccount martlet
Host localhost
Port {server.ports['imaps']}
User alice
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {server.certificate}
PipelineDepth 50

IMAPStore far
Account martlet

MaildirStore near
Path {here}/
Inbox {here}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")

    def sync():
        result = subprocess.run(["mbsync", "-V", "-c", str(config), "all"], capture_output=True, text=True, timeout=300)
        return result.returncode, result.stdout + result.stderr

    def near(folder="INBOX"):
        return [path for kind in ("cur", "new") for path in (here / folder / kind).iterdir()]

    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login("alice", PASSWORD)
    for number in range(200):
        imap.append("INBOX", r"(\Flagged)" if number % 2 else None, None, message(number))
    imap.create("Work/Projects")
    imap.append("Work/Projects", None, None, message(1000))

    status, output = sync()
    equal("first sync succeeds", status, 0) or print(output[-2000:])
    equal("all messages are near", len(near()), 200)
    equal("a nested folder is near", len(near("Work/Projects")), 1)
    equal("flags are near", sum(1 for path in near() if "F" in path.name.rsplit(":2,", 1)[-1]), 100)
    octets = sorted(path.read_bytes().replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for path in near())
    equal("bodies are the same", octets,
          sorted(message(n).replace(b"\r\n", b"\n").split(b"\n\n", 1)[1] for n in range(200)))

    status, output = sync()
    equal("second sync succeeds", status, 0)
    names_before = sorted(path.name for path in near())
    # With -V mbsync reports at the end what went each way; nothing may have.
    moved = re.findall(r"[+*#-](\d+)", " ".join(re.findall(r"(?:Far|Near|F|N): [+*#0-9 -]+", output)))
    check("second sync transfers nothing", all(int(count) == 0 for count in moved), output[-500:])
    equal("second sync changes nothing near", sorted(path.name for path in near()), names_before)

    # Near to far: a new message, a flag, a removal, a new folder.
    new = here / "INBOX" / "new" / "1.mine.host"
    new.write_bytes(message(5000).replace(b"\r\n", b"\n"))
    flagged = next(path for path in near() if path.name.endswith(":2,"))
    flagged.rename(flagged.with_name(flagged.name + "S").parent.parent / "cur" / (flagged.name + "S"))
    # Not the one that is expunged below.
    fourth = message(3).replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
    victim = next(path for path in near() if path.name.endswith(":2,F") and not path.read_bytes().endswith(fourth))
    victim.rename(victim.with_name(victim.name + "T").parent.parent / "cur" / (victim.name + "T"))
    for kind in ("cur", "new", "tmp"):
        (here / "Fresh" / kind).mkdir(parents=True)
    (here / "Fresh" / "new" / "2.mine.host").write_bytes(message(6000).replace(b"\r\n", b"\n"))
    # Far to near: a flag and an expunge.
    imap.select("INBOX")
    imap.store("1", "+FLAGS", r"(\Answered)")
    imap.store("4", "+FLAGS", r"(\Deleted)")
    imap.expunge()
    status, output = sync()
    equal("two-way sync succeeds", status, 0) or print(output[-2000:])
    imap.noop()
    imap.select("INBOX")
    equal("far has the new message and not the removed", len(imap.search(None, "ALL")[1][0].split()), 199)
    equal("far has the seen flag", len(imap.search(None, "SEEN")[1][0].split()), 1)
    equal("the new folder is far", imap.select("Fresh")[1], [b"1"])
    equal("near has the answered flag", sum(1 for path in near() if "R" in path.name.rsplit(":2,", 1)[-1]), 1)
    equal("near lost the expunged", len(near()), 199)
    status, output = sync()
    equal("last sync succeeds", status, 0)
    imap.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
