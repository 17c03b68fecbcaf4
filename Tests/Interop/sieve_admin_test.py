"""martlet sieve list, get, put, activate, ...: through a running daemon and, the same, on the files of a stopped one."""

import json
import os
import subprocess

from martlet import Martlet, binary, check, equal, finish

MAIN = 'require ["fileinto"];\nif header :contains "subject" "x" { fileinto "Work"; }\n'
BROKEN = 'require ["fileinto"];\nkeep;\n  fileintoo "A";\nif header { stop; }\n'


def commands(server, where):
    def martlet(*words, given=None):
        result = subprocess.run(
            [binary("martlet"), "-c", f"{server.directory}/martlet.conf", *words],
            input=given, capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout, result.stderr

    def name(text):
        return f"{where}: {text}"

    status, out, err = martlet("sieve", "put", "-u", "alice", "-a", "main", "-", given=MAIN)
    equal(name("put"), (status, out, err), (0, "", ""))
    equal(name("get"), martlet("sieve", "get", "-u", "alice", "main")[1], MAIN)
    link = f"{server.home('alice')}/.dovecot.sieve"
    equal(name("the link"), os.readlink(link), "sieve/main.sieve")
    owner = os.stat(f"{server.home('alice')}/sieve/main.sieve")
    equal(name("the owner"), (owner.st_uid, owner.st_gid), (server.uid, server.gid))

    status, out, err = martlet("sieve", "put", "-u", "alice", "bad", given=BROKEN)
    equal(name("a broken one: status"), status, 65)
    check(name("a broken one: line and column"), "bad:3:3: error:" in err and "bad:4:" in err, err)
    status, out, err = martlet("sieve", "put", "-u", "alice", "umlaut", given="# Grüße ☃\nkeep;\n")
    equal(name("UTF-8"), (status, martlet("sieve", "get", "-u", "alice", "umlaut")[1]), (0, "# Grüße ☃\nkeep;\n"))

    out = martlet("sieve", "list", "-f", "json", "-u", "alice")[1]
    equal(name("list"), [(row["script"], row["active"]) for row in json.loads(out)], [("main", "ACTIVE"), ("umlaut", "")])
    out = martlet("sieve", "list", "-f", "json", "-A")[1]
    equal(name("list of all"), [(row["username"], row["script"]) for row in json.loads(out)],
          [("alice", "main"), ("alice", "umlaut")])
    equal(name("put for many"), martlet("sieve", "put", "-u", "*", "site", given="keep;\n")[0], 0)
    equal(name("bob has it"), martlet("sieve", "get", "-u", "bob", "site")[1], "keep;\n")

    equal(name("get what is not there"), martlet("sieve", "get", "-u", "alice", "none")[0], 68)
    equal(name("no such user"), martlet("sieve", "list", "-u", "nobody")[0], 67)
    equal(name("not a name"), martlet("sieve", "get", "-u", "alice", "../x")[0], 64)
    equal(name("rename"), martlet("sieve", "rename", "-u", "alice", "main", "first")[0], 0)
    equal(name("the link follows"), os.readlink(link), "sieve/first.sieve")
    equal(name("rename over one"), martlet("sieve", "rename", "-u", "alice", "first", "site")[0], 73)
    equal(name("delete the active"), martlet("sieve", "delete", "-u", "alice", "first")[0], 73)
    equal(name("activate another"), martlet("sieve", "activate", "-u", "alice", "umlaut")[0], 0)
    equal(name("deactivate"), martlet("sieve", "deactivate", "-u", "alice")[0], 0)
    check(name("no link"), not os.path.lexists(link))
    equal(name("delete"), martlet("sieve", "delete", "-u", "alice", "first")[0], 0)
    equal(name("delete the active with -a"), (
        martlet("sieve", "activate", "-u", "alice", "umlaut")[0],
        martlet("sieve", "delete", "-u", "alice", "-a", "umlaut")[0]), (0, 0))

    # A script that came by another way.
    path = f"{server.home('bob')}/sieve/hand.sieve"
    with open(path, "w") as file:
        file.write(BROKEN)
    os.chown(path, server.uid, server.gid)
    equal(name("activate a broken one"), martlet("sieve", "activate", "-u", "bob", "hand")[0], 65)
    equal(name("check one"), martlet("sieve", "check", "-u", "bob", "site")[0], 0)
    status, out, err = martlet("sieve", "check", "-A")
    check(name("check all"), status == 65 and "hand:3:3: error:" in err and "bob: 1 of 2 scripts" in err, err)
    for user, script in [("alice", "site"), ("bob", "site"), ("bob", "hand")]:
        equal(name(f"cleared {user} {script}"), martlet("sieve", "delete", "-u", user, script)[0], 0)


def main():
    server = Martlet(users=["alice", "bob"]).start()
    commands(server, "running")
    equal("stops cleanly", server.stop(), 0)
    commands(server, "stopped")
    finish()


if __name__ == "__main__":
    main()
