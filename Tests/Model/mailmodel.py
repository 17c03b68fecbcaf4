"""What the model test knows of an account: mailboxes with their messages, as RFC 9051 has them, without any protocol."""


class Message:
    def __init__(self, uid, flags, token):
        self.uid = uid
        self.flags = frozenset(flags)
        self.token = token
        # What they were within this step: a command may tell what others did before it tells its own.
        self.before = set()
        # None until the server said which.
        self.modseq = None


class Mailbox:
    """Goes on living after a DELETE for the sessions that have it selected."""

    def __init__(self, name):
        self.name = name
        self.validity = None
        self.next_uid = 1
        self.messages = {}
        self.highest = 0
        self.is_deleted = False
        # `(uid, HIGHESTMODSEQ before)` of each message that went.
        self.expunged = []
        # What changed since the server was last asked: these have a new MODSEQ, those may have.
        self.changed = set()
        self.touched = set()
        self.is_dirty = True
        # Who was told that a message is recent.
        self.recent = {}

    def uids(self):
        return sorted(self.messages)

    def expunge(self, uids):
        self.is_dirty = True
        for uid in uids:
            if uid in self.messages:
                del self.messages[uid]
                self.expunged.append((uid, self.highest))

    def store(self, uid, flags):
        message = self.messages[uid]
        self.touched.add(uid)
        self.is_dirty = True
        if message.flags != flags:
            message.before.add(message.flags)
            message.flags = frozenset(flags)
            message.modseq = None
            self.changed.add(uid)

    def add(self, uid, flags, token):
        assert uid >= self.next_uid, f"UID {uid} in {self.name}, but UIDNEXT was {self.next_uid}"
        self.messages[uid] = Message(uid, flags, token)
        self.next_uid = uid + 1
        self.changed.add(uid)
        self.is_dirty = True


class Account:
    def __init__(self):
        self.boxes = {"INBOX": Mailbox("INBOX")}
        # The highest UIDVALIDITY that each name had: a mailbox made again has a higher one.
        self.validities = {}

    def get(self, name):
        return self.boxes.get(name)


def numbers(text):
    """`1,3:5` as a list."""
    found = []
    for word in str(text).split(","):
        first, _, last = word.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


def resolve(text, view, by_uid):
    """The places in the view (from 0) that a set means, ascending; None when it names a number that is not there."""
    places = set()
    top = (view[-1] if view else 0) if by_uid else len(view)
    for word in text.split(","):
        ends = word.split(":")
        values = [top if end == "*" else int(end) for end in ends]
        if not by_uid and "*" in ends and view:
            # `9:*` has the last message, as among UIDs.
            values = [min(value, top) for value in values]
        if not by_uid and (not view or any(value > len(view) for value in values)):
            return None
        low, high = min(values), max(values)
        if by_uid:
            places |= {place for place, uid in enumerate(view) if low <= uid <= high}
        else:
            places |= set(range(low - 1, high))
    return sorted(places)
