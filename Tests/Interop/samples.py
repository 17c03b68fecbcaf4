"""Messages and settings that the tests of clients share."""

import imaplib

from martlet import PASSWORD

SPECIAL_USE = """
namespace inbox {
  mailbox Drafts {
    auto = create
    special_use = \\Drafts
  }
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
}
"""


def message(name):
    return (f"From: Anna <anna@example.org>\r\nTo: alice@example.org\r\nSubject: message {name}\r\n"
            f"Message-ID: <{name}@example.org>\r\nDate: Tue, 3 Mar 2026 10:20:30 +0100\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nbody {name} with ümlaut\r\n").encode()


def witness(server, user="alice"):
    """A second, plain connection that says what is really there."""
    imap = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    imap.login(user, PASSWORD)
    return imap


def found(imap, folder, *keys):
    """The sequence numbers that a SEARCH finds, in a mailbox opened for reading."""
    status, _ = imap.select(folder, readonly=True)
    assert status == "OK", folder
    return imap.search(None, *(keys or ("ALL",)))[1][0].split()
