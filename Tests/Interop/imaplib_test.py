"""Python's imaplib: everything a small script does."""

import imaplib
import ssl
import time

from martlet import Martlet, PASSWORD, check, equal, finish
from samples import SPECIAL_USE, message, witness


def main():
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    context = ssl.create_default_context(cafile=server.certificate)
    imap = imaplib.IMAP4("localhost", server.ports["imap"])
    imap.starttls(context)
    imap.login("alice", PASSWORD)
    offered = imap.capability()[1][0].split()
    check("capabilities", {b"IMAP4rev1", b"IDLE", b"MOVE", b"UIDPLUS", b"SPECIAL-USE"} <= set(offered), offered)
    for number in range(20):
        status, data = imap.append("INBOX", r"(\Flagged)" if number % 2 else None, imaplib.Time2Internaldate(time.time()), message(number))
        if status != "OK":
            break
    equal("messages are appended", status, "OK")
    equal("select counts them", imap.select("INBOX"), ("OK", [b"20"]))
    listed = b"\n".join(imap.list()[1])
    check("special folders are found", all(use in listed for use in (rb"\Drafts", rb"\Sent", rb"\Trash")), listed)
    status, data = imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
    equal("lists are fetched", len(data), 20)
    status, data = imap.fetch("7", "(BODY[])")
    equal("a body is fetched", data[0][1], message(6))
    check("and seen", b"7" in imap.search(None, "SEEN")[1][0].split())
    equal("search in the subject", imap.search(None, "SUBJECT", '"message 13"')[1], [b"14"])
    imap.literal = "ümlaut".encode()
    equal("search with a literal", len(imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY")[1][0].split()), 20)
    equal("store", imap.store("1:3", "+FLAGS", r"(\Answered $Label1)")[0], "OK")
    equal("keyword search", imap.search(None, "KEYWORD", "$Label1")[1], [b"1 2 3"])
    equal("create", imap.create("Work/Old")[0], "OK")
    equal("subscribe", imap.subscribe("Work/Old")[0], "OK")
    check("lsub", b"Work/Old" in b"\n".join(imap.lsub()[1]))
    equal("copy", imap.copy("1:5", "Work/Old")[0], "OK")
    equal("move", imap.uid("MOVE", "6:8", "Work/Old")[0], "OK")
    equal("status", imap.status("Work/Old", "(MESSAGES UNSEEN)")[1], [b"Work/Old (MESSAGES 8 UNSEEN 7)"])
    imap.store("1:2", "+FLAGS", r"(\Deleted)")
    equal("expunge", sorted(imap.expunge()[1][-2:]), [b"1", b"2"])
    equal("sort", imap.sort("REVERSE SUBJECT", "UTF-8", "ALL")[1][0].split()[0], b"5")
    equal("thread", imap.thread("REFERENCES", "UTF-8", "ALL")[0], "OK")
    other = witness(server)
    other.append("INBOX", None, None, message("new"))
    imap.noop()
    equal("new mail is told", imap.response("EXISTS")[1][-1], b"16")
    equal("rename", imap.rename("Work/Old", "Work/Older")[0], "OK")
    equal("delete", imap.delete("Work/Older")[0], "OK")
    equal("examine", imap.select("INBOX", readonly=True)[0], "OK")
    equal("store in a read-only mailbox", imap.uid("STORE", "3", "+FLAGS", r"(\Seen)")[0], "NO")
    imap.unselect()
    try:
        imap.select("nowhere")
        status = imap.state
    except imaplib.IMAP4.error as error:
        status = str(error)
    equal("select of what is not there", status, "AUTH")
    imap.logout()
    other.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
