"""Access control lists made by Dovecot mean the same to Martlet, and the other way round, on the same Maildirs."""

import imaplib
import os
import pathlib
import subprocess
import time

from dovecot import PROGRAM, Dovecot
from martlet import Martlet, PASSWORD, binary, equal, finish, skip

SHARING = """
acl_driver = vfile
namespace shared {
  type = shared
  separator = /
  prefix = shared/$user/
  list = children
}
"""

# Lists that both are to understand alike, with a user, groups, and rights taken away.
LISTS = [
    "user=bob lr\n",
    "anyone lr\nuser=bob i\n",
    "group=staff l\ngroup=sales r\n",
    "group=staff lr\n-group=sales r\n",
    "group=staff lrw\n-user=bob w\n",
    "group-override=staff l\nuser=bob lrw\n",
    "user=bob lrw\n-group-override=staff w\n",
    "-anyone r\nuser=bob lrw\n",
    "owner lr\nuser=bob l\n",
    "user=bob lr\nuser=bob w\n",
    "-anyone r\n-user=bob w\nuser=bob lrw\n",
    "user=bob lr :post\n",
    "# a comment\n\nanyone lr\n",
    '"user=bob" lr\n',
    "owner l\nuser=alice lrw\n",
    "-owner w\n",
    "user=bob lrwstipekxa\n",
]


SHARED_BY_DOVECOT = """
namespace shared {
  type = shared
  separator = /
  prefix = shared/%%u/
  location = maildir:%%h/Maildir
  subscriptions = no
  list = children
}
plugin {
  acl = vfile
}
protocol imap {
  mail_plugins = acl imap_acl
}
"""


def login(port, user):
    client = imaplib.IMAP4("127.0.0.1", port)
    client.login(user, PASSWORD)
    return client


def rights(port, user, mailbox):
    """The rights of MYRIGHTS, sorted; empty when the mailbox is not there for the user."""
    client = login(port, user)
    status, data = client.myrights(mailbox)
    client.logout()
    return "".join(sorted(data[0].decode().split()[-1])) if status == "OK" else ""


def both(port):
    return rights(port, "bob", "shared/alice/Projects"), rights(port, "alice", "Projects")


def write(server, text):
    path = f"{server.home('alice')}/Maildir/.Projects/dovecot-acl"
    with open(path, "w") as file:
        file.write(text)
    os.chown(path, server.uid, server.gid)
    # Dovecot tells states of the file apart by whole seconds.
    now = time.time() + LISTS.index(text) * 2
    os.utime(path, (now, now))


def recalculate(server):
    subprocess.run(
        [binary("martlet"), "acl", "recalc", "-c", f"{server.directory}/martlet.conf", "-u", "alice"], check=True)


def main():
    if PROGRAM is None:
        skip("acl", "not installed: package dovecot-imapd")
        finish()
    if os.getuid() != 0:
        skip("acl", "dovecot needs root")
        finish()
    server = Martlet(users=["alice", "bob"], extra=SHARING)
    users = pathlib.Path(server.directory) / "users"
    users.write_text(users.read_text().replace("/bob::", "/bob::userdb_acl_groups=staff,sales"))
    dovecot = Dovecot(plugins="acl", users=users, extra=SHARED_BY_DOVECOT).start()
    alice = login(dovecot.port, "alice")
    alice.create("Projects")
    alice.setacl("Projects", "bob", "lrcd")
    alice.setacl("Projects", "-bob", "e")
    alice.setacl("Projects", "$team", "lr")
    made = alice.getacl("Projects")[1][0].decode()
    alice.logout()
    theirs = {"by dovecot": both(dovecot.port)}
    for text in LISTS:
        kept = (pathlib.Path(server.home("alice")) / "Maildir/.Projects/dovecot-acl").read_text()
        write(server, text)
        theirs[text] = both(dovecot.port)
        if text is LISTS[0]:
            first = kept
    dovecot.stop()

    server.start()
    path = f"{server.home('alice')}/Maildir/.Projects/dovecot-acl"
    with open(path, "w") as file:
        file.write(first)
    # Lists of an account that nobody has opened yet are found when its owner comes or the administrator says so.
    recalculate(server)
    port = server.ports["imap"]
    equal("a list made by dovecot", both(port), theirs["by dovecot"])
    shown = login(port, "alice").getacl("Projects")[1][0].decode()

    def pairs(line):
        words = line.split()[1:]
        return {name: "".join(sorted(letters)) for name, letters in zip(words[::2], words[1::2])}

    equal("GETACL", pairs(shown), pairs(made))
    for text in LISTS:
        write(server, text)
        recalculate(server)
        equal("rights by " + repr(text), both(port), theirs[text])

    # The way back.
    client = login(port, "alice")
    client.setacl("Projects", "bob", "lrs")
    client.setacl("Projects", "$staff", "lrw")
    client.setacl("Projects", "-bob", "s")
    client.create("Projects/Sub")
    ours = both(port), rights(port, "bob", "shared/alice/Projects/Sub")
    client.logout()
    server.stop()
    dovecot.start()
    equal("lists made by martlet", (both(dovecot.port), rights(dovecot.port, "bob", "shared/alice/Projects/Sub")), ours)
    dovecot.stop()
    finish()


main()
