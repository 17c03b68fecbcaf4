"""Maildirs that Dovecot has made, taken over, given back and taken over again: everything stays as it was left.

Dovecot fills accounts of several layouts; Martlet takes them over and changes them; Dovecot gets them back, with its
index files as they were and without them. What each of the two shows is noted (`State`) and compared.
"""

import hashlib
import imaplib
import os
import pathlib
import poplib
import re
import subprocess
import time

from dovecot import PROGRAM, Dovecot, can_do
from martlet import Martlet, PASSWORD, binary, check, equal, fail, finish, ok, skip

# User: where the mail is, as a userdb of Dovecot 2.3 says it, and where then are: INBOX, its text files, those of the
# mailbox Work, Dovecot's index of Work, and the file of subscriptions.
LAYOUTS = {
    "plain": ("maildir:~/Maildir", "Maildir", "Maildir", "Maildir/.Work", "Maildir/.Work", "Maildir"),
    "fs": ("maildir:~/Maildir:LAYOUT=fs", "Maildir", "Maildir", "Maildir/Work", "Maildir/Work", "Maildir"),
    "apart": (
        "maildir:~/Maildir:INBOX=~/in:CONTROL=~/control:INDEX=~/index", "in", "control/.INBOX", "control/.Work",
        "index/.Work", "control"),
    "deep": (
        "maildir:~/Maildir:LAYOUT=fs:DIRNAME=mbox:CONTROL=~/control:INDEX=~/index:SUBSCRIPTIONS=subs",
        "Maildir/INBOX/mbox", "control/INBOX", "control/Work", "index/Work", "control"),
}
# A system user's, with ids of its own.
LAYOUTS["system"] = LAYOUTS["plain"]
SYSTEM_ID = 64_001
# The same in settings of 2.4, as fields of Martlet's userdb.
NEW_SETTINGS = {
    "deep": "userdb_mail_path=~/Maildir userdb_mailbox_list_layout=fs userdb_mailbox_directory_name=mbox "
            "userdb_mail_control_path=~/control userdb_mail_index_path=~/index "
            "userdb_mailbox_subscriptions_filename=subs",
}
MAILBOXES = ["Work", "Work/2024", "Work/2024/Q1", "Entw&APw-rfe", "a b", "v1.2"]
COMPRESSIONS = ["gz", "bz2", "zstd", "lz4"]
EXTRA = """
first_valid_uid = 1000
maildir_very_dirty_syncs = no
protocol imap {
  mail_plugins = acl imap_acl listescape zlib quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=100M
  acl = vfile
  listescape_char = "\\\\"
}
"""


def body(number, octets=200):
    text = f"Subject: message {number}\r\nFrom: a@example.org\r\nDate: Sat, 1 Feb 2020 10:00:00 +0000\r\n\r\n"
    return (text + "line of text\r\n" * (octets // 14)).encode()


def connect(port, user):
    client = imaplib.IMAP4("127.0.0.1", port)
    client.login(user, PASSWORD)
    return client


def must(answer):
    if answer[0] != "OK":
        raise RuntimeError(f"{answer}")
    return answer[1]


def quoted(name):
    return f'"{name}"'


def names(lines):
    found = []
    for line in lines:
        match = line and re.match(rb'\((.*?)\) "?(.)"? (.*)$', line)
        if match and b"noselect" not in match.group(1).lower() and b"nonexistent" not in match.group(1).lower():
            found.append(match.group(3).strip(b'"').decode())
    return sorted(found)


def messages(client):
    """(uid, flags and keywords, size, time, digest) of each message of the selected mailbox."""
    found = []
    data = must(client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    for index, part in enumerate(data):
        if not isinstance(part, tuple):
            continue
        head = part[0] + (data[index + 1] if isinstance(data[index + 1], bytes) else b"")
        flags = sorted(re.search(rb"FLAGS \((.*?)\)", head).group(1).decode().split())
        found.append((
            int(re.search(rb"UID (\d+)", head).group(1)), [flag for flag in flags if flag != "\\Recent"],
            int(re.search(rb"RFC822.SIZE (\d+)", head).group(1)), len(part[1]),
            time.mktime(imaplib.Internaldate2tuple(head)), hashlib.sha256(part[1]).hexdigest()[:12]))
    return sorted(found)


class State:
    """What a server shows of a user's mail."""

    def __init__(self, server, user):
        client = connect(server.port if isinstance(server, Dovecot) else server.ports["imap"], user)
        self.folders = names(must(client.list('""', "*")))
        self.subscriptions = names(must(client.lsub('""', "*")))
        self.mailboxes = {}
        self.mod_seqs = {}
        for name in self.folders:
            line = must(client.status(quoted(name), "(MESSAGES UIDVALIDITY UIDNEXT HIGHESTMODSEQ)"))[0].decode()
            numbers = {key: int(value) for key, value in re.findall(r"([A-Z]+) (\d+)", line.rsplit("(", 1)[1])}
            self.mod_seqs[name] = numbers.pop("HIGHESTMODSEQ")
            must(client.select(quoted(name), readonly=True))
            self.mailboxes[name] = (numbers, messages(client) if numbers["MESSAGES"] else [])
        self.rights = sorted(must(client.getacl("Work"))[0].decode().split()[1:]) if "Work" in self.folders else []
        client.logout()
        pop3 = poplib.POP3("127.0.0.1", server.pop3_port if isinstance(server, Dovecot) else server.ports["pop3"])
        pop3.user(user)
        pop3.pass_(PASSWORD)
        self.unique_ids = pop3.uidl()[1]
        self.pop3_sizes = pop3.list()[1]
        self.first_lines = [pop3.top(number + 1, 0)[1] for number in range(len(self.unique_ids))]
        pop3.quit()

    def compare(self, label, wanted):
        for name in ("folders", "subscriptions", "rights", "unique_ids", "pop3_sizes", "first_lines"):
            equal(f"{label}: {name.replace('_', ' ')}", getattr(self, name), getattr(wanted, name))
        for name in wanted.folders:
            ours, theirs = self.mailboxes.get(name, ({}, [])), wanted.mailboxes[name]
            equal(f"{label}: {name}: UIDVALIDITY, UIDNEXT", ours[0], theirs[0])
            if ours[1] == theirs[1]:
                ok(f"{label}: {name}: UIDs, flags, keywords, sizes, dates, octets")
            else:
                differing = [pair for pair in zip(ours[1], theirs[1]) if pair[0] != pair[1]]
                fail(f"{label}: {name}: messages", f"{len(ours[1])} for {len(theirs[1])}: {str(differing[:3])[:600]}")


class Site:
    def __init__(self):
        self.martlet = Martlet(users=[], extra="acl_driver = vfile\nplugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=100M\n}\n")
        self.users = pathlib.Path(self.martlet.directory) / "users"
        self.write_users({})
        self.dovecot = Dovecot(
            plugins="acl listescape zlib quota", protocols="imap pop3", users=self.users, extra=EXTRA, fsync="optimized")

    def write_users(self, changed):
        lines = []
        for user, (location, *_) in LAYOUTS.items():
            fields = changed.get(user, f"userdb_mail={location}")
            ids = f"{self.uid(user)}:{self.uid(user)}"
            lines.append(f"{user}:{{PLAIN}}{PASSWORD}:{ids}::{self.home(user)}::{fields}\n")
            self.home(user).mkdir(mode=0o700, exist_ok=True)
            self.own(user, self.home(user))
        self.users.write_text("".join(lines))

    def home(self, user):
        return pathlib.Path(self.martlet.home(user))

    def uid(self, user):
        return SYSTEM_ID if user == "system" else self.martlet.uid

    def own(self, user, path):
        os.chown(path, self.uid(user), self.uid(user))

    def states(self, server):
        return {user: State(server, user) for user in LAYOUTS}


# MARK: 1. Boxes made by Dovecot

def fill(site, user):
    dovecot = site.dovecot
    client = connect(dovecot.port, user)
    for name in MAILBOXES:
        must(client.create(quoted(name)))
    must(client.subscribe("Work/2024"))
    must(client.subscribe(quoted("Entw&APw-rfe")))
    must(client.subscribe(quoted("v1.2")))
    # A name stays subscribed when its mailbox is deleted.
    must(client.create("Not/There"))
    must(client.subscribe("Not/There"))
    must(client.delete("Not/There"))
    keywords = ["", "$Forwarded", "NonJunk $Label1", "\\Seen Project-X", "\\Flagged \\Answered", "\\Draft $MDNSent"]
    for name in ["INBOX", "Work", "Work/2024/Q1", "Entw&APw-rfe", "v1.2"]:
        for number, flags in enumerate(keywords):
            date = imaplib.Time2Internaldate(1_580_000_000 + number * 1000)
            must(client.append(quoted(name), f"({flags})", date, body(f"{name} {number}", 500 + 700 * number)))
    # A hole among the UIDs, one of them the last.
    must(client.select("Work"))
    must(client.store("2,6", "+FLAGS", "(\\Deleted)"))
    must(client.expunge())
    must(client.setacl("Work", "$staff", "lr"))
    must(client.setacl("Work", "plain" if user != "plain" else "fs", "lrws"))
    client.logout()
    for number, kind in enumerate(COMPRESSIONS):
        dovecot.doveadm(
            "-o", f"plugin/zlib_save={kind}", "save", "-u", user, "-m", "Work/2024",
            input=body(kind, 3000 if number % 2 else 300_000))
    sieve = site.home(user) / "sieve"
    sieve.mkdir()
    (sieve / "main.sieve").write_text('require "fileinto";\nfileinto "Work";\n')
    (site.home(user) / ".dovecot.sieve").symlink_to("sieve/main.sieve")
    for path in (sieve, sieve / "main.sieve"):
        site.own(user, path)


def edit_lists(site, user):
    """What migrations and other programs leave, with Dovecot stopped: unique-ids, orders, GUIDs, mail in new/."""
    home = site.home(user)
    _, inbox, texts, *_ = LAYOUTS[user]
    path = home / texts / "dovecot-uidlist"
    lines = path.read_bytes().split(b"\n")
    changed = []
    for line in lines[1:]:
        number = line.split(b" ")[0]
        keys = {b"1": b"Pfrom-another-server O4", b"3": b"O1", b"4": b"Gaabbccdd00112233445566778899eeff"}.get(number, b"")
        changed.append(line.replace(b" :", b" " + keys + b" :", 1) if keys else line)
    path.write_bytes(b"\n".join(lines[:1] + changed))
    for number in range(2):
        file = home / inbox / "new" / f"160000000{number}.M1P1.elsewhere"
        file.write_bytes(body(f"only in new {number}").replace(b"\r\n", b"\n"))
        site.own(user, file)
    # A subscriptions file of version 1 stays one.
    if user == "fs":
        (home / "Maildir/subscriptions").write_text("Work/2024\nEntw&APw-rfe\nv1.2\nNot/There\n")


def clean_log(label, dovecot, known):
    text = dovecot.log()[known:]
    bad = [
        line for line in text.splitlines()
        if re.search(r"corrupt|uplicate|not ordered|Panic|Error|Warning", line) and "Killed with signal" not in line]
    check(f"{label}: Dovecot's log is clean", not bad, "\n".join(bad[:5]))
    return len(dovecot.log())


# MARK: 4. Changes by Martlet

def change(site, port, user, mark):
    client = connect(port, user)
    must(client.append("Work", "(\\Seen $Forwarded)", imaplib.Time2Internaldate(1_590_000_000), body(f"{mark} new")))
    must(client.select("Work"))
    must(client.store("1", "+FLAGS", f"(\\Flagged {mark}-keyword)"))
    must(client.store("2", "-FLAGS", "(\\Seen Project-X $Label1)"))
    must(client.copy("1:2", quoted("Entw&APw-rfe")))
    must(client.uid("MOVE", "4", quoted("v1.2")))
    must(client.store("2", "+FLAGS", "(\\Deleted)"))
    must(client.expunge())
    must(client.select("Work/2024"))
    must(client.copy("1:*", "INBOX"))
    must(client.create(quoted(f"{mark}/sub")))
    must(client.append(quoted(f"{mark}/sub"), "", None, body(f"{mark} sub")))
    must(client.create(quoted(f"old {mark}")))
    must(client.append(quoted(f"old {mark}"), "(\\Flagged)", None, body(f"{mark} renamed")))
    must(client.rename(quoted(f"old {mark}"), quoted(f"new {mark}.x")))
    must(client.create(f"gone-{mark}"))
    must(client.delete(f"gone-{mark}"))
    must(client.subscribe(quoted(f"{mark}/sub")))
    must(client.unsubscribe(quoted("v1.2")))
    must(client.setacl("Work", "$staff", "lr" if mark == "dovecot" else "lrs"))
    client.logout()


def seen_by_client(port, user, mailbox):
    """What a client with QRESYNC remembers: UIDVALIDITY, HIGHESTMODSEQ, its UIDs and their flags."""
    client = connect(port, user)
    must(client.enable("QRESYNC"))
    must(client.select(quoted(mailbox)))
    validity = int(client.response("UIDVALIDITY")[1][0])
    known = {row[0]: row[1] for row in messages(client)}
    highest = int(re.search(rb"HIGHESTMODSEQ (\d+)", must(client.status(quoted(mailbox), "(HIGHESTMODSEQ)"))[0]).group(1))
    client.logout()
    return validity, highest, known


def resynchronize(port, user, mailbox, remembered):
    """The UIDs and flags that such a client has after a quick resynchronization."""
    validity, highest, known = remembered
    known = dict(known)
    client = connect(port, user)
    must(client.enable("QRESYNC"))
    tag = client._new_tag()
    client.send(tag + f' SELECT "{mailbox}" (QRESYNC ({validity} {highest}))\r\n'.encode())
    while True:
        line = client._get_line()
        if line.startswith(tag):
            break
        vanished = re.match(rb"\* VANISHED \(EARLIER\) (\S+)", line)
        fetched = re.match(rb"\* \d+ FETCH \((.*)\)$", line)
        if vanished:
            for part in vanished.group(1).decode().split(","):
                first, _, last = part.partition(":")
                for uid in [uid for uid in known if int(first) <= uid <= int(last or first)]:
                    del known[uid]
        elif fetched:
            uid = int(re.search(rb"UID (\d+)", fetched.group(1)).group(1))
            flags = sorted(re.search(rb"FLAGS \((.*?)\)", fetched.group(1)).group(1).decode().split())
            known[uid] = [flag for flag in flags if flag != "\\Recent"]
    client.shutdown()
    return known


def present(state, mailbox):
    return {row[0]: row[1] for row in state.mailboxes[mailbox][1]}


# MARK: 8. Lists of UIDs of other times, and broken ones

OLD_LISTS = {
    "version 1": ("dovecot-uidlist", "1 1234567 30\n5 {0}\n9 {1}\n12 {2}\n", {5, 9, 12}),
    "Courier's": ("courierimapuiddb", "1 1234567 30\n5 {0}\n9 {1}\n12 {2}\n", {5, 9, 12}),
    "rows out of order": ("dovecot-uidlist", "3 V1234567 N30 G" + "ab" * 16 + "\n9 :{1}\n5 :{0}\n12 :{2}\n", {5, 9, 12}),
    "a header without N": ("dovecot-uidlist", "3 V1234567 N0 G" + "ab" * 16 + "\n5 :{0}\n9 :{1}\n12 :{2}\n", {5, 9, 12}),
    "garbage": ("dovecot-uidlist", "3 V1234567 N30 G" + "ab" * 16 + "\n5 :{0}\nwhat is this\n9 :{1}\n12 :{2}\n", {5, 9, 12}),
    "two names with one UID": ("dovecot-uidlist", "3 V1234567 N30 G" + "ab" * 16 + "\n5 :{0}\n9 :{1}\n9 :{2}\n", {5, 30, 31}),
}


def make_old_lists(site):
    files = ["1500000000.M1P1.h", "1500000001.M1P1.h", "1500000002.M1P1.h"]
    for title, (name, text, _) in OLD_LISTS.items():
        directory = site.home("plain") / "Maildir" / ("." + title.replace("'", "").replace(" ", "-"))
        for part in ("cur", "new", "tmp"):
            (directory / part).mkdir(parents=True)
            site.own("plain", directory / part)
        site.own("plain", directory)
        for file in files:
            (directory / "cur" / (file + ":2,S")).write_bytes(body(file))
            site.own("plain", directory / "cur" / (file + ":2,S"))
        (directory / name).write_text(text.format(*files))
        site.own("plain", directory / name)


def check_old_lists(site):
    client = connect(site.martlet.ports["imap"], "plain")
    for title, (_, _, wanted) in OLD_LISTS.items():
        folder = title.replace("'", "").replace(" ", "-")
        must(client.select(folder))
        equal(f"uidlist with {title}: UIDVALIDITY", int(client.response("UIDVALIDITY")[1][0]), 1234567)
        equal(f"uidlist with {title}: UIDs", {row[0] for row in messages(client)}, wanted)
        client.close()
        must(client.delete(folder))
    client.logout()


def owners(site):
    """Files below the homes that are not of the user's ids."""
    return [
        os.path.join(where, name) for user in LAYOUTS for where, directories, files in os.walk(site.home(user))
        for name in directories + files
        if os.lstat(os.path.join(where, name)).st_uid != site.uid(user) and name != ".dovecot.sieve"]


def size_on_file(site, user):
    """What `maildirsize` sums up to: octets and messages."""
    lines = (site.home(user) / LAYOUTS[user][5] / "maildirsize").read_text().splitlines()[1:]
    return [sum(int(line.split()[part]) for line in lines) for part in range(2)]


def main():
    if PROGRAM is None or not can_do("pop3") or not can_do("imap"):
        return skip("takeover", "not installed: packages dovecot-imapd, dovecot-pop3d")
    if os.getuid() != 0:
        return skip("takeover", "dovecot needs root")
    site = Site()
    try:
        run(site)
    except (RuntimeError, OSError, imaplib.IMAP4.error, poplib.error_proto) as error:
        log = [line for line in site.martlet.log().splitlines() if "Info" not in line]
        fail("to the end", f"{error!r}\n" + "\n".join(log[-5:] + site.dovecot.log().splitlines()[-3:]))


def run(site):
    dovecot, martlet = site.dovecot.start(), site.martlet
    known = 0
    for user in LAYOUTS:
        fill(site, user)
        State(dovecot, user)
    dovecot.stop()
    for user in LAYOUTS:
        edit_lists(site, user)
    dovecot.start()
    filled = site.states(dovecot)
    remembered = {user: seen_by_client(dovecot.port, user, "Work") for user in LAYOUTS}
    for user in LAYOUTS:
        client = connect(dovecot.port, user)
        must(client.select("Work"))
        must(client.store("1", "+FLAGS", "(\\Flagged)"))
        must(client.store("2", "+FLAGS", "(\\Deleted)"))
        must(client.expunge())
        client.logout()
    left = site.states(dovecot)
    dovecot.stop()
    known = clean_log("filling", dovecot, known)
    check("Dovecot lists by the O of its list", b"INBOX 2" in left["plain"].first_lines[0][0])
    make_old_lists(site)

    site.write_users(NEW_SETTINGS)
    martlet.start()
    check_old_lists(site)
    for user, state in site.states(martlet).items():
        state.compare(f"taken over, {user}", left[user])
        lower = [name for name in left[user].folders if state.mod_seqs.get(name, 0) <= left[user].mod_seqs[name]]
        check(f"taken over, {user}: MODSEQs above Dovecot's", not lower, str(lower))
        equal(f"taken over, {user}: QRESYNC with Dovecot's MODSEQ",
              resynchronize(martlet.ports["imap"], user, "Work", remembered[user]), present(state, "Work"))
        script = subprocess.run(
            [binary("martlet"), "sieve", "get", "-c", f"{martlet.directory}/martlet.conf", "-u", user, "main"],
            capture_output=True, text=True)
        check(f"taken over, {user}: Sieve script", 'fileinto "Work"' in script.stdout, script.stderr[:300])
        change(site, martlet.ports["imap"], user, "martlet")
    changed = site.states(martlet)
    remembered = {user: seen_by_client(martlet.ports["imap"], user, "Work") for user in LAYOUTS}
    martlet.stop()
    check("files are of their users", not owners(site), str(owners(site)[:3]))
    # But for what the test itself has put there, and what Dovecot has so, too.
    readable = [
        path.name for path in site.home("system").rglob("*") if path.stat().st_mode & 0o077
        and "sieve" not in str(path) and "uidvalidity." not in path.name and "elsewhere" not in path.name]
    equal("files are for nobody else", readable, [])
    site.write_users({})

    dovecot.start()
    for user, state in site.states(dovecot).items():
        state.compare(f"given back, {user}", changed[user])
        told = size_on_file(site, user)
        dovecot.doveadm("quota", "recalc", "-u", user)
        equal(f"given back, {user}: maildirsize", told, size_on_file(site, user))
        # So a client that knows Martlet's MODSEQs is told of what Dovecot changes.
        for name in state.folders:
            dovecot.doveadm(
                "mailbox", "update", "-u", user, "--min-highest-modseq", str(changed[user].mod_seqs[name]),
                imap_utf8(name))
        change(site, dovecot.port, user, "dovecot")
        equal(f"given back, {user}: QRESYNC with Martlet's MODSEQ",
              resynchronize(dovecot.port, user, "Work", remembered[user]), present(State(dovecot, user), "Work"))
    changed = site.states(dovecot)
    remembered = {user: seen_by_client(dovecot.port, user, "Work") for user in LAYOUTS}
    dovecot.stop()
    known = clean_log("given back", dovecot, known)

    site.write_users(NEW_SETTINGS)
    martlet.start()
    for user, state in site.states(martlet).items():
        state.compare(f"taken over again, {user}", changed[user])
        lower = [name for name in changed[user].folders if state.mod_seqs.get(name, 0) < changed[user].mod_seqs[name]]
        check(f"taken over again, {user}: MODSEQs not below Dovecot's", not lower, str(lower))
        client = connect(martlet.ports["imap"], user)
        must(client.select("Work"))
        must(client.store("1", "-FLAGS", "(\\Flagged)"))
        client.logout()
        equal(f"taken over again, {user}: QRESYNC with Dovecot's MODSEQ",
              resynchronize(martlet.ports["imap"], user, "Work", remembered[user]),
              present(State(martlet, user), "Work"))
    changed = site.states(martlet)
    martlet.stop()
    for user in LAYOUTS:
        for path in site.home(user).rglob("dovecot*index*"):
            if path.is_file():
                path.unlink()
    site.write_users({})
    dovecot.start()
    for user, state in site.states(dovecot).items():
        state.compare(f"given back without its index, {user}", changed[user])
        equal(f"subscriptions keep their version, {user}",
              (site.home(user) / LAYOUTS[user][5] / ("subs" if user == "deep" else "subscriptions")).read_text()[:2],
              "V\t" if user != "fs" else "Wo")
    dovecot.stop()
    clean_log("given back without its index", dovecot, known)


def imap_utf8(name):
    return name.replace("Entw&APw-rfe", "Entw\u00fcrfe")


main()
finish()
