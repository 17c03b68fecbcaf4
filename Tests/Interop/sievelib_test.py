"""sievelib from PyPI: its ManageSieve client with every command and mechanism, and the scripts that it writes, uploaded
and run at delivery."""

import os
import pathlib
import smtplib
import warnings

from martlet import Martlet, PASSWORD, check, equal, finish, wait_until
import pypi

pypi.need("sievelib", "sievelib")
from sievelib.factory import FiltersSet  # noqa: E402
from sievelib.managesieve import Client, SUPPORTED_AUTH_MECHS  # noqa: E402
from sievelib.parser import Parser  # noqa: E402

SETTINGS = """
sieve_quota_script_count = 4
sieve_max_script_size = 8k
"""


def connected(server, **how):
    client = Client("localhost", server.ports["sieve"])
    return client, client.connect("alice", PASSWORD, **how)


def mechanisms(server):
    client, result = connected(server, starttls=True)
    check("STARTTLS and login", result)
    offered = client.get_sasl_mechanisms()
    check("offers PLAIN under TLS", "PLAIN" in offered, offered)
    check("no STARTTLS within TLS", not client.has_tls_support())
    client.logout()
    for name in [name for name in SUPPORTED_AUTH_MECHS if name in offered and name in ("PLAIN", "LOGIN")]:
        client, result = connected(server, starttls=True, authmech=name)
        check(f"login by {name}", result, client.errmsg)
        client.logout()
    client = Client("localhost", server.ports["sieve"])
    check("wrong password is refused", not client.connect("alice", "wrong", starttls=True))
    check("and said so", client.errmsg != b"", client.errmsg)


def commands(client):
    check("implementation", client.get_implementation() != "")
    check("extensions", {"fileinto", "vacation", "variables", "imap4flags"} <= set(client.get_sieve_capabilities()))
    check("capability", b"SIEVE" in client.capability())
    equal("no scripts", client.listscripts(), (None, []))
    check("checkscript", client.checkscript("keep;\r\n"))
    check("checkscript finds mistakes", not client.checkscript("kepe;\r\n"))
    check("with the line", b"line 1, column 1" in client.errmsg, client.errmsg)
    check("putscript", client.putscript("one", 'require "fileinto";\nfileinto "INBOX";\n'))
    equal("getscript", client.getscript("one"), 'require "fileinto";\nfileinto "INBOX";')
    check("putscript refuses mistakes", not client.putscript("bad", "if true { keep;\n"))
    check("in words", b"line 1" in client.errmsg, client.errmsg)
    check("putscript again", client.putscript("one", "keep;\n"))
    check("a name in UTF-8", client.putscript("Büro \"x\"", "keep;\n"))
    check("setactive", client.setactive("one"))
    active, others = client.listscripts()
    equal("listscripts", (active, len(others)), ("one", 1))
    check("deletescript keeps the active one", not client.deletescript("one"))
    check("with its code", b"ACTIVE" in client.errcode, client.errcode)
    check("renamescript", client.renamescript("one", "two"))
    equal("renamed and still active", client.listscripts()[0], "two")
    check("renamescript of nothing", not client.renamescript("one", "three"))
    check("with its code too", b"NONEXISTENT" in client.errcode, client.errcode)
    check("getscript of nothing", client.getscript("one") is None)
    check("havespace", client.havespace("three", 1000))
    check("havespace for too much", not client.havespace("three", 100000))
    check("says which quota", b"QUOTA/MAXSIZE" in client.errcode, client.errcode)
    check("too long a script", not client.putscript("three", "#" + "x" * 9000 + "\nkeep;\n"))
    check("the connection lives on", client.putscript("three", "keep;\n"))
    check("setactive of none", client.setactive(""))
    equal("nothing active", client.listscripts()[0], None)
    for name in ("two", "three", "Büro \"x\""):
        check(f"deletescript {name}", client.deletescript(name), client.errmsg)
    equal("nothing left", client.listscripts(), (None, []))


def filters():
    """Every kind of rule that sievelib knows, with a mail for each."""
    rules = FiltersSet("test")
    rules.addfilter("lists", [("List-Id", ":contains", "dev.example")], [("fileinto", ":create", "INBOX/Dev"), ("stop",)])
    rules.addfilter("two", [("Subject", ":is", "a"), ("Subject", ":is", "b")], [("fileinto", ":create", "INBOX/Two"), ("stop",)])
    rules.addfilter("both", [("Subject", ":contains", "x"), ("From", ":notcontains", "boss")],
                    [("fileinto", ":create", "INBOX/Both"), ("stop",)], "allof")
    rules.addfilter("size", [("size", ":over", "8k")], [("fileinto", ":create", "INBOX/Big"), ("stop",)])
    rules.addfilter("exists", [("exists", "X-Odd", "X-Strange")], [("discard",)])
    rules.addfilter("envelope", [("envelope", ":is", ["from"], ["robot@example.org"])],
                    [("fileinto", ":copy", "INBOX/Two"), ("stop",)])
    rules.addfilter("body", [("body", ":raw", ":contains", "winning ticket")], [("discard",)])
    rules.addfilter("date", [("currentdate", ":zone", "+0000", ":value", "lt", "date", "2001-01-01")], [("discard",)])
    rules.addfilter("quoted", [("Subject", ":is", 'say "hi" \\ bye')], [("fileinto", ":create", "INBOX/Quoted"), ("stop",)])
    rules.addfilter("off", [("Subject", ":contains", "")], [("discard",)])
    rules.disablefilter("off")
    rules.addfilter("flag", [("Subject", ":is", "flagged")], [("addflag", ["\\Flagged"]), ("keep",)])
    rules.addfilter("away", [("Subject", ":is", "holiday")],
                    [("vacation", ":days", 3, ":subject", "away", ":addresses", ["alice@example.org"], "I am away")])
    rules.require("imap4flags")
    return rules


def run(server, client):
    script = str(filters())
    check("sievelib reads what it wrote", Parser().parse(script), script)
    check("it compiles", client.checkscript(script), client.errmsg)
    check("it is stored", client.putscript("rules", script), client.errmsg)
    check("and active", client.setactive("rules"))
    parser = Parser()
    check("and comes back whole", parser.parse(client.getscript("rules")), getattr(parser, "error", ""))
    again = FiltersSet("again")
    again.from_parser_result(parser)
    equal("with its filters", [rule["name"] for rule in again.filters], [rule["name"] for rule in filters().filters])
    wait_until(lambda: False, 1.2)  # a user without a script is not looked at again for a second

    def deliver(header, sender="s@example.org", body="hello"):
        with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
            lmtp.sendmail(sender, ["alice"], f"From: s@example.org\r\nTo: alice@example.org\r\n{header}\r\n\r\n{body}\r\n")

    def mails(folder=""):
        base = server.maildir("alice") / folder
        return [path for kind in ("new", "cur") if (base / kind).exists() for path in (base / kind).iterdir()]

    deliver("List-Id: The <dev.example>\r\nSubject: d")
    deliver("Subject: a")
    deliver("Subject: b")
    deliver("Subject: x marks it")
    deliver("Subject: x\r\nFrom: boss@example.org")
    deliver("Subject: big", body="x" * 70 + "\r\n" + "\r\n".join(["y" * 70] * 140))
    deliver("Subject: odd\r\nX-Odd: 1\r\nX-Strange: 1")
    deliver("Subject: half odd\r\nX-Odd: 1")
    deliver("Subject: from a robot", sender="robot@example.org")
    deliver("Subject: spam", body="the winning ticket")
    deliver('Subject: say "hi" \\ bye')
    deliver("Subject: flagged")
    deliver("Subject: holiday")
    counts = {name: len(mails(f".INBOX.{name}")) for name in ("Dev", "Two", "Both", "Big", "Quoted")}
    equal("each mail in its place", counts, {"Dev": 1, "Two": 3, "Both": 1, "Big": 1, "Quoted": 1})
    equal("the others in INBOX", len(mails()), 5)
    check("one of them flagged", any("F" in path.name.rpartition(":2,")[2] for path in mails()), [p.name for p in mails()])


def main():
    warnings.simplefilter("ignore")
    server = Martlet(users=["alice"])
    directory = pathlib.Path(server.directory)
    sendmail = directory / "sendmail"
    sendmail.write_text("#!/bin/sh\ncat > /dev/null\n")
    os.chmod(sendmail, 0o755)
    with open(directory / "martlet.conf", "a") as file:
        file.write(SETTINGS + f"sendmail_path = {sendmail}\n")
    server.start()
    os.environ["SSL_CERT_FILE"] = str(server.certificate)
    mechanisms(server)
    client, result = connected(server, starttls=True)
    check("login", result)
    commands(client)
    run(server, client)
    client.logout()
    server.stop()
    finish()


if __name__ == "__main__":
    main()
