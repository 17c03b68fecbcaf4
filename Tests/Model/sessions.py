"""A session of the model test: a connection, and what its client may believe of the selected mailbox."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Interop"))
from imapwire import Client  # noqa: E402
from mailmodel import numbers  # noqa: E402

KINDS = ("rev1", "rev2", "condstore", "qresync")


class Wrong(AssertionError):
    pass


def need(condition, why):
    if not condition:
        raise Wrong(why)


class Entry:
    """A message in a client's view. `uid` and `flags` are None where the client was not told; `stale` are the flags of when
    the session was last told of changes: a server may answer by them as long as it has not told more."""

    def __init__(self, uid=None):
        self.uid = uid
        self.flags = None
        self.stale = None


class Session:
    def __init__(self, name, kind, port, user, password):
        self.name = name
        self.kind = kind
        self.client = Client(port, timeout=60)
        self.client.ok("LOGIN", user, password)
        if kind != "rev1":
            self.client.ok("ENABLE", {"rev2": "IMAP4rev2", "condstore": "CONDSTORE", "qresync": "QRESYNC"}[kind])
        self.box = None
        self.is_read_only = False
        # Another object for each SELECT.
        self.selection = object()
        self.view = []
        self.idle_tag = None
        # During a storm nobody knows what others did: only the protocol's own rules are checked.
        self.is_blind = False
        self.searched = []
        self.earlier = []
        self.fetched = {}

    @property
    def has_modseq(self):
        return self.kind in ("condstore", "qresync")

    def uids(self):
        return [entry.uid for entry in self.view]

    def leave(self):
        self.box = None
        self.view = []

    def apply(self, response, tells_expunge=True):
        """Takes in an untagged response; raises Wrong for one that must not come."""
        kind = response.kind
        if kind in ("FLAGS", "RECENT", "OK", "LIST", "STATUS", "CAPABILITY", "ENABLED", "NO", "BAD"):
            need(not (kind == "RECENT" and self.kind == "rev2"), "RECENT to a client of IMAP4rev2")
            return
        need(kind != "BYE", f"BYE: {response!r}")
        need(self.box is not None or kind in ("SEARCH", "ESEARCH"), f"{response!r} with no mailbox selected")
        if kind == "EXISTS":
            self.exists(response.number)
        elif kind == "EXPUNGE":
            need(tells_expunge, "EXPUNGE in the answer to FETCH, STORE or SEARCH (RFC 9051 section 7.5.1)")
            need(self.kind != "qresync", "EXPUNGE instead of VANISHED (RFC 7162 section 3.2.10)")
            need(1 <= response.number <= len(self.view), f"EXPUNGE {response.number} of {len(self.view)}")
            entry = self.view.pop(response.number - 1)
            self.need_gone(entry.uid)
        elif kind == "VANISHED":
            need(self.kind == "qresync", "VANISHED to a client without QRESYNC")
            if isinstance(response.values[0], list):
                self.earlier += numbers(response.values[1])
                return
            need(tells_expunge, "VANISHED in the answer to FETCH, STORE or SEARCH (RFC 7162 section 3.2.10.2)")
            self.vanished(numbers(response.values[0]))
        elif kind == "FETCH":
            self.fetch(response)
        elif kind == "SEARCH":
            words = [word for word in response.values if not isinstance(word, list)]
            self.searched = [int(word) for word in words]
        elif kind == "ESEARCH":
            words = list(response.values)
            if "ALL" in words:
                self.searched = numbers(words[words.index("ALL") + 1])
        else:
            raise Wrong(f"what is {response!r}")

    def exists(self, count):
        need(count >= len(self.view), f"EXISTS {count} after {len(self.view)}, without EXPUNGE")
        more = count - len(self.view)
        if self.is_blind:
            self.view += [Entry() for _ in range(more)]
            return
        last = self.view[-1].uid if self.view else 0
        unseen = [uid for uid in self.box.uids() if uid > last]
        need(more <= len(unseen), f"EXISTS {count}, but there are only {len(self.view)} and {len(unseen)} new messages")
        self.view += [Entry(uid) for uid in unseen[:more]]

    def need_gone(self, uid):
        if not self.is_blind:
            need(uid not in self.box.messages or self.box.is_deleted, f"UID {uid} is told as expunged, and is still there")

    def vanished(self, uids):
        for uid in uids:
            self.need_gone(uid)
        known = {entry.uid for entry in self.view}
        if None in known:
            # Not all UIDs of the view are known: the length is, since each that is told was in it.
            unknown = [uid for uid in uids if uid not in known]
            self.view = [entry for entry in self.view if entry.uid not in set(uids)]
            for uid in unknown:
                # Of the entries without UID one that stands where this UID would.
                place = next((i for i, entry in enumerate(self.view) if entry.uid is None
                              and all(other.uid is None or other.uid < uid for other in self.view[:i])
                              and all(other.uid is None or other.uid > uid for other in self.view[i:])), None)
                need(place is not None, f"VANISHED {uid} was not in the view")
                del self.view[place]
            return
        need(set(uids) <= known, f"VANISHED {sorted(set(uids) - known)} that the client does not have")
        self.view = [entry for entry in self.view if entry.uid not in set(uids)]

    def fetch(self, response):
        need(1 <= response.number <= len(self.view), f"FETCH {response.number} of {len(self.view)}: {response!r}")
        items = response.items()
        entry = self.view[response.number - 1]
        if "UID" in items:
            uid = int(items["UID"])
            if entry.uid is None:
                entry.uid = uid
            need(uid == entry.uid, f"{response!r}: message {response.number} is UID {entry.uid}")
        message = self.box.messages.get(entry.uid) if not self.is_blind else None
        if "FLAGS" in items:
            flags = frozenset(str(flag).lower() for flag in items["FLAGS"])
            need(not ("\\recent" in flags and self.kind == "rev2"), r"\Recent to a client of IMAP4rev2")
            if "\\recent" in flags and not self.is_read_only and entry.uid is not None:
                # One read-write session has it, from one SELECT on (RFC 3501 section 2.3.2).
                owner = self.box.recent.setdefault(entry.uid, self.selection)
                need(owner is self.selection, f"UID {entry.uid} is recent here and was in another session")
            flags -= {"\\recent"}
            if message is not None:
                need(flags in (message.flags, entry.flags, entry.stale) or flags in message.before,
                     f"{response!r}: flags are {sorted(message.flags)}, told were {entry.flags and sorted(entry.flags)}, when last told of changes {entry.stale and sorted(entry.stale)}")
            entry.flags = flags
        if "MODSEQ" in items:
            need(self.has_modseq or self.knows_modseq, f"MODSEQ unasked: {response!r}")
            modseq = int(items["MODSEQ"][0])
            if message is not None and message.modseq is not None and entry.flags == message.flags:
                need(modseq <= message.modseq, f"{response!r}: MODSEQ is {message.modseq}")
        found = self.fetched.setdefault(entry.uid, {})
        found.update(items)

    knows_modseq = False

    def age(self):
        """A command is done: what changes from now on the session may not know. (BAD tells nothing.)"""
        for entry in self.view if self.box is not None else []:
            message = self.box.messages.get(entry.uid)
            if message is not None:
                entry.stale = message.flags

    def need_current(self):
        """After NOOP: the client knows everything."""
        wanted = [] if self.box.is_deleted else self.box.uids()
        need(self.uids() == wanted, f"view after NOOP is {self.uids()}, the mailbox has {wanted}")
        for entry in self.view:
            message = self.box.messages[entry.uid]
            need(entry.flags is None or entry.flags == message.flags,
                 f"UID {entry.uid} has {sorted(message.flags)}; the client was last told {sorted(entry.flags or ())}")
