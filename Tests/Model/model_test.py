"""Random commands from several sessions at once against a model that knows what each may be told.

    model_test.py [--seed S] [--steps N] [--rounds R] [--format maildir|pack] [--trace]

Sessions of IMAP4rev1, IMAP4rev2, CONDSTORE and QRESYNC share an account; each step is a command, a pipeline of some, or
IDLE, and its answer is held to the rules of mailmodel.py, sessions.py and commands.py. Now and then all send at the same
time (with odd seeds); what the clients believe afterwards is compared with what is there. A failing seed is printed with its
last commands: `--seed S --rounds 1` repeats it.
"""

import argparse
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Interop"))
from imapwire import Client, Closed, Malformed  # noqa: E402
from martlet import Martlet, PASSWORD, check, finish  # noqa: E402
from mailmodel import Account, Mailbox, Message  # noqa: E402
import commands  # noqa: E402
from sessions import KINDS, Session, Wrong, need  # noqa: E402

NAMES = ["INBOX", "A", "B", "C"]
ANY_NAMES = NAMES + ["D", "gone"]


class Model:
    def __init__(self, seed, port, user, trace):
        self.random = random.Random(seed)
        self.port, self.user, self.trace = port, user, trace
        self.account = Account()
        self.history = []
        self.tokens = 0
        self.observer = Client(port, timeout=60)
        self.observer.ok("LOGIN", user, PASSWORD)
        self.observer.ok("ENABLE CONDSTORE")
        for name in ("A", "B"):
            self.observer.ok("CREATE", name)
            self.account.boxes[name] = Mailbox(name)
        self.learn_all()
        self.sessions = [Session(f"{kind}{number}", kind, port, user, PASSWORD) for number in (1, 2) for kind in KINDS]

    def close(self):
        for session in self.sessions:
            session.client.close()
        self.observer.close()

    def note(self, text):
        self.history.append(text)
        if self.trace:
            print("#", text, flush=True)

    # What is really there, by a session that has nothing selected between its questions.

    def learn_all(self):
        """All that changed, and now and then one that did not."""
        for name, box in list(self.account.boxes.items()):
            if box.is_dirty or self.random.random() < 0.05:
                self.learn(name)

    def learn(self, name, is_blind=False):
        """Compares a mailbox with the model, and takes over what only the server knows: UIDVALIDITY and MODSEQs."""
        box = self.account.boxes[name]
        status = self.observer.ok(f"EXAMINE {name}")
        codes = {commands.code_of(response): response.code for response in status}
        validity = int(codes["UIDVALIDITY"][1])
        if box.validity is None:
            need(validity > self.account.validities.get(name, 0), f"{name} has UIDVALIDITY {validity} again")
            box.validity = validity
        need(validity == box.validity, f"UIDVALIDITY of {name} was {box.validity}, is {validity}")
        self.account.validities[name] = max(validity, self.account.validities.get(name, 0))
        found = {}
        for response in self.observer.ok("UID FETCH 1:* (FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (SUBJECT)])"):
            if response.kind == "FETCH":
                items = response.items()
                flags = frozenset(str(flag).lower() for flag in items["FLAGS"]) - {"\\recent"}
                token = items["BODY[HEADER.FIELDS (SUBJECT)]"].split()[1].decode()
                found[int(items["UID"])] = (flags, int(items["MODSEQ"][0]), token)
        highest = int(codes["HIGHESTMODSEQ"][1])
        need(highest >= box.highest, f"HIGHESTMODSEQ of {name} was {box.highest}, is {highest}")
        if is_blind:
            self.adopt_found(box, found)
        need(sorted(found) == box.uids(), f"{name} has UIDs {sorted(found)}, the model {box.uids()}")
        for uid, (flags, modseq, token) in found.items():
            message = box.messages[uid]
            need(flags == message.flags, f"UID {uid} of {name} has {sorted(flags)}, the model {sorted(message.flags)}")
            need(token == message.token, f"UID {uid} of {name} is {token}, not {message.token}")
            if uid in box.changed:
                need(modseq > box.highest, f"UID {uid} of {name} changed, its MODSEQ is {modseq}, HIGHESTMODSEQ was {box.highest}")
            elif uid not in box.touched and message.modseq is not None:
                need(modseq == message.modseq, f"UID {uid} of {name} did not change, its MODSEQ was {message.modseq}, is {modseq}")
            need(modseq <= highest, f"UID {uid} of {name} has MODSEQ {modseq} over HIGHESTMODSEQ {highest}")
            message.modseq = modseq
            message.before.clear()
        box.highest = highest
        box.changed.clear()
        box.touched.clear()
        box.is_dirty = False
        self.observer.ok("UNSELECT")

    def adopt_found(self, box, found):
        """After a storm: what is there is right, where it may be."""
        box.expunge([uid for uid in box.messages if uid not in found])
        for uid, (flags, _, token) in sorted(found.items()):
            known = box.messages.get(uid)
            if known is None:
                need(uid >= box.next_uid, f"UID {uid} of {box.name} is new, UIDNEXT was {box.next_uid}")
                box.messages[uid] = Message(uid, flags, token)
                box.next_uid = uid + 1
            elif known.flags != flags:
                known.flags = flags
            else:
                continue
            box.messages[uid].modseq = None
            box.changed.add(uid)
        box.touched |= set(box.messages)

    def adopt(self, name, tokens, flags):
        """What RENAME INBOX made: the same messages under UIDs that are to be seen."""
        box = self.account.boxes[name] = Mailbox(name)
        self.observer.ok(f"EXAMINE {name}")
        uids = [int(response.items()["UID"]) for response in self.observer.ok("UID FETCH 1:* (UID)") if response.kind == "FETCH"]
        need(len(uids) == len(tokens), f"RENAME INBOX moved {len(uids)} of {len(tokens)} messages")
        for uid, token, flag in zip(uids, tokens, flags):
            box.add(uid, flag, token)
        self.observer.ok("UNSELECT")
        self.learn(name)

    def is_gone(self, box, uid):
        """Whether a message is really gone, where the server may decide."""
        self.observer.ok(f"EXAMINE {box.name}")
        found = self.observer.ok(f"UID SEARCH UID {uid}")
        self.observer.ok("UNSELECT")
        return not any(response.kind == "SEARCH" and response.values for response in found)

    # Choosing.

    def numbers(self, session, by_uid):
        r = self.random
        view = session.uids()
        top = (max((uid for uid in view if uid), default=0) + 1) if by_uid else len(view)
        if top == 0:
            return "1"
        words = []
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            low = r.randint(1, top)
            words.append(r.choice([str(low), str(low), f"{low}:{r.randint(1, top)}", f"{low}:*", "1:*", "*"]))
        if r.random() < 0.03:
            words.append(str(top + 5))
        return ",".join(words)

    def command(self, session):
        r = self.random
        choice = r.random()
        if session.box is None or choice < 0.06:
            return self.mailbox_command(session)
        by_uid = r.random() < 0.5
        if len(session.view) > 30 and r.random() < 0.3:
            return commands.Store("1:20", False, "+", [r"\Deleted"], True) if r.random() < 0.5 else commands.Expunge()
        text = self.numbers(session, by_uid)
        some = r.sample(commands.FLAGS, r.choice([1, 1, 2]))
        if choice < 0.14:
            return commands.Noop()
        if choice < 0.30:
            items = r.choice([["FLAGS"], ["UID", "FLAGS"], ["UID", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"], ["UID", "BODY[TEXT]"],
                              ["UID", "FLAGS", "BODY[TEXT]", "RFC822.SIZE"]])
            since = None
            if session.has_modseq and r.random() < 0.3:
                since = max(1, session.box.highest - r.randint(0, 8))
                items = ["UID", "FLAGS", "MODSEQ"]
            elif session.has_modseq and r.random() < 0.3:
                items = items + ["MODSEQ"]
            if "UID" not in items and not by_uid:
                items = ["UID"] + items
            return commands.Fetch(text, by_uid, items, since)
        if choice < 0.52:
            unchanged = None
            if session.has_modseq and r.random() < 0.4:
                unchanged = max(0, session.box.highest - r.randint(-1, 8))
            return commands.Store(text, by_uid, r.choice(["+", "+", "-", ""]), some, r.random() < 0.4, unchanged)
        if choice < 0.62:
            return commands.Search(r.choice(list(commands.Search.KEYS)), by_uid)
        if choice < 0.72:
            return commands.Expunge(self.numbers(session, True) if r.random() < 0.4 else None)
        if choice < 0.84:
            return commands.Copy(text, by_uid, r.choice(NAMES if r.random() < 0.95 else ANY_NAMES), r.random() < 0.5)
        return self.append(session)

    def append(self, session):
        r = self.random
        self.tokens += 1
        target = session.box.name if session.box is not None and not session.box.is_deleted and r.random() < 0.5 else r.choice(NAMES)
        return commands.Append(target, r.sample(commands.FLAGS, r.choice([0, 0, 1, 2])), f"t{self.tokens}")

    def mailbox_command(self, session):
        r = self.random
        choice = r.random()
        if choice < 0.62:
            target = r.choice(NAMES if r.random() < 0.95 else ANY_NAMES)
            quick = None
            box = self.account.get(target)
            if session.kind == "qresync" and box is not None and r.random() < 0.7:
                known = f"1:{box.next_uid}" if r.random() < 0.4 else None
                quick = (box.validity if r.random() < 0.9 else box.validity + 1, max(1, box.highest - r.randint(0, 12)), known)
            return commands.Select(target, r.random() < 0.2, quick)
        if choice < 0.70 and session.box is not None:
            return commands.Leave(r.choice(["CLOSE", "UNSELECT"]))
        if choice < 0.80:
            return commands.Status(r.choice(ANY_NAMES))
        if choice < 0.88:
            return commands.Create(r.choice(["A", "B", "C", "D"]))
        if choice < 0.94:
            return commands.Delete(r.choice(["A", "B", "C", "D"]))
        return commands.Rename(r.choice(ANY_NAMES if r.random() < 0.3 else ["A", "B", "C", "D"]), r.choice(["A", "B", "C", "D"]))

    # Doing.

    def step(self):
        r = self.random
        session = r.choice(self.sessions)
        if session.idle_tag is not None:
            self.end_idle(session)
            return
        if session.box is not None and r.random() < 0.05:
            session.idle_tag = session.client.send("IDLE")
            self.note(f"{session.name} IDLE")
            while True:
                response = session.client.response()
                if response.tag == "+":
                    return
                session.apply(response)
        batch = [self.command(session)]
        if session.box is not None and r.random() < 0.15:
            while len(batch) < 5 and r.random() < 0.75:
                following = self.command(session)
                # The model looks at the server between these and what follows.
                if isinstance(following, (commands.Select, commands.Leave)):
                    break
                batch.append(following)
            if any(self.asks_server(command) for command in batch) or isinstance(batch[0], (commands.Select, commands.Leave)):
                batch = batch[:1]
        self.note(f"{session.name} [{session.box and session.box.name}] " + " | ".join(str(command.words) for command in batch))
        tags = [session.client.send(*command.words) for command in batch]
        for command, tag in zip(batch, tags):
            responses = session.client.collect(tag)
            try:
                command.read(self, session, responses)
            except Wrong as error:
                told = "".join(f"\n#     {response!r:.200}" for response in responses[-40:])
                raise Wrong(f"{error}\n#   {session.name}, view {session.uids()}, answer to {command.words}:{told}") from None
            if responses[-1].kind != "BAD":
                session.age()
        self.learn_all()

    def asks_server(self, command):
        """Commands whose effect the model reads from the server, or whose prediction needs MODSEQs."""
        return isinstance(command, (commands.Create, commands.Rename, commands.Delete, commands.Expunge)) or \
            getattr(command, "since", None) is not None or getattr(command, "unchanged", None) is not None

    def end_idle(self, session):
        self.note(f"{session.name} DONE")
        session.client.socket.sendall(b"DONE\r\n")
        *untagged, tagged = session.client.collect(session.idle_tag)
        session.idle_tag = None
        # It may have been told of what is no longer so.
        session.is_blind = True
        for response in untagged:
            session.apply(response)
        need(tagged.kind == "OK", f"{tagged!r}")
        self.run(session, commands.Noop())
        self.settle(session)

    def run(self, session, command):
        command.read(self, session, session.client.collect(session.client.send(*command.words)))

    def storm(self):
        """All sessions send pipelines at the same time."""
        for session in self.sessions:
            if session.idle_tag is not None:
                self.end_idle(session)
        busy = [session for session in self.sessions if session.box is not None and not session.box.is_deleted]
        self.note("storm")
        plans = []
        for session in busy:
            batch = [command for command in (self.command(session) for _ in range(12)) if command.is_fit_for_storm]
            for command in batch:
                self.note(f"  {session.name} [{session.box.name}] {command.words}")
            session.is_blind = True
            plans.append((session, batch))
        waiting = []
        for turn in range(max((len(batch) for _, batch in plans), default=0)):
            for session, batch in plans:
                if turn < len(batch):
                    waiting.append((session, batch[turn], session.client.send(*batch[turn].words)))
        for session, command, tag in waiting:
            *untagged, tagged = session.client.collect(tag)
            command.effect(self, session, untagged, tagged)
            for response in untagged:
                try:
                    session.apply(response, command.tells_expunge)
                except Wrong as error:
                    raise Wrong(f"{session.name}, {command.words}: {error}") from None
        # A server may tell what others did at the latest here.
        for session, _ in plans:
            self.run(session, commands.Noop())
        for name in self.account.boxes:
            self.learn(name, is_blind=True)
        for session, batch in plans:
            self.settle(session, any(getattr(command, "silent", False) for command in batch))

    def settle(self, session, was_silent=False):
        """Compares what a client believes with what is there, after a time in which only the server knew the order."""
        session.is_blind = False
        truth = [] if session.box.is_deleted else session.box.uids()
        need(len(session.view) == len(truth), f"{session.name} believes in {len(session.view)} messages, there are {truth}")
        for place, entry in enumerate(session.view):
            need(entry.uid in (None, truth[place]), f"{session.name}: message {place + 1} is UID {truth[place]}, not {entry.uid}")
            flags = session.box.messages[truth[place]].flags
            # What it set silently it knows without being told.
            need(entry.flags is None or entry.flags == flags or was_silent,
                 f"{session.name}: UID {truth[place]} has {sorted(flags)}, the client was last told {sorted(entry.flags or ())}")
            entry.uid = truth[place]
            entry.flags = flags if not was_silent else None
        session.age()


def run(seed, steps, server, user, storms, trace):
    model = Model(seed, server.ports["imap"], user, trace)
    try:
        for number in range(steps):
            if storms and number % 80 == 79:
                model.storm()
            else:
                model.step()
        return None
    except (Wrong, Malformed, Closed, AssertionError, OSError) as error:
        lines = "\n".join(f"#   {line[:300]}" for line in model.history[-25:])
        return f"seed {seed}, step {len(model.history)}: {type(error).__name__}: {error}\n{lines}"
    finally:
        model.close()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    arguments.add_argument("--steps", type=int, default=1500)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--format", default=None, help="maildir or pack; without, every third seed is pack")
    arguments.add_argument("--trace", action="store_true")
    options = arguments.parse_args()
    users = [f"user{number}" for number in range(options.rounds)]
    server = Martlet(users=users)
    lines = []
    for number, user in enumerate(users):
        driver = options.format or ("pack" if (options.seed + number) % 3 == 0 else "maildir")
        lines.append(f"{user}:{{PLAIN}}{PASSWORD}:{server.uid}:{server.gid}::{server.home(user)}::userdb_mail_driver={driver}\n")
    pathlib.Path(server.directory, "users").write_text("".join(lines))
    server.start()
    for number, user in enumerate(users):
        seed = options.seed + number
        print(f"# seed {seed}, {options.steps} steps, {lines[number].rsplit('=', 1)[1].strip()}", flush=True)
        # The order of what happens at the same time is the server's: without storms a seed always does the same.
        storms = seed % 2 == 1
        problem = run(seed, options.steps, server, user, storms, options.trace)
        check(f"{options.steps} steps of seed {seed}{', with storms' if storms else ''}", problem is None, problem)
    check("stops cleanly", server.stop() == 0)
    finish()


if __name__ == "__main__":
    main()
