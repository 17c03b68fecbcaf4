"""IMAPClient from PyPI: sync with CONDSTORE, flags, IDLE, MOVE, SORT, special folders."""

import ssl

from martlet import Martlet, PASSWORD, check, equal, finish
from samples import SPECIAL_USE, message, witness
import pypi

pypi.need("imapclient", "imapclient")
import imapclient  # noqa: E402


def main():
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    context = ssl.create_default_context(cafile=server.certificate)
    client = imapclient.IMAPClient("localhost", port=server.ports["imaps"], ssl_context=context, timeout=30)
    client.login("alice", PASSWORD)
    client.id_({"name": "test"})
    equal("namespace", client.namespace().personal, (("", "/"),))
    equal("sent folder", client.find_special_folder(b"\\Sent"), "Sent")
    equal("trash folder", client.find_special_folder(b"\\Trash"), "Trash")
    for number in range(30):
        client.append("INBOX", message(number), flags=[imapclient.FLAGGED] if number % 3 == 0 else ())
    chosen = client.select_folder("INBOX")
    equal("messages", chosen[b"EXISTS"], 30)
    uids = client.search("ALL")
    equal("uids", uids, list(range(1, 31)))
    data = client.fetch(uids, ["ENVELOPE", "FLAGS", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE"])
    equal("envelopes", [data[uid][b"ENVELOPE"].subject for uid in uids], [f"message {n}".encode() for n in range(30)])
    check("structures", all(not data[uid][b"BODYSTRUCTURE"].is_multipart for uid in uids))
    equal("body", client.fetch(5, ["BODY[]"])[5][b"BODY[]"], message(4))
    check("seen", imapclient.SEEN in client.get_flags(5)[5])
    client.add_flags([1, 2], [imapclient.ANSWERED, "$work"])
    equal("keyword", client.search(["KEYWORD", "$work"]), [1, 2])
    equal("search in UTF-8", len(client.search(["BODY", "ümlaut"], charset="UTF-8")), 30)
    client.create_folder("Grüße & mehr")
    check("unicode folder is listed", any(name == "Grüße & mehr" for _, _, name in client.list_folders()))
    client.copy([1, 2, 3], "Grüße & mehr")
    client.move([4, 5], "Grüße & mehr")
    equal("folder status", client.folder_status("Grüße & mehr", ["MESSAGES", "UIDNEXT"]), {b"MESSAGES": 5, b"UIDNEXT": 6})
    equal("sort", client.sort(["REVERSE SUBJECT"])[0], 10)
    equal("thread", len(client.thread()), 28)
    modseq = client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"]
    client.set_flags([10], [imapclient.SEEN])
    equal("changed since", list(client.fetch(client.search("ALL"), ["FLAGS"], modifiers=[f"CHANGEDSINCE {modseq}"])), [10])
    other = witness(server)
    client.idle()
    other.append("INBOX", None, None, message("pushed"))
    responses = []
    for _ in range(20):
        responses += client.idle_check(timeout=1)
        if (29, b"EXISTS") in responses:
            break
    client.idle_done()
    check("new mail wakes IDLE", (29, b"EXISTS") in responses, responses)
    client.delete_messages([7])
    client.uid_expunge([7])
    equal("expunged", len(client.search("ALL")), 28)
    client.rename_folder("Grüße & mehr", "Andere")
    client.delete_folder("Andere")
    check("deleted folder is gone", not client.folder_exists("Andere"))
    client.logout()
    other.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
