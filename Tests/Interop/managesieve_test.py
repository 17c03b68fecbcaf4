"""ManageSieve (RFC 5804): on the wire, and sieve-connect."""

import os
import shutil
import socket
import ssl
import subprocess

from managesievewire import Wire
from martlet import Martlet, PASSWORD, check, equal, finish, skip

SETTINGS = """
sieve_quota_script_count = 3
sieve_max_script_size = 4k
"""


def wire(server):
    wire = Wire(server)
    capabilities = {line.split('"')[1]: line for line in wire.greeting if line.startswith('"')}
    check("greeting", wire.greeting[-1].startswith("OK") and "PLAIN" in capabilities.get("SASL", ""), wire.greeting)
    check("capabilities", {"IMPLEMENTATION", "SIEVE", "STARTTLS", "VERSION", "MAXREDIRECTS"} <= set(capabilities))
    check("extensions", "fileinto" in capabilities["SIEVE"] and "variables" in capabilities["SIEVE"])
    equal("noop", wire.command('NOOP "x1"'), ['OK (TAG "x1") "Done"'])
    check("before login", wire.command("LISTSCRIPTS")[-1].startswith("NO"))
    check("wrong password", wire.command('AUTHENTICATE "PLAIN" "AGFsaWNlAHdyb25n"')[-1].startswith("NO"))
    check("login", wire.login()[-1].startswith("OK"))
    check("owner", '"OWNER" "alice"' in wire.command("CAPABILITY"))
    equal("no scripts", wire.command("LISTSCRIPTS")[:-1], [])
    answer = wire.put("main", 'require "fileinto";\r\nfileinto "x";\r\n')
    check("put", answer[-1].startswith("OK"), answer)
    check("warnings", wire.put("odd", 'if exists "a b" { keep; }\r\n')[-1].startswith("OK (WARNINGS)"))
    bad = wire.put("bad", "kepe;\r\n")[-1]
    check("errors name line and column", bad.startswith("NO") and "line 1, column 1" in bad, bad)
    check("checkscript", wire.command("CHECKSCRIPT {5+}\r\nkeep;")[-1].startswith("OK"))
    check("checkscript finds errors", wire.command("CHECKSCRIPT {5+}\r\nkepe;")[-1].startswith("NO"))
    check("activate", wire.command('SETACTIVE "main"')[-1].startswith("OK"))
    equal("list", sorted(wire.command("LISTSCRIPTS")[:-1]), ['"main" ACTIVE', '"odd"'])
    link = os.readlink(server.home("alice") + "/.dovecot.sieve")
    equal("link as Pigeonhole's", link, "sieve/main.sieve")
    equal("get", wire.command('GETSCRIPT "main"')[0], '{36}\nrequire "fileinto";\r\nfileinto "x";\r\n')
    check("active one stays", "ACTIVE" in wire.command('DELETESCRIPT "main"')[-1])
    check("rename keeps it active", wire.command('RENAMESCRIPT "main" "other"')[-1].startswith("OK"))
    check("renamed", '"other" ACTIVE' in wire.command("LISTSCRIPTS"))
    check("rename to a taken name", "ALREADYEXISTS" in wire.command('RENAMESCRIPT "other" "odd"')[-1])
    check("no such script", "NONEXISTENT" in wire.command('GETSCRIPT "main"')[-1])
    check("space", wire.command('HAVESPACE "a" 100')[-1].startswith("OK"))
    check("no space", "QUOTA/MAXSIZE" in wire.command('HAVESPACE "a" 100000')[-1])
    check("third script", wire.put("third", "keep;")[-1].startswith("OK"))
    check("too many scripts", "QUOTA/MAXSCRIPTS" in wire.put("fourth", "keep;")[-1])
    check("too large a script", "QUOTA/MAXSIZE" in wire.put("third", "#" * 5000)[-1])
    check("goes on after it", wire.command("NOOP")[-1].startswith("OK"))
    for name in ("../x", "a/b", ".hidden", ""):
        check(f"name {name!r} is refused", wire.put(name, "keep;")[-1].startswith("NO"))
    check("deactivate", wire.command('SETACTIVE ""')[-1].startswith("OK"))
    check("delete", wire.command('DELETESCRIPT "other"')[-1].startswith("OK"))
    check("unauthenticate", wire.command("UNAUTHENTICATE")[-1].startswith("OK"))
    check("another user sees other scripts", wire.login("bob")[-1].startswith("OK")
          and wire.command("LISTSCRIPTS")[:-1] == [])
    check("logout", wire.command("LOGOUT")[-1].startswith("OK"))
    wire.close()

    wire = Wire(server)
    check("starttls", wire.command("STARTTLS")[-1].startswith("OK"))
    context = ssl.create_default_context(cafile=server.certificate)
    wire.socket = context.wrap_socket(wire.socket, server_hostname="localhost")
    wire.file = wire.socket.makefile("rb")
    after = wire.answer()
    check("capabilities again after TLS", after[-1].startswith("OK") and '"STARTTLS"' not in after, after)
    check("login under TLS", wire.login()[-1].startswith("OK"))
    wire.close()

    wire = Wire(server)
    last = None
    for _ in range(30):
        last = wire.command("frob")[-1]
        if not last.startswith("NO"):
            break
    check("too many mistakes end it", last.startswith("BYE"), last)
    wire.close()


def sieve_connect(server):
    if not shutil.which("sieve-connect"):
        return skip("sieve-connect", "not installed")
    script = f"{server.directory}/up.sieve"
    with open(script, "w") as file:
        file.write("keep;\n")
    base = ["sieve-connect", "--nosslverify", "--passwordfd", "0", "-s", "localhost", "-p", str(server.ports["sieve"]), "-u", "alice"]

    def run(*words):
        return subprocess.run(base + list(words), input=PASSWORD + "\n", text=True, capture_output=True, timeout=60)

    up = run("--upload", "--localsieve", script, "--remotesieve", "up")
    check("sieve-connect: upload", up.returncode == 0, up.stderr)
    run("--activate", "--remotesieve", "up")
    listed = run("--list")
    check("sieve-connect: list", "up" in listed.stdout and "ACTIVE" in listed.stdout, listed.stdout + listed.stderr)


def main():
    server = Martlet(users=["alice", "bob"], extra=SETTINGS).start()
    wire(server)
    sieve_connect(server)
    server.stop()
    finish()


main()
