"""imap-tools from PyPI: its fetch, search, flag, move, folder and idle calls."""

import ssl

from martlet import Martlet, PASSWORD, check, equal, finish
from samples import SPECIAL_USE, message, witness
import pypi

pypi.need("imap-tools", "imap_tools")
from imap_tools import AND, MailBox, MailMessageFlags  # noqa: E402


def main():
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    context = ssl.create_default_context(cafile=server.certificate)
    with MailBox("localhost", port=server.ports["imaps"], ssl_context=context).login("alice", PASSWORD) as box:
        for number in range(25):
            box.append(message(number), "INBOX", flag_set=[MailMessageFlags.FLAGGED] if number < 5 else None)
        check("special folders", {r"\Sent", r"\Drafts", r"\Trash"} <= {flag for folder in box.folder.list() for flag in folder.flags})
        box.folder.set("INBOX")
        mails = list(box.fetch(mark_seen=False, bulk=10))
        equal("all are fetched", [mail.subject for mail in mails], [f"message {n}" for n in range(25)])
        check("text is decoded", all("ümlaut" in mail.text for mail in mails))
        equal("nothing is seen", len(box.uids(AND(seen=False))), 25)
        equal("flagged", len(list(box.fetch(AND(flagged=True), headers_only=True, mark_seen=False))), 5)
        equal("one by subject", [mail.uid for mail in box.fetch(AND(subject="message 17"))], ["18"])
        equal("it is seen now", box.uids(AND(seen=True)), ["18"])
        equal("non-ASCII search", len(box.uids(AND(body="ümlaut"), charset="UTF-8")), 25)
        box.flag(["1", "2"], ["$later", MailMessageFlags.ANSWERED], True)
        equal("keyword", box.uids(AND(keyword="$later")), ["1", "2"])
        box.folder.create("Work/Überblick")
        check("folder is there", box.folder.exists("Work/Überblick"))
        box.copy(["1", "2", "3"], "Work/Überblick")
        box.move(["4", "5"], "Work/Überblick")
        equal("status", box.folder.status("Work/Überblick")["MESSAGES"], 5)
        box.delete(["6", "7"])
        equal("deleted and moved are gone", len(box.uids()), 21)
        other = witness(server)
        with box.idle as idle:
            other.append("INBOX", None, None, message("pushed"))
            responses = idle.poll(timeout=20)
        check("new mail wakes IDLE", b"* 22 EXISTS" in responses, responses)
        equal("new mail is read", [mail.subject for mail in box.fetch(AND(subject="pushed"))], ["message pushed"])
        box.folder.rename("Work/Überblick", "Work/Archiv")
        box.folder.delete("Work/Archiv")
        other.logout()
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
