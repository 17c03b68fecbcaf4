"""martlet backup, restore, export, import, verify: on running daemons with thousands of messages, in both formats."""

import imaplib
import json
import mailbox
import os
import re
import shutil
import subprocess
import threading
import time

from martlet import Martlet, binary, check, equal, finish, wait_until, PASSWORD

COUNT = int(os.environ.get("BACKUP_MESSAGES", "240"))


class Client:
    def __init__(self, server, user):
        self.imap = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"])
        self.imap.login(user, PASSWORD)

    def picture(self):
        """Everything that clients see, by mailbox."""
        boxes = {}
        for line in self.imap.list()[1]:
            name = line.decode().split(' "/" ')[-1] if ' "/" ' in line.decode() else line.decode().split()[-1]
            plain = name.strip('"')
            status, _ = self.imap.select(f'"{plain}"', readonly=True)
            if status != "OK":
                continue
            validity = self.imap.response("UIDVALIDITY")[1][0].decode()
            rows = []
            for item in self.imap.uid("fetch", "1:*", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
                if not isinstance(item, tuple):
                    continue
                head = item[0].decode()
                flags = sorted(flag for flag in re.search(r"FLAGS \(([^)]*)\)", head)[1].split() if flag != "\\Recent")
                rows.append((re.search(r"UID (\d+)", head)[1], flags, re.search(r'INTERNALDATE "([^"]*)"', head)[1],
                             re.search(r"RFC822.SIZE (\d+)", head)[1], item[1].decode().strip()))
            boxes[plain] = (validity, rows)
        return boxes

    def subscriptions(self):
        return sorted(line.decode().split()[-1].strip('"') for line in self.imap.lsub()[1] if line)


def message(number):
    body = "".join(f"Line {line} of {number}\r\n" for line in range(number % 40))
    return (f"From: a@example.org\r\nSubject: number {number}\r\nMessage-ID: <{number}@example.org>\r\n"
            f"Date: Sat, 03 Jan 1998 01:05:34 +0000\r\n\r\n{body}From here on\r\n>From there\r\n").encode()


def fill(client, first, count):
    for number in range(first, first + count):
        box = ("INBOX", "Work", "Work/Deep")[number % 3]
        flags = {0: "\\Seen", 1: "", 2: "\\Flagged \\Answered", 3: "$Forwarded work"}[number % 4]
        date = imaplib.Time2Internaldate(900_000_000 + number * 1000)
        client.append(f'"{box}"', f"({flags})", date, message(number))


def foreign_files(server, martlet, name):
    """What `import` makes of directories that others have filled."""
    # Messages of one second in the order of their arrival, whatever has been read.
    source = f"{server.directory}/order"
    for folder in ("cur", "new", "tmp", ".Work/cur", ".Work/new"):
        os.makedirs(f"{source}/{folder}")
    for place, subject in (("new/100.M2P7.h", "b"), ("cur/100.M10P7.h:2,S", "c"), ("cur/100.M1P9.h:2,", "a"),
                           ("new/99.x.h", "first"), ("cur/101.M0P1.h:2,", "last")):
        with open(f"{source}/{place}", "w") as file:
            file.write(f"Subject: {subject}\n\nbody\n")
    with open(f"{source}/subscriptions", "w") as file:
        file.write("V\t2\n\nINBOX\nWork\nEntw&APw-rfe\tAlt\n")
    status, out, err = martlet("import", "-u", "erin", "--into", "Order", source)
    check(name("import of a foreign Maildir"), status == 0 and err == "", f"{status} {err}")
    erin = Client(server, "erin")
    equal(name("order of arrival"), [row[4] for row in erin.picture()["Order/INBOX"][1]],
          [f"Subject: {subject}" for subject in ("first", "a", "b", "c", "last")])
    check(name("subscriptions are imported"),
          {"Order/INBOX", "Order/Work", "Order/Entw&APw-rfe/Alt"} <= set(erin.subscriptions()), erin.subscriptions())
    # One file that is no mbox does not keep the others out.
    source = f"{server.directory}/boxes"
    os.makedirs(f"{source}/Deep")
    for file, text in (("One.mbox", "From a Sat Nov 21 09:00:00 2026\nSubject: one\n\nbody\n"), ("notes", "just text\n"),
                       ("empty", ""), ("Deep/Two", "From a Sat Nov 21 09:00:00 2026\nSubject: two\n\nbody\n"),
                       (".subscriptions", "Deep/Two\n")):
        with open(f"{source}/{file}", "w") as opened:
            opened.write(text)
    status, out, err = martlet("import", "-u", "erin", "--into", "Boxes", source)
    check(name("a foreign file is named and left out"), status == 0 and "boxes/notes is no mbox file" in err, f"{status} {err}")
    erin = Client(server, "erin")
    equal(name("the others are there"),
          sorted((box, len(rows)) for box, (_, rows) in erin.picture().items() if box.startswith("Boxes/")),
          [("Boxes/Deep/Two", 1), ("Boxes/One", 1), ("Boxes/empty", 0)])
    check(name("subscriptions beside mbox files"), "Boxes/Deep/Two" in erin.subscriptions(), erin.subscriptions())
    status, out, err = martlet("import", "-u", "erin", f"{source}/notes")
    check(name("alone it is refused"), status == 65 and "this is no mbox file" in err, f"{status} {err}")


NAMESPACES = """
acl_driver = vfile
namespace archive {
  prefix = Archive/
  separator = /
  mail_path = ~/archive
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  list = children
  subscriptions = no
}
"""


def run_namespaces(driver):
    """Further namespaces, and what others have of their own of shared mail."""
    server = Martlet(users=("alice", "bob"), extra=f"mail_driver = {driver}\n{NAMESPACES}")
    server.start()

    def name(text):
        return f"{driver}, namespaces: {text}"

    def martlet(*words):
        result = subprocess.run(
            [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words], capture_output=True, timeout=300)
        return result.returncode, result.stderr.decode()

    alice = Client(server, "alice").imap
    for box in ("Work", "Archive/Old"):
        alice.create(box)
        alice.append(box, None, None, message(1))
        alice.append(box, None, None, message(2))
    alice.setacl("Work", "bob", "lrs")
    bob = Client(server, "bob").imap
    bob.select("shared/alice/Work")
    bob.store("1", "+FLAGS", "(\\Seen)")

    status, err = martlet("export", "-u", "alice", f"{server.directory}/own")
    check(name("export names what it leaves out"), status == 0 and "--namespace archive" in err, f"{status} {err}")
    status, err = martlet("export", "-u", "alice", "--namespace", "archive", f"{server.directory}/archive")
    equal(name("export of a namespace"), (status, err), (0, ""))
    equal(name("it is there"), len(os.listdir(f"{server.directory}/archive/.Old/cur")), 2)
    status, err = martlet("import", "-u", "bob", "--namespace", "archive", f"{server.directory}/archive")
    equal(name("import into a namespace"), (status, err), (0, ""))
    equal(name("and there, too"), Client(server, "bob").imap.select("Archive/Old")[1], [b"2"])

    # All users, each into a file of his own, and what changed since.
    equal(name("backup of all"), martlet("backup", "-A", f"{server.directory}/all.0"), (0, ""))
    bob.append("INBOX", None, None, message(7))
    equal(name("increments of all"),
          martlet("backup", "-A", "--since", f"{server.directory}/all.0", f"{server.directory}/all.1"), (0, ""))
    equal(name("a file for each"), [sorted(os.listdir(f"{server.directory}/all.{number}")) for number in (0, 1)],
          [["alice", "bob"]] * 2)
    files = [f"{server.directory}/all.{number}/bob" for number in (0, 1)]
    whole = open(files[0], "rb").read()
    equal(name("no increment in the place of its base"),
          martlet("backup", "-A", "--since", f"{server.directory}/all.0", f"{server.directory}/all.0")[0], 64)
    check(name("the base stays"), open(files[0], "rb").read() == whole)
    equal(name("restore of one of them"), martlet("restore", "-u", "bob", "--into", "Back", *files), (0, ""))
    equal(name("with what came later"), Client(server, "bob").imap.select("Back/INBOX")[1], [b"1"])

    # A new server, to which the reader comes later than the owner's backup.
    equal(name("backup"), martlet("backup", "-u", "alice", f"{server.directory}/alice.0"), (0, ""))
    server.stop()
    for place in ("state", "home"):
        shutil.rmtree(f"{server.directory}/{place}")
    os.mkdir(f"{server.directory}/home")
    os.chown(f"{server.directory}/home", server.uid, server.gid)
    server.start()
    equal(name("restore"), martlet("restore", "-u", "alice", f"{server.directory}/alice.0"), (0, ""))
    bob = Client(server, "bob").imap
    bob.select("shared/alice/Work")
    equal(name("what another has read is read"), bob.search(None, "SEEN")[1], [b"1"])
    server.stop()


def run(driver):
    server = Martlet(users=("alice", "bob", "carol", "dave", "erin"), extra=f"mail_driver = {driver}\n")
    server.start()

    def name(text):
        return f"{driver}: {text}"

    def martlet(*words, given=None):
        result = subprocess.run(
            [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words], input=given, capture_output=True, timeout=300)
        return result.returncode, result.stdout, result.stderr.decode()

    def done(text, *words, given=None):
        status, out, err = martlet(*words, given=given)
        check(name(text), status == 0 and err == "", f"{status} {err} {out[:300]}")
        return out

    alice = Client(server, "alice")
    for box in ("Work", "Work/Deep", "Empty"):
        alice.imap.create(box)
    alice.imap.subscribe("Work")
    fill(alice.imap, 0, COUNT)
    alice.imap.select("Work")
    alice.imap.uid("store", "3:5", "+FLAGS", "(\\Deleted)")
    alice.imap.expunge()
    alice.imap.uid("copy", "10:20", "Work/Deep")
    done("metadata", "mailbox", "metadata", "set", "-u", "alice", "Work", "/private/comment", "my work")
    done("script", "sieve", "put", "-u", "alice", "-a", "main", "-", given=b"keep;\n")
    before = alice.picture()
    file = f"{server.directory}/alice.1"

    # While a backup runs, somebody works.
    stopping = threading.Event()

    def work():
        busy = Client(server, "alice").imap
        busy.select("Empty")
        while not stopping.is_set():
            busy.append("Empty", None, None, message(99_999))
    worker = threading.Thread(target=work)
    worker.start()
    begun = time.monotonic()
    done("backup", "backup", "-u", "alice", file)
    took = time.monotonic() - begun
    stopping.set()
    worker.join()
    print(f"# {driver}: {COUNT} messages backed up in {took:.2f} s, {os.path.getsize(file)} octets", flush=True)
    before.pop("Empty")
    report = json.loads(done("check", "restore", "--check", "-f", "json", file))
    check(name("what is in it"), report[0]["account"] == "alice" and int(report[0]["messages"]) >= COUNT, report)

    def same(text, got, wanted, uids=True):
        got = dict(got)
        got.pop("Empty", None)
        if not uids:
            got = {box: [row[1:] for row in rows[1]] for box, rows in got.items()}
            wanted = {box: [row[1:] for row in rows[1]] for box, rows in wanted.items()}
        for box in sorted(set(got) | set(wanted)):
            if got.get(box) != wanted.get(box):
                check(name(text), False, f"{box}: {str(got.get(box))[:300]} instead of {str(wanted.get(box))[:300]}")
                return
        check(name(text), True)

    # Into an empty account: the same UIDs and all.
    done("restore", "restore", "-u", "bob", file)
    bob = Client(server, "bob")
    same("everything is back", bob.picture(), before)
    equal(name("subscriptions are back"), bob.subscriptions(), alice.subscriptions())
    equal(name("metadata is back"),
          done("metadata get", "mailbox", "metadata", "get", "-u", "bob", "Work", "/private/comment").split()[-2:], [b"my", b"work"])
    equal(name("the script is back"), done("sieve get", "sieve", "get", "-u", "bob", "main"), b"keep;\n")
    rows = json.loads(done("restore again", "restore", "-f", "json", "-u", "bob", file))
    check(name("nothing comes twice"), all(row["restored"] == "0" for row in rows), rows)
    same("still the same", Client(server, "bob").picture(), before)

    # An increment.
    alice.imap.select("INBOX")
    alice.imap.uid("store", "1:10", "+FLAGS", "(\\Flagged)")
    alice.imap.uid("store", "11:15", "+FLAGS", "(\\Deleted)")
    alice.imap.expunge()
    alice.imap.uid("move", "20:25", "Work")
    alice.imap.rename("Work/Deep", "Depth")
    fill_at = COUNT + 1000
    for number in range(fill_at, fill_at + 30):
        alice.imap.append("INBOX", None, imaplib.Time2Internaldate(950_000_000 + number), message(number))
    second = f"{server.directory}/alice.2"
    done("increment", "backup", "-u", "alice", "--since", file, second)
    check(name("it is small"), os.path.getsize(second) < os.path.getsize(file) / 3 + 200_000,
          f"{os.path.getsize(second)} of {os.path.getsize(file)}")
    after = alice.picture()
    after.pop("Empty")
    done("restore both", "restore", "-u", "carol", file, second)
    same("both together", Client(server, "carol").picture(), after)
    status, _, err = martlet("restore", "-u", "carol", second)
    check(name("an increment alone is refused"), status == 65 and "increment" in err, f"{status} {err}")

    # One mailbox, elsewhere.
    done("one mailbox below another", "restore", "-u", "alice", "--mailbox", "Work", "--into", "Restored", file)
    restored = Client(server, "alice").picture()
    equal(name("it is there"), [row[4] for row in restored.get("Restored/Work", (0, []))[1]], [row[4] for row in before["Work"][1]])

    # Standard output and input, cut and damaged.
    octets = done("to standard output", "backup", "-u", "alice", "-")
    done("from standard input", "restore", "-u", "dave", "-", given=octets)
    for cut in (5, 100, len(octets) // 2, len(octets) - 1):
        status, _, err = martlet("restore", "-u", "erin", "-", given=octets[:cut])
        check(name(f"cut at {cut}"), status == 65 and "cut short" in err, f"{status} {err}")
    broken = bytearray(octets)
    broken[len(broken) // 2] ^= 1
    status, _, err = martlet("restore", "-u", "erin", "-", given=bytes(broken))
    check(name("damaged"), status == 65 and "damaged at octet" in err and "behind" in err, f"{status} {err}")
    done("and then the whole one", "restore", "-u", "erin", "-", given=octets)
    same("after a broken try", Client(server, "erin").picture(), {k: v for k, v in Client(server, "alice").picture().items() if k != "Empty"})

    # Files of other programs.
    for form in ("maildir", "mbox"):
        target = f"{server.directory}/export-{form}"
        done(f"export {form}", "export", "-u", "alice", "-t", form, target)
        if form == "mbox":
            found = sorted(str(item["subject"]) for item in mailbox.mbox(f"{target}/Work.mbox"))
            equal(name("Python reads the mbox"), found, sorted(row[4].removeprefix("Subject: ") for row in after["Work"][1]))
        else:
            found = sorted(str(item["subject"]) for item in mailbox.Maildir(f"{target}/.Work", create=False))
            equal(name("Python reads the Maildir"), found, sorted(row[4].removeprefix("Subject: ") for row in after["Work"][1]))
        done(f"import {form}", "import", "-u", "dave", "--into", form, target)
        pictures = Client(server, "dave").picture()
        for box in ("INBOX", "Work", "Depth"):
            got = sorted(row[1:] for row in pictures.get(f"{form}/{box}", (0, []))[1])
            wanted = sorted(row[1:] for row in after[box][1])
            # A Maildir has letters for keywords, an mbox names; sizes may differ by the last line's end.
            equal(name(f"{form} {box}"), [(flags, date, subject) for flags, date, size, subject in got],
                  [(flags, date, subject) for flags, date, size, subject in wanted])
        rows = json.loads(done(f"import {form} again", "import", "-f", "json", "-u", "dave", "--skip-duplicates", "--into", form, target))
        check(name(f"{form}: no duplicates"), all(row["restored"] == "0" for row in rows), rows)

    foreign_files(server, martlet, name)

    # Whether all is well, with the daemon at work and without.
    wait_until(lambda: martlet("verify")[0] == 0, 5)
    status, out, err = martlet("verify", "-f", "json")
    equal(name("verify finds nothing"), (status, json.loads(out), err), (0, [], ""))
    if driver == "maildir":
        work = server.maildir("alice") / ".Work"
        victims = sorted(os.listdir(work / "cur"))[:3]
        with open(work / "cur" / victims[0], "ab") as opened:
            opened.write(b"more\n")
        status, out, _ = martlet("verify", "-f", "json", "-u", "alice")
        findings = json.loads(out)
        check(name("verify finds a file that has grown"),
              status == 65 and [row["check"] for row in findings if row["mailbox"] == "Work"] == ["size"], out)
        status, out, _ = martlet("verify", "--repair", "-f", "json", "-u", "alice")
        check(name("verify mends it"), status == 0 and all(row["repaired"] == "yes" for row in json.loads(out)), out)
        wait_until(lambda: martlet("verify", "-u", "alice")[0] == 0, 5)
        equal(name("and is content"), martlet("verify", "-u", "alice")[0], 0)
    server.stop()
    if driver == "pack":
        # One octet of one message.
        log = f"{server.directory}/state/volume/log"
        for segment in sorted(os.listdir(log)):
            if not segment.endswith(".segment"):
                continue
            data = bytearray(open(f"{log}/{segment}", "rb").read())
            place = data.find(b"Subject: number 5\r\n")
            if place >= 0:
                data[place + 3] ^= 1
                open(f"{log}/{segment}", "r+b").write(data)
                break
        status, out, _ = martlet("verify", "-f", "json")
        checks = [row["check"] for row in json.loads(out)]
        check(name("verify finds a damaged octet"), status == 65 and "log" in checks and "body" in checks, out[:400])
    # The index goes away; it comes back the same.
    shutil.rmtree(f"{server.directory}/state/volume/index")
    server.start()
    got = Client(server, "carol").picture()
    got.pop("Empty", None)
    if driver == "maildir":
        same("without an index", got, after)
    rows = json.loads(done("scrub", "scrub", "-f", "json"))
    check(name("scrub says something"), rows[0]["state"] in ("waiting", "running"), rows)
    server.stop()


for driver in ("maildir", "pack"):
    run(driver)
    run_namespaces(driver)
finish()
