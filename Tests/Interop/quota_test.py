"""Quotas end to end: Postfix asks the policy service, LMTP refuses, users are warned, maildirsize is true, the trash is tidy."""

import imaplib
import os
import pathlib
import shutil
import smtplib
import socket
import subprocess

from martlet import Martlet, binary, check, equal, finish, free_port, skip, wait_until
from postfix_test import Postfix

USERS = ["full", "empty", "warned", "tidy", "kept", "spread", "sorted"]
LIMIT = 20480


def connect(server, user):
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login(user, "pass")
    return imap


def message(octets, subject="x"):
    head = f"Subject: {subject}\r\n\r\n"
    return (head + "a" * (octets - len(head) - 2) + "\r\n").encode()


def count(server, user, mailbox):
    imap = connect(server, user)
    try:
        status, data = imap.status(mailbox, "(MESSAGES)")
        return int(data[0].split()[-1].rstrip(b")")) if status == "OK" else -1
    finally:
        imap.logout()


class Policy:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.file = self.socket.makefile("rb")

    def ask(self, recipient, size=0, pieces=1):
        text = f"request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient={recipient}\nsize={size}\nqueue_id=Q1\n\n"
        text = text.encode()
        step = max(1, len(text) // pieces)
        for start in range(0, len(text), step):
            self.socket.sendall(text[start:start + step])
        answer = self.file.readline().decode().rstrip("\n")
        self.file.readline()
        return answer


def lmtp(server, user, octets):
    """The answers to RCPT and to the message."""
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as client:
        client.ehlo("test")
        client.mail("sender@example.org")
        code, text = client.rcpt(user)
        if code != 250:
            return code, text.decode()
        code, text = client.data(message(octets))
        return code, text.decode()


def run(server, *words):
    result = subprocess.run([binary("martlet"), words[0], words[1], "-c", f"{server.directory}/martlet.conf", *words[2:]],
                            capture_output=True, text=True)
    return result.stdout if result.returncode == 0 else f"exit {result.returncode}: {result.stderr}"


def size_file(server, user):
    path = server.maildir(user) / "maildirsize"
    lines = path.read_text().splitlines() if path.exists() else [""]
    return lines[0], [sum(int(line.split()[n]) for line in lines[1:]) for n in (0, 1)]


def files(server, user):
    sizes = [path.stat().st_size for folder in ("new", "cur") for path in server.maildir(user).rglob(f"{folder}/*")
             if path.is_file()]
    return [sum(sizes), len(sizes)]


def policy_answers(server, port):
    policy = Policy(port)
    equal("policy: a mailbox with room", policy.ask("empty@martlet.test", 100), "action=DUNNO")
    equal("policy: no such user", policy.ask("nobody@martlet.test"), "action=REJECT Unknown user")
    equal("policy: piece by piece", policy.ask("empty+detail@martlet.test", 1, pieces=40), "action=DUNNO")
    equal("policy: larger than the room", policy.ask("empty@martlet.test", LIMIT + 2001)[:16], "action=552 5.2.2")
    equal("policy: no recipient", policy.ask(""), "action=DUNNO")
    equal("lmtp: room", lmtp(server, "full@martlet.test", LIMIT - 1000)[0], 250)
    equal("lmtp: the grace for the last", lmtp(server, "full@martlet.test", 1500)[0], 250)
    answer = lmtp(server, "full@martlet.test", 100)
    check("lmtp: full at RCPT", answer[0] == 552 and answer[1].startswith("5.2.2 Quota exceeded"), str(answer))
    check("policy: full", policy.ask("full@martlet.test", 1).startswith("action=552 5.2.2 Quota exceeded"), "")
    check("policy: full, by detail", policy.ask("full+lists@martlet.test").startswith("action=552"), "")


def postfix_refuses(server, port):
    if os.getuid() != 0 or shutil.which("smtp-source") is None:
        return skip("postfix asks", "needs root and the package postfix")
    postfix = Postfix(server.lmtp_socket,
                      f"check_policy_service inet:127.0.0.1:{port}, permit_mynetworks, reject")
    try:
        postfix.start()
        with smtplib.SMTP("127.0.0.1", postfix.port) as client:
            client.ehlo("test")
            client.mail("sender@example.org")
            equal("postfix: room", client.rcpt("empty@martlet.test")[0], 250)
            code, text = client.rcpt("full@martlet.test")
            check("postfix: full at RCPT", code == 552 and b"5.2.2" in text, f"{code} {text}")
            equal("postfix: unknown user", client.rcpt("nobody@martlet.test")[0], 554)
            equal("postfix: the rest is taken", client.data(message(300))[0], 250)
        check("postfix: delivered", wait_until(lambda: count(server, "empty", "INBOX") == 1, 30), postfix.log()[-1000:])
    finally:
        postfix.stop()


def warnings(server):
    for _ in range(4):
        lmtp(server, "warned@martlet.test", 3700)
    check("no warning below the level", count(server, "warned", "INBOX") == 4, "")
    lmtp(server, "warned@martlet.test", 1500)
    check("a warning at the level", wait_until(lambda: count(server, "warned", "INBOX") == 6, 10),
          str(count(server, "warned", "INBOX")))
    lmtp(server, "warned@martlet.test", 100)
    imap = connect(server, "warned")
    imap.select("INBOX")
    _, data = imap.search(None, "SUBJECT", "full")
    equal("one only", len(data[0].split()), 1)
    _, data = imap.fetch(data[0].split()[0].decode(), "(BODY[])")
    text = data[0][1]
    for part in (b"From: postmaster@martlet.test", b"To: warned@localhost.test", b"Auto-Submitted: auto-generated",
                 b"20 KiB"):
        check(f"warning has {part.decode()}", part in text, repr(text))
    note = pathlib.Path(server.directory) / "home/note"
    check("the program ran", wait_until(note.exists, 10), server.log()[-500:])
    content = note.read_text() if note.exists() else ""
    check("with its arguments and the mail", "over warned 8" in content and "Subject: " in content, content)
    imap.store("1:3", "+FLAGS", "\\Deleted")
    imap.expunge()
    imap.logout()
    check("room again is told", wait_until(lambda: "under warned" in note.read_text(), 10), note.read_text())


def numbers(server):
    wanted = f"{LIMIT}S"
    check("maildirsize: limits", wait_until(lambda: size_file(server, "full")[0] == wanted, 5), str(size_file(server, "full")))
    check("maildirsize: true", wait_until(lambda: size_file(server, "full")[1] == files(server, "full"), 5),
          f"{size_file(server, 'full')} {files(server, 'full')}")
    check("maildirsize: true after removals", wait_until(lambda: size_file(server, "warned")[1] == files(server, "warned"), 5),
          f"{size_file(server, 'warned')} {files(server, 'warned')}")
    rows = run(server, "quota", "get", "-u", "full").splitlines()
    # Two messages and the warning.
    check("quota get", rows[0].split() == ["Quota", "name", "Type", "Value", "Limit", "%"]
          and rows[1].split()[2:] == ["STORAGE", "22", "20", "107"] and rows[2].split()[2:] == ["MESSAGE", "3", "-", "0"],
          str(rows))
    equal("quota set", run(server, "quota", "set", "-u", "full", "storage=1M", "messages=4"), "")
    check("quota get after set", " 1024 " in run(server, "quota", "get", "-u", "full"), run(server, "quota", "get", "-u", "full"))
    equal("lmtp: room now", lmtp(server, "full@martlet.test", 100)[0], 250)
    equal("lmtp: four messages", lmtp(server, "full@martlet.test", 100)[0], 552)
    equal("quota set default", run(server, "quota", "set", "-u", "full", "default"), "")
    equal("quota recalc", run(server, "quota", "recalc", "-u", "full"), "")
    equal("lmtp: full again", lmtp(server, "full@martlet.test", 100)[0], 552)


def dovecot_agrees(server):
    if shutil.which("doveadm") is None or os.getuid() != 0:
        return skip("dovecot reads maildirsize", "needs root and the package dovecot-core")
    home = pathlib.Path(server.directory) / "dovecot"
    home.mkdir()
    shutil.chown(home, server.uid, server.gid)
    config = home / "dovecot.conf"
    config.write_text(f"""
base_dir = {home}/run
mail_location = maildir:{server.maildir('full')}
mail_plugins = quota
ssl = no
first_valid_uid = 1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={server.uid} gid={server.gid} home={server.home('full')}
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:bytes={LIMIT}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
""")
    def get(verb):
        out = subprocess.run(["doveadm", "-f", "tab", "-c", str(config), "-o", "stats_writer_socket_path=", "quota", verb],
                             capture_output=True, text=True, user=server.uid, group=server.gid,
                             env={"HOME": server.home("full"), "USER": "full", "PATH": os.environ["PATH"]})
        return out.stdout + out.stderr
    before = get("get")
    get("recalc")
    check("dovecot: maildirsize is what it counts itself", "STORAGE" in before and before == get("get"),
          f"{before!r} {get('get')!r}")


def trash(server):
    imap = connect(server, "tidy")
    for number in range(8):
        imap.append("INBOX", None, None, message(100, str(number)))
    imap.select("INBOX")
    imap.store("1:5", "+FLAGS", "\\Deleted")
    status, data = imap.expunge()
    equal("expunge to trash: gone here", [len(data), imap.status("INBOX", "(MESSAGES)")[1][0].split()[-1]], [5, b"3)"])
    imap.select("Trash")
    _, data = imap.search(None, "UNDELETED")
    equal("there, not marked", len(data[0].split()), 5)
    imap.store("1", "+FLAGS", "\\Deleted")
    imap.expunge()
    equal("in the trash expunge removes", imap.status("Trash", "(MESSAGES)")[1][0].split()[-1], b"4)")
    imap.select("INBOX")
    imap.store("1", "+FLAGS", "\\Deleted")
    imap.close()
    equal("CLOSE too", imap.status("Trash", "(MESSAGES)")[1][0].split()[-1], b"5)")
    imap.logout()
    check("autoexpunge keeps the newest", wait_until(lambda: count(server, "tidy", "Trash") == 2, 20),
          str(count(server, "tidy", "Trash")))
    equal("and leaves others alone", count(server, "tidy", "INBOX"), 2)
    check("autoexpunge is in the log", "autoexpunge removed" in server.log(), server.log()[-300:])


def roots(server):
    imap = connect(server, "kept")
    imap.create("Archive/Old")

    def root(mailbox):
        return imap.getquotaroot(mailbox)[1][0][0].decode()

    equal("a quota root", root("INBOX"), 'INBOX "User quota"')
    equal("the same one for another private namespace", root("Archive/Old"), 'Archive/Old "User quota"')
    equal("none where nothing is counted: quota_ignore", root("Junk"), "Junk")
    equal("nor in another namespace", root("Archive/Junk"), "Archive/Junk")
    imap.append("Junk", None, None, message(5000))
    imap.append("Archive/Junk", None, None, message(5000))
    equal("and it is not counted", usage(imap), 0)
    imap.append("Archive/Old", None, None, message(5000))
    equal("but what has a root is", usage(imap), 5)
    imap.logout()


def usage(imap):
    """KiB."""
    words = imap.getquota('"User quota"')[1][0].decode().replace("(", " ").replace(")", " ").split()
    return int(words[words.index("STORAGE") + 1])


def messages(imap, mailbox):
    return int(imap.status(mailbox, "(MESSAGES)")[1][0].split()[-1].rstrip(b")"))


def namespaces(server, port):
    """A user whose mail is in a further namespace for the most part."""
    imap = connect(server, "spread")
    imap.create("Archive/Old")
    equal("archive: a message", imap.append("Archive/Old", None, None, message(19000))[0], "OK")
    refused = imap.append("INBOX", None, None, message(1500))
    check("archive: no room in INBOX", refused[0] == "NO" and b"OVERQUOTA" in refused[1][0], str(refused))
    equal("archive: the grace for a delivery", lmtp(server, "spread@martlet.test", 1500)[0], 250)
    answer = lmtp(server, "spread@martlet.test", 100)
    check("archive: full at RCPT", answer[0] == 552 and answer[1].startswith("5.2.2"), str(answer))
    check("archive: the policy service knows", Policy(port).ask("spread@martlet.test").startswith("action=552"), "")
    # The warnings are the user's: one mail at the level, in INBOX.
    check("archive: warned", wait_until(lambda: messages(imap, "INBOX") == 2, 10), str(messages(imap, "INBOX")))
    held = usage(imap)
    imap.select("INBOX")
    # The other one is the warning.
    large = imap.search(None, "LARGER", "1400", "NOT", "SUBJECT", "full")[1][0].decode()
    equal("archive: COPY needs room", imap.copy(large, "Archive/Old")[0], "NO")
    equal("archive: MOVE needs none", imap.xatom("MOVE", large, "Archive/Old")[0], "OK")
    equal("archive: it counts as before", usage(imap), held)
    equal("archive: it is there", messages(imap, "Archive/Old"), 2)
    rows = run(server, "quota", "get", "-u", "spread").splitlines()
    equal("archive: quota get", [row.split()[2:4] for row in rows[1:]], [["STORAGE", str(held)], ["MESSAGE", "3"]])
    equal("archive: quota recalc", run(server, "quota", "recalc", "-u", "spread"), "")
    equal("archive: the same after it", usage(imap), held)
    imap.logout()
    script = pathlib.Path(server.home("sorted"))
    imap = connect(server, "sorted")
    imap.create("Archive/Lists")
    (script / ".dovecot.sieve").write_text('require "fileinto";\nfileinto "Archive/Lists";\n')
    equal("sieve: into the archive", lmtp(server, "sorted@martlet.test", 15000)[0], 250)
    equal("sieve: it is there, and counts", [messages(imap, "Archive/Lists"), usage(imap)], [1, 15])
    equal("sieve: beyond the grace", lmtp(server, "sorted@martlet.test", 9000)[0], 552)
    equal("sieve: nothing came", usage(imap), 15)
    imap.logout()


def after_a_start(server, port):
    """Nobody has opened the archive."""
    answer = lmtp(server, "spread@martlet.test", 100)
    check("after a start: full at RCPT", answer[0] == 552 and answer[1].startswith("5.2.2"), str(answer))
    check("after a start: the policy service knows", Policy(port).ask("spread@martlet.test").startswith("action=552"), "")
    imap = connect(server, "spread")
    held = usage(imap)
    imap.select("Archive/Old")
    imap.store("1", "+FLAGS", "\\Deleted")
    imap.expunge()
    equal("after a start: it went to the trash, and counts", (messages(imap, "Trash"), usage(imap)), (1, held))
    imap.select("Trash")
    imap.store("1", "+FLAGS", "\\Deleted")
    imap.expunge()
    equal("after a start: room again", lmtp(server, "spread@martlet.test", 15000)[0], 250)
    imap.logout()


def disk_away(server):
    """The disk of the archive is not mounted: mail comes all the same, and the log says it once."""
    place = pathlib.Path(server.home("sorted"))
    (place / ".dovecot.sieve").unlink()
    (place / "archive").rename(place / "away")
    server.start()
    for octets in (9000, 100, 100):
        equal(f"archive away: {octets} octets", lmtp(server, "sorted@martlet.test", octets)[0], 250)
    told = server.log().count("account namespace:sorted:archive does not count for the quota")
    equal("archive away: told once", told, 1)
    server.stop()
    (place / "away").rename(place / "archive")
    server.start()
    equal("archive back: full", lmtp(server, "sorted@martlet.test", 100)[0], 552)
    imap = connect(server, "sorted")
    check("archive back: it counts", usage(imap) >= 24 and messages(imap, "Archive/Lists") == 1, str(usage(imap)))
    imap.logout()


def main():
    port = free_port()
    server = Martlet(users=USERS)
    note = f"{server.directory}/home/note"
    program = f"{server.directory}/program"
    with open(program, "w") as file:
        file.write(f"#!/bin/sh\n{{ echo \"$*\"; cat; }} >>{note}\n")
    os.chmod(program, 0o755)
    with open(f"{server.directory}/martlet.conf", "a") as file:
        file.write(f"""
hostname = localhost.test
auth_username_format = %{{user | username}}
quota_storage_size = {LIMIT}
quota_storage_grace = 2000
postmaster_address = postmaster@martlet.test
imap_expunge_to_trash = yes
autoexpunge_interval = 3 s
quota_warning nearly-full {{
  quota_storage_percentage = 80
  quota_warning_execute = {program} over %{{user}} %{{percentage}}
}}
quota_warning room {{
  quota_storage_percentage = 80
  quota_warning_threshold = under
  quota_warning_mail = no
  quota_warning_execute = {program} under %{{user}}
}}
namespace inbox {{
  mailbox Trash {{
    auto = create
    special_use = \\Trash
    autoexpunge_max_mails = 2
  }}
  mailbox Junk {{
    auto = create
    quota_ignore = yes
  }}
}}
namespace archive {{
  prefix = Archive/
  separator = /
  mail_path = ~/archive
  mailbox Junk {{
    quota_ignore = yes
  }}
}}
service quota-status {{
  inet_listener quota-status {{
    port = {port}
    address = 127.0.0.1
  }}
}}
""")
    server.start()
    policy_answers(server, port)
    postfix_refuses(server, port)
    warnings(server)
    trash(server)
    numbers(server)
    roots(server)
    namespaces(server, port)
    server.stop()
    server.start()
    after_a_start(server, port)
    server.stop()
    disk_away(server)
    server.stop()
    dovecot_agrees(server)
    finish()


if __name__ == "__main__":
    main()
