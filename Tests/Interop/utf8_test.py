"""UTF8=ACCEPT with Python's imaplib, and folders that another program named in another normal form."""

import imaplib
import os

from martlet import Martlet, PASSWORD, check, equal, finish

NFC = "Été"


def client(server, user, utf8=False):
    connection = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    connection.login(user, PASSWORD)
    if utf8:
        connection.enable("UTF8=ACCEPT")
    return connection


def names(connection):
    return sorted(line.decode().split('"/" ')[1].strip('"') for line in connection.list()[1])


def make_folder(server, user, directory, message=None):
    """A Maildir as another program makes it."""
    for folder in ("cur", "new", "tmp"):
        path = server.maildir(user) / directory / folder
        path.mkdir(parents=True)
    if message:
        (server.maildir(user) / directory / "new" / "1.a.b").write_bytes(message)
    for root, directories, files in os.walk(server.maildir(user) / directory):
        for entry in [root] + [os.path.join(root, name) for name in files]:
            os.chown(entry, server.uid, server.gid)


def messages(server):
    new = client(server, "alice", utf8=True)
    equal("a folder is made by a name in UTF-8", new.create(f'"{NFC}"')[0], "OK")
    equal("and listed so", names(new), ["INBOX", NFC])
    equal("a message with a header in UTF-8 is taken",
          new.append(f'"{NFC}"', None, None, "Subject: Grüße\r\nFrom: ö@example.org\r\n\r\nx\r\n".encode())[0], "OK")
    new.select(f'"{NFC}"')
    envelope = new.fetch("1", "(ENVELOPE)")[1][0].decode()
    check("its envelope is in UTF-8", '"Grüße"' in envelope and '"ö" "example.org"' in envelope, envelope)
    header = new.fetch("1", "(BODY.PEEK[HEADER])")[1][0][1].decode()
    check("and its header", header.startswith("Subject: Grüße\r\nFrom: ö@"), header)
    equal("it is found", new.search(None, "SUBJECT", '"GRÜ"')[1], [b"1"])
    new.logout()
    old = client(server, "alice")
    equal("others see modified UTF-7", names(old), ["&AMk-t&AOk-", "INBOX"])
    old.select("&AMk-t&AOk-")
    data = old.fetch("1", "(ENVELOPE BODY.PEEK[HEADER] RFC822.SIZE)")[1]
    octets = b"".join(piece for part in data for piece in (part if isinstance(part, tuple) else [part]))
    check("and US-ASCII", all(octet < 0x80 for octet in octets), octets)
    whole = old.fetch("1", "(RFC822.SIZE BODY.PEEK[])")[1][0]
    check("a whole message has its size and octets",
          b"RFC822.SIZE %d " % len(whole[1]) in whole[0] and "Grüße".encode() in whole[1], whole)
    old.logout()


def normal_forms(server):
    first = client(server, "bob")
    first.select("INBOX")
    # As a file system that decomposes names leaves it behind.
    make_folder(server, "bob", ".E&AwE-te&AwE-", b"Subject: decomposed\n\nx\n")
    equal("a decomposed name shows as it is", names(first), ["E&AwE-te&AwE-", "INBOX"])
    equal("and is found composed", first.select("&AMk-t&AOk-")[1], [b"1"])
    equal("no second one is made beside it", first.create("&AMk-t&AOk-")[0], "NO")
    equal("a folder below it stays below it", first.create("&AMk-t&AOk-/x")[0], "OK")
    check("in its directory", (server.maildir("bob") / ".E&AwE-te&AwE-.x").is_dir())
    equal("it is renamed to its normal form", first.rename("E&AwE-te&AwE-", "&AMk-t&AOk-")[0], "OK")
    equal("with what is below", names(first), ["&AMk-t&AOk-", "&AMk-t&AOk-/x", "INBOX"])
    equal("its messages with it", first.select("&AMk-t&AOk-")[1], [b"1"])
    make_folder(server, "bob", ".E&AwE-te&AwE-")
    equal("both forms beside each other are two", first.status("&AMk-t&AOk-", "(MESSAGES)")[1],
          [b"&AMk-t&AOk- (MESSAGES 1)"])
    names(first)
    equal("each by its own name", first.status("E&AwE-te&AwE-", "(MESSAGES)")[1], [b"E&AwE-te&AwE- (MESSAGES 0)"])
    equal("one can be deleted", first.delete("E&AwE-te&AwE-")[0], "OK")
    equal("and the other is left", names(first), ["&AMk-t&AOk-", "&AMk-t&AOk-/x", "INBOX"])
    first.logout()


server = Martlet().start()
messages(server)
normal_forms(server)
equal("the server ends in order", server.stop(), 0)
finish()
