"""The commands of the model test: what is sent, and what must come back. Each evaluates its sets when the answer is read,
so that it may stand in a pipeline behind commands that change the view."""

from mailmodel import Mailbox, numbers, resolve
from sessions import need

FLAGS = [r"\Seen", r"\Flagged", r"\Answered", r"\Deleted", r"\Draft", "k1", "k2", "$Junk"]
EXPUNGE_ISSUED = "EXPUNGEISSUED"


def code_of(response):
    return str(response.code[0]).upper() if response.code else None


class Command:
    """`words` are what is sent. `read` gets all responses, the tagged one last."""

    tells_expunge = True
    is_fit_for_storm = False

    def read(self, test, session, responses):
        *untagged, tagged = responses
        # A bad set of numbers is not looked at before the view is known; the effect comes before what is told of it.
        self.effect(test, session, untagged, tagged)
        for response in untagged:
            session.apply(response, self.tells_expunge)
        self.after(test, session, untagged, tagged)

    def effect(self, test, session, untagged, tagged):
        pass

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == "OK", f"{tagged!r}")


class Noop(Command):
    is_fit_for_storm = True

    def __init__(self):
        self.words = ["NOOP"]

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == "OK", f"{tagged!r}")
        if session.box is not None and not session.is_blind:
            session.need_current()


class OnMessages(Command):
    """With a set of sequence numbers or UIDs."""

    is_fit_for_storm = True
    is_vague = False

    def __init__(self, text, by_uid):
        self.text = text
        self.by_uid = by_uid
        self.prefix = "UID " if by_uid else ""

    def targets(self, session):
        """`(uids that are there, uids that are gone)`, or None when the set names numbers that are not there."""
        # `*` is the last message; where there is none, nothing says what it is.
        self.is_vague = not session.view and "*" in self.text
        if self.is_vague:
            return [], []
        places = resolve(self.text, session.uids(), self.by_uid)
        if places is None:
            return None
        uids = [session.view[place].uid for place in places]
        there = [] if session.box.is_deleted else [uid for uid in uids if uid in session.box.messages]
        return there, [uid for uid in uids if uid not in there]


class Fetch(OnMessages):
    def __init__(self, text, by_uid, items, since=None):
        super().__init__(text, by_uid)
        self.items = items
        self.since = since
        self.words = [f"{self.prefix}FETCH {text} ({' '.join(items)})" + (f" (CHANGEDSINCE {since})" if since else "")]
        self.tells_expunge = by_uid
        self.sets_seen = "BODY[TEXT]" in items

    def effect(self, test, session, untagged, tagged):
        session.fetched = {}
        session.knows_modseq = "MODSEQ" in self.items or self.since is not None
        self.found = None
        if session.is_blind:
            return
        self.found = self.targets(session)
        if self.found is None or tagged.kind == "BAD":
            return
        if self.since is not None:
            messages = session.box.messages
            self.found = ([uid for uid in self.found[0] if messages[uid].modseq > self.since], self.found[1])
        if self.sets_seen and not session.is_read_only:
            for uid in self.found[0]:
                session.box.store(uid, session.box.messages[uid].flags | {"\\seen"})

    def after(self, test, session, untagged, tagged):
        session.knows_modseq = False
        if session.is_blind or self.is_vague:
            return
        if self.found is None:
            need(tagged.kind in ("BAD", "NO"), f"{tagged!r} for numbers that are not there")
            return
        there, gone = self.found
        need(tagged.kind == "OK" or ((gone or session.box.is_deleted) and tagged.kind == "NO"), f"{tagged!r} about {self.found} in view {session.uids()}")
        for uid in there:
            items = session.fetched.get(uid)
            need(items is not None, f"no FETCH for UID {uid}")
            for item in self.items:
                name = item.replace(".PEEK", "").upper()
                need(name in items or name == "FLAGS", f"FETCH of UID {uid} without {name}")
            token = items.get("BODY[HEADER.FIELDS (SUBJECT)]")
            if token is not None:
                need(token.split()[1].decode() == session.box.messages[uid].token, f"UID {uid} is another message now")
        if self.since is not None:
            for uid, items in session.fetched.items():
                need("MODSEQ" in items, f"FETCH of UID {uid} without MODSEQ")


class Store(OnMessages):
    def __init__(self, text, by_uid, operation, flags, silent, unchanged=None):
        super().__init__(text, by_uid)
        self.operation, self.flags, self.silent, self.unchanged = operation, [flag.lower() for flag in flags], silent, unchanged
        modifier = f" (UNCHANGEDSINCE {unchanged})" if unchanged is not None else ""
        self.words = [f"{self.prefix}STORE {text}{modifier} {operation}FLAGS{'.SILENT' if silent else ''} ({' '.join(flags)})"]
        self.tells_expunge = by_uid

    def changed(self, flags):
        given = frozenset(self.flags)
        return {"+": flags | given, "-": flags - given, "": given}[self.operation]

    def effect(self, test, session, untagged, tagged):
        session.fetched = {}
        session.knows_modseq = self.unchanged is not None
        self.found = None
        if session.is_blind:
            return
        self.found = self.targets(session)
        self.failed = []
        if session.is_read_only or self.found is None or tagged.kind == "BAD":
            return
        for uid in self.found[0]:
            message = session.box.messages[uid]
            if self.unchanged is not None and message.modseq > self.unchanged:
                self.failed.append(uid)
                continue
            session.box.store(uid, self.changed(message.flags))
            if self.silent:
                # The client knows what it did; where it was not up to date, it is told.
                entry = next(entry for entry in session.view if entry.uid == uid)
                if entry.flags is not None:
                    entry.flags = self.changed(entry.flags)

    def after(self, test, session, untagged, tagged):
        session.knows_modseq = False
        if session.is_blind or self.is_vague:
            return
        if session.is_read_only:
            need(tagged.kind in ("NO", "BAD"), f"{tagged!r} in a read-only mailbox")
            return
        if self.found is None:
            need(tagged.kind in ("BAD", "NO"), f"{tagged!r} for numbers that are not there")
            return
        there, gone = self.found
        need(tagged.kind == "OK" or ((gone or session.box.is_deleted) and tagged.kind == "NO"), f"{tagged!r} about {self.found} in view {session.uids()}")
        if tagged.kind == "NO":
            return
        code = code_of(tagged)
        if self.failed:
            need(code == "MODIFIED", f"{tagged!r}; UIDs {self.failed} were changed since")
            told = set(numbers(tagged.code[1]))
            if not self.by_uid:
                told = {self.uid_before(session, number) for number in told}
            need(set(self.failed) <= told <= set(self.failed) | set(gone), f"{tagged!r}; failed UIDs {self.failed}, view {session.uids()}")
        else:
            need(code != "MODIFIED" or gone, f"{tagged!r}, but nothing was changed since")
        for uid in there:
            if uid in self.failed:
                continue
            items = session.fetched.get(uid, {})
            if not self.silent:
                need("FLAGS" in items, f"no FETCH FLAGS for UID {uid}")
            if self.unchanged is not None:
                need("MODSEQ" in items, f"no MODSEQ for UID {uid} after UNCHANGEDSINCE (RFC 7162 section 3.1.3)")

    def uid_before(self, session, number):
        # EXPUNGE cannot have come in between, as it is forbidden here.
        return session.view[number - 1].uid if number <= len(session.view) else None


class Search(Command):
    is_fit_for_storm = True
    KEYS = {
        "ALL": lambda message, flags: True, "UNSEEN": lambda message, flags: "\\seen" not in flags,
        "FLAGGED": lambda message, flags: "\\flagged" in flags, "KEYWORD k1": lambda message, flags: "k1" in flags,
        "NOT DELETED": lambda message, flags: "\\deleted" not in flags,
        "OR SEEN DRAFT": lambda message, flags: "\\seen" in flags or "\\draft" in flags,
    }

    def __init__(self, key, by_uid):
        self.key, self.by_uid = key, by_uid
        self.words = [f"{'UID ' if by_uid else ''}SEARCH {key}"]
        self.tells_expunge = by_uid

    def effect(self, test, session, untagged, tagged):
        session.searched = []
        if session.is_blind:
            return
        self.must, self.may = set(), set()
        for place, entry in enumerate(session.view):
            name = entry.uid if self.by_uid else place + 1
            message = session.box.messages.get(entry.uid)
            if message is None or session.box.is_deleted:
                self.may.add(name)
                continue
            answers = {bool(self.KEYS[self.key](message, flags)) for flags in (message.flags, entry.flags, entry.stale) if flags is not None}
            if True in answers:
                self.may.add(name)
            if answers == {True} or self.key == "ALL":
                self.must.add(name)

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == "OK", f"{tagged!r}")
        if not session.is_blind:
            found = set(session.searched)
            need(self.must <= found, f"{self.words[0]} found {sorted(found)}, not {sorted(self.must - found)}: {self.about(session)}")
            need(found <= self.may, f"{self.words[0]} found {sorted(found)}, which has {sorted(found - self.may)} too many")


    def about(self, session):
        return [(entry.uid, sorted(session.box.messages[entry.uid].flags), sorted(entry.stale or ()), sorted(entry.flags or ()))
                for entry in session.view if entry.uid in session.box.messages]


class Expunge(Command):
    is_fit_for_storm = True

    def __init__(self, text=None):
        self.text = text
        self.words = ["EXPUNGE" if text is None else f"UID EXPUNGE {text}"]

    def effect(self, test, session, untagged, tagged):
        if session.is_blind or session.is_read_only or session.box.is_deleted or tagged.kind != "OK":
            return
        if self.text is None:
            uids = list(session.box.messages)
        else:
            uids = [session.view[place].uid for place in resolve(self.text, session.uids(), True)]
        deleted = [uid for uid in uids if uid in session.box.messages and "\\deleted" in session.box.messages[uid].flags]
        if self.text is None:
            # What the client does not know of may stay, or go.
            known = set(session.uids())
            deleted = [uid for uid in deleted if uid in known] + [uid for uid in deleted if uid not in known and test.is_gone(session.box, uid)]
        session.box.expunge(deleted)
        self.deleted = deleted

    def after(self, test, session, untagged, tagged):
        if session.is_blind:
            return
        if session.is_read_only:
            need(tagged.kind in ("NO", "BAD"), f"{tagged!r} in a read-only mailbox")
            return
        need(tagged.kind == "OK" or session.box.is_deleted, f"{tagged!r}")
        if not session.box.is_deleted:
            left = set(self.deleted) & set(session.uids())
            need(not left, f"UIDs {sorted(left)} were expunged, and the client was not told")


class Copy(OnMessages):
    def __init__(self, text, by_uid, target, moves):
        super().__init__(text, by_uid)
        self.target, self.moves = target, moves
        self.words = [f"{self.prefix}{'MOVE' if moves else 'COPY'} {text} {target}"]

    def effect(self, test, session, untagged, tagged):
        self.found = None
        self.target_box = test.account.get(self.target)
        if session.is_blind:
            return
        self.found = self.targets(session)
        if tagged.kind != "OK" or self.found is None:
            return
        code = next((response.code for response in [tagged] + untagged if code_of(response) == "COPYUID"), None)
        there, gone = self.found
        if session.is_read_only and self.moves:
            return
        if not there:
            need(code is None, f"COPYUID {code} for no messages")
            return
        need(self.target_box is not None, f"{tagged!r}: {self.target} is not there")
        need(code is not None, f"{tagged!r}: no COPYUID")
        need(int(code[1]) == self.target_box.validity, f"COPYUID with UIDVALIDITY {code[1]}, it is {self.target_box.validity}")
        sources, made = numbers(code[2]), numbers(code[3])
        need(sorted(sources) == sorted(there), f"COPYUID of {sources}, wanted {there}")
        need(len(sources) == len(made) and made == sorted(set(made)), f"COPYUID {code}")
        if self.moves:
            untagged_code = [response for response in untagged if code_of(response) == "COPYUID"]
            need(untagged_code, "MOVE with COPYUID in the tagged response (RFC 6851 section 4.3)")
        for source, uid in zip(sources, made):
            message = session.box.messages[source]
            self.target_box.add(uid, message.flags, message.token)
        if self.moves:
            session.box.expunge(there)

    def after(self, test, session, untagged, tagged):
        if session.is_blind or self.is_vague:
            return
        if self.found is None:
            need(tagged.kind in ("BAD", "NO"), f"{tagged!r} for numbers that are not there")
        elif session.is_read_only and self.moves:
            need(tagged.kind in ("NO", "BAD"), f"{tagged!r} in a read-only mailbox")
        elif self.target_box is None:
            need(tagged.kind == "NO" and code_of(tagged) in ("TRYCREATE", EXPUNGE_ISSUED),
                 f"{tagged!r}: {self.target} is not there")
        else:
            there, gone = self.found
            need(tagged.kind == "OK" or gone and tagged.kind == "NO" or session.box.is_deleted, f"{tagged!r} about {self.found}")
            if self.moves and tagged.kind == "OK":
                left = set(there) & set(session.uids())
                need(not left, f"UIDs {sorted(left)} were moved, and the client was not told")


class Append(Command):
    is_fit_for_storm = True

    def __init__(self, target, flags, token):
        self.target, self.flags, self.token = target, [flag.lower() for flag in flags], token
        self.words = [f"APPEND {target} ({' '.join(flags)})", f"Subject: {token}\r\nFrom: a@example.org\r\n\r\nbody of {token}\r\n".encode()]

    def effect(self, test, session, untagged, tagged):
        self.box = test.account.get(self.target)
        if self.box is None or session.is_blind:
            return
        need(tagged.kind == "OK" and code_of(tagged) == "APPENDUID", f"{tagged!r}")
        need(int(tagged.code[1]) == self.box.validity, f"{tagged!r}: UIDVALIDITY is {self.box.validity}")
        self.box.add(int(tagged.code[2]), self.flags, self.token)

    def after(self, test, session, untagged, tagged):
        if session.is_blind:
            return
        if self.box is None:
            need(tagged.kind == "NO" and code_of(tagged) == "TRYCREATE", f"{tagged!r}: {self.target} is not there")
        elif session.box is self.box:
            need(session.uids() and session.uids()[-1] == int(tagged.code[2]), "APPEND to the selected mailbox without EXISTS")


class Select(Command):
    def __init__(self, target, examines, quick=None):
        """`quick`: `(UIDVALIDITY, MODSEQ, known UIDs or None)` for QRESYNC."""
        self.target, self.examines, self.quick = target, examines, quick
        parameter = ""
        if quick is not None:
            parameter = f" (QRESYNC ({quick[0]} {quick[1]}{'' if quick[2] is None else ' ' + quick[2]}))"
        self.words = [f"{'EXAMINE' if examines else 'SELECT'} {target}{parameter}"]

    def read(self, test, session, responses):
        *untagged, tagged = responses
        box = test.account.get(self.target)
        closed = [response for response in untagged if code_of(response) == "CLOSED"]
        # CLOSED is sent to those who enabled an extension that has it; what stands in front is of the old mailbox.
        split = untagged.index(closed[0]) if closed else 0
        for response in untagged[:split]:
            session.apply(response)
        session.leave()
        if box is None:
            need(tagged.kind == "NO", f"{tagged!r}: {self.target} is not there")
            return
        need(tagged.kind == "OK", f"{tagged!r}")
        need(code_of(tagged) == ("READ-ONLY" if self.examines else "READ-WRITE"), f"{tagged!r}")
        session.box, session.is_read_only, session.selection = box, self.examines, object()
        session.earlier, session.fetched = [], {}
        counted = [response.number for response in untagged[split:] if response.kind == "EXISTS"]
        need(counted == [len(box.messages)], f"EXISTS {counted} for {len(box.messages)} messages")
        codes = {code_of(response): response.code for response in untagged[split:]}
        need(int(codes["UIDVALIDITY"][1]) == box.validity, f"UIDVALIDITY {codes['UIDVALIDITY']}, it was {box.validity}")
        need(int(codes["UIDNEXT"][1]) >= box.next_uid, f"UIDNEXT {codes['UIDNEXT']}, and {box.next_uid - 1} was given")
        for response in untagged[split:]:
            session.apply(response)
        if self.quick is not None and self.quick[0] == box.validity:
            self.check_quick(box, session)

    def check_quick(self, box, session):
        _, since, known = self.quick
        known = set(numbers(known)) if known else None
        gone = {uid for uid, before in box.expunged if since <= before}
        if known is not None:
            gone &= known
        told = set(session.earlier)
        need(not told & set(box.messages), f"VANISHED (EARLIER) with {sorted(told & set(box.messages))}, which are there")
        need(gone <= told, f"VANISHED (EARLIER) {sorted(told)} since {since}, without {sorted(gone - told)}")
        need(known is None or told <= known, f"VANISHED (EARLIER) {sorted(told - (known or set()))} was not asked for")
        changed = {uid for uid, message in box.messages.items() if message.modseq > since and (known is None or uid in known)}
        need(changed <= set(session.fetched), f"changed since {since}: {sorted(changed)}, told {sorted(session.fetched)}")


class Leave(Command):
    """CLOSE or UNSELECT."""

    def __init__(self, word):
        self.words = [word]

    def effect(self, test, session, untagged, tagged):
        if tagged.kind == "OK" and self.words[0] == "CLOSE" and not session.is_read_only and not session.box.is_deleted:
            box, known = session.box, set(session.uids())
            deleted = [uid for uid, message in box.messages.items() if "\\deleted" in message.flags]
            box.expunge([uid for uid in deleted if uid in known or test.is_gone(box, uid)])

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == "OK", f"{tagged!r}")
        session.leave()


class Status(Command):
    def __init__(self, target):
        self.target = target
        self.words = [f"STATUS {target} (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)"]

    def after(self, test, session, untagged, tagged):
        box = test.account.get(self.target)
        if box is None:
            need(tagged.kind == "NO", f"{tagged!r}: {self.target} is not there")
            return
        need(tagged.kind == "OK", f"{tagged!r}")
        values = next(response for response in untagged if response.kind == "STATUS").values[1]
        found = {str(name).upper(): int(value) for name, value in zip(values[::2], values[1::2])}
        unseen = sum("\\seen" not in message.flags for message in box.messages.values())
        need(found["MESSAGES"] == len(box.messages) and found["UNSEEN"] == unseen and found["UIDVALIDITY"] == box.validity,
             f"{found}, wanted {len(box.messages)} messages, {unseen} unseen, UIDVALIDITY {box.validity}")
        need(found["UIDNEXT"] >= box.next_uid, f"{found}, and UID {box.next_uid - 1} was given")


class Create(Command):
    def __init__(self, target):
        self.target = target
        self.words = [f"CREATE {target}"]

    def effect(self, test, session, untagged, tagged):
        self.was_there = test.account.get(self.target) is not None
        if tagged.kind == "OK" and not self.was_there:
            test.account.boxes[self.target] = Mailbox(self.target)
            test.learn(self.target)

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == ("NO" if self.was_there else "OK"), f"{tagged!r}: there before: {self.was_there}")


class Delete(Command):
    def __init__(self, target):
        self.target = target
        self.words = [f"DELETE {target}"]

    def effect(self, test, session, untagged, tagged):
        self.was_there = test.account.get(self.target) is not None
        if tagged.kind == "OK" and self.was_there:
            test.account.boxes.pop(self.target).is_deleted = True

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == ("OK" if self.was_there else "NO"), f"{tagged!r}: there before: {self.was_there}")


class Rename(Command):
    def __init__(self, source, target):
        self.source, self.target = source, target
        self.words = [f"RENAME {source} {target}"]

    def effect(self, test, session, untagged, tagged):
        boxes = test.account.boxes
        self.is_possible = self.source in boxes and self.target not in boxes
        if tagged.kind != "OK" or not self.is_possible:
            return
        if self.source == "INBOX":
            # Its messages move; INBOX stays, empty (RFC 9051 section 6.3.6).
            moved = [message.token for _, message in sorted(boxes["INBOX"].messages.items())]
            flags = [message.flags for _, message in sorted(boxes["INBOX"].messages.items())]
            boxes["INBOX"].expunge(list(boxes["INBOX"].messages))
            test.adopt(self.target, moved, flags)
        else:
            box = boxes.pop(self.source)
            box.name = self.target
            boxes[self.target] = box
            test.learn(self.target)

    def after(self, test, session, untagged, tagged):
        need(tagged.kind == ("OK" if self.is_possible else "NO"), f"{tagged!r}: possible: {self.is_possible}")
