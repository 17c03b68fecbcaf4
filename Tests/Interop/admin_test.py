"""martlet as administrators who know doveadm use it, and what it says of a daemon that is not well."""

import json
import os
import signal
import smtplib
import subprocess
import time

from martlet import Martlet, binary, check, equal, finish, skip


def main():
    server = Martlet(users=("alice", "bob")).start()
    configuration = f"{server.directory}/martlet.conf"

    def martlet(*words, given=None, **options):
        result = subprocess.run(
            [binary("martlet"), *words, "-c", configuration] if words[0] == "deliver"
            else [binary("martlet"), "-c", configuration, *words],
            input=given, capture_output=True, text=True, timeout=60, **options)
        return result.returncode, result.stdout, result.stderr

    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
        for subject in ("one", "two", "three"):
            lmtp.sendmail("sender@example.org", ["alice"], f"Subject: {subject}\r\n\r\nhello\r\n")
    messages(martlet)
    mailboxes(martlet)
    users(martlet, server)
    exports(martlet, server)
    reloads(martlet, server, configuration)
    mail_user(martlet, server)
    silence(martlet, server)
    equal("stops cleanly", server.stop(), 0)
    finish()


def messages(martlet):
    def count(*query):
        status, out, err = martlet("search", "-u", "alice", *query)
        return len(out.splitlines()) if status == 0 else (status, err)

    status, out, err = martlet("expunge", "-u", "alice", "mailbox", "INBOX")
    check("expunge of a whole mailbox wants to be told so", status == 64 and '"all"' in err, (status, err))
    equal("and nothing is gone", count("mailbox", "INBOX", "all"), 3)
    status, out, err = martlet("search", "-u", "alice", "mailbox", "INBOX", "uid", "2")
    check("search shows GUID and UID alone", len(out.split()) == 2 and out.split()[1] == "2", out)
    equal("search by the mailbox's GUID", count("mailbox-guid", out.split()[0], "all"), 3)
    equal("fetch", martlet("fetch", "-u", "alice", "uid hdr.subject", "mailbox", "INBOX", "uid", "1")[1],
          "uid: 1\nhdr.subject: one\n")
    equal("a day", count("mailbox", "INBOX", "since", "2020-01-01"), 3)
    equal("a time ago", (count("savedbefore", "1d"), count("savedsince", "2hours")), (0, 3))
    status, out, err = martlet("search", "-u", "alice", "since", "yesterday")
    check("a date that is none", status == 64 and "yesterday" in err, (status, err))

    equal("flags add", martlet("flags", "add", "-u", "alice", "\\Seen $Work", "mailbox", "INBOX", "uid", "1:2"), (0, "", ""))
    equal("they are there", (count("seen"), count("keyword", "$Work")), (2, 2))
    equal("flags remove", martlet("flags", "remove", "-u", "alice", "$Work", "all"), (0, "", ""))
    equal("they are gone", (count("seen"), count("keyword", "$Work")), (2, 0))
    equal("copy to where there is nothing", martlet("copy", "-u", "alice", "Nosuch", "seen")[0], 68)
    martlet("mailbox", "create", "-u", "alice", "Copies", "Moved")
    equal("copy", martlet("copy", "-u", "alice", "Copies", "mailbox", "*", "seen"), (0, "", ""))
    equal("copies", (count("mailbox", "Copies", "all"), count("mailbox", "INBOX", "all")), (2, 3))
    equal("move wants to be told, too", martlet("move", "-u", "alice", "Moved", "mailbox", "Copies")[0], 64)
    equal("move", martlet("move", "-u", "alice", "Moved", "mailbox", "*", "mailbox", "Moved", "seen"), (0, "", ""))
    equal("moved", (count("mailbox", "Copies", "all"), count("mailbox", "Moved", "all")), (0, 4))


def mailboxes(martlet):
    status, out, err = martlet("mailbox", "create", "-u", "alice", "A", "INBOX", "A/B", "C")
    check("create goes on", status == 73 and err.count("INBOX") == 1, (status, err))
    status, out, err = martlet("mailbox", "list", "-u", "alice", "%")
    equal("the first level, without a line of names", sorted(out.split()), ["A", "C", "Copies", "INBOX", "Moved"])
    equal("? is no wildcard", martlet("mailbox", "list", "-u", "alice", "?")[1], "")
    equal("all levels", sorted(martlet("mailbox", "list", "-u", "alice", "A*")[1].split()), ["A", "A/B"])
    equal("status", martlet("mailbox", "status", "-u", "alice", "messages unseen", "INBOX")[1], "INBOX messages=1 unseen=1\n")
    status, out, err = martlet("mailbox", "delete", "-u", "alice", "Nosuch", "C", "A/B", "Neither")
    check("delete goes on", status == 68 and "Nosuch" in err and "Neither" in err, (status, err))
    equal("and deletes", sorted(martlet("mailbox", "list", "-u", "alice", "*")[1].split()), ["A", "Copies", "INBOX", "Moved"])


def users(martlet, server):
    path = f"{server.directory}/some-users"
    with open(path, "w") as file:
        file.write("bob\nnobody-of-that-name\nalice\n")
    status, out, err = martlet("mailbox", "list", "-F", path, "INBOX")
    check("users of a file", status == 67 and out.splitlines() == ["bob INBOX", "alice INBOX"] and "nobody-of" in err,
          (status, out, err))
    status, out, err = martlet("user", "-f", "json", "alice", "bob")
    equal("several users", {row["username"] for row in json.loads(out)}, {"alice", "bob"})
    status, out, err = martlet("mailbox", "list", "-u", "alice", "-A")
    check("-u and -A", status == 64 and "only one of" in err, (status, err))
    status, out, err = martlet("mailbox", "list", "-u", "alice", "-u", "bob")
    check("-u twice", status == 64 and "give -u once" in err, (status, err))
    status, out, err = martlet("altmove", "-u", "alice", "all")
    check("a command that there is not", status == 64 and "there is no command altmove" in err, (status, err))


def exports(martlet, server):
    target = f"{server.directory}/export"
    equal("export of what there is not", martlet("export", "-u", "alice", "--mailbox", "Nosuch", target)[0], 68)
    equal("export", martlet("export", "-u", "alice", target)[0], 0)
    equal("export to the same place", martlet("export", "-u", "alice", target)[0], 73)
    equal("one message is one", len(os.listdir(f"{target}/cur")), 1)


def reloads(martlet, server, configuration):
    equal("reload", martlet("reload"), (0, "", ""))
    with open(configuration, "a") as file:
        file.write("mail_volume_background_rate = 10M\n")
    status, out, err = martlet("reload")
    check("reload names what waits", status == 0 and "mail_volume_background_rate" in err, (status, err))
    good = open(server.certificate).read()
    with open(server.certificate, "w") as file:
        file.write("no certificate\n")
    status, out, err = martlet("reload")
    check("a reload that is refused", status == 78 and "stays in force" in err, (status, err))
    with open(server.certificate, "w") as file:
        file.write(good)
    equal("reload again", martlet("reload")[0], 0)


def mail_user(martlet, server):
    """Whom the mail role runs as may use the admin socket without the keys."""
    if os.getuid() != 0:
        return skip("the mail user's commands", "only root can become that user")
    identity = {"user": server.uid, "group": server.gid, "extra_groups": []}
    try:
        if subprocess.run([binary("martlet"), "--version"], capture_output=True, timeout=60, **identity).returncode != 0:
            return skip("the mail user's commands", "the program is closed to that user")
    except OSError as error:
        return skip("the mail user's commands", str(error))
    equal("who, as the mail user", martlet("who", **identity)[0], 0)
    equal("reload, as the mail user", martlet("reload", **identity)[0], 77)


def silence(martlet, server):
    """While the mail role does nothing, the supervisor still has its sockets."""
    role = server.role("mail")
    os.kill(role, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        status, out, err = martlet("who")
        check("a silent mail role is told", status == 75 and "does not answer" in err and f"{server.directory}/log" in err,
              (status, err))
        status, out, err = martlet("deliver", "-d", "alice", given="Subject: x\n\nx\n")
        check("deliver asks to be called again", status == 75 and "does not answer" in err, (status, err))
        check("both in time", time.monotonic() - begun < 40, time.monotonic() - begun)
    finally:
        os.kill(role, signal.SIGCONT)
    equal("and then it answers", martlet("who")[0], 0)


if __name__ == "__main__":
    main()
