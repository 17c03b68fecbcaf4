"""Martlet and Debian's Dovecot get the same messages and must give the same answers.

    differential_test.py [--random N] [--seed S] [--show] [NAME-PATTERN ...]

Compared: ENVELOPE, BODYSTRUCTURE, BODY, RFC822.SIZE, every BODY section with partials, SEARCH, SORT, THREAD. What
differs must be explained in `differences.txt`, and what is explained there must still differ. Martlet's answers are
also held to the grammar of RFC 9051 and to each other (sizes, lines, header and text). `--random` adds so many generated
messages; `--show` prints also the explained differences. The corpus: messages.py, and `../shared/corpus` where it is there.
"""

import argparse
import difflib
import fnmatch
import mailbox
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Interop"))
import dovecot  # noqa: E402
import explanations  # noqa: E402
import grammar  # noqa: E402
import messages  # noqa: E402
import queries  # noqa: E402
from imapwire import Atom, Client, Closed, Malformed  # noqa: E402
from martlet import Martlet, PASSWORD, ROOT, check, fail, finish, skip  # noqa: E402


class Peer:
    """One of the two servers, with the mailbox `corpus` selected."""

    def __init__(self, name, port):
        self.name = name
        self.port = port
        self.client = None
        self.connect()
        self.client.ok("CREATE corpus")

    def connect(self):
        self.client = Client(self.port, timeout=120)
        self.client.ok("LOGIN alice", PASSWORD)

    def select(self):
        self.client.ok("SELECT corpus")

    def append(self, octets, flags, date):
        return self.client.command(f"APPEND corpus ({flags})", f'"{date}"', octets)[-1].kind

    def fetch(self, number, items):
        """The items by name, or the kind of the answer that refused, or the exception's text."""
        try:
            found = self.client.command(f"FETCH {number} ({' '.join(items)})")
        except Malformed as error:
            self.reconnect()
            return f"malformed: {error}"
        except (Closed, OSError) as error:
            self.reconnect()
            return f"closed: {error}"
        if found[-1].kind != "OK":
            return found[-1].kind
        answers = {}
        for response in found:
            if response.kind == "FETCH" and response.number == number:
                answers.update(response.items())
        return answers

    def reconnect(self):
        self.client.close()
        self.connect()
        self.select()

    def untagged(self, kind, command):
        found = self.client.command(*command)
        if found[-1].kind != "OK":
            return found[-1].kind
        return [response.values for response in found if response.kind == kind]


def shared_corpus():
    """`../shared/corpus`, when there: `(name, octets)`."""
    root = ROOT.parent / "shared" / "corpus"
    for path in sorted(root.glob("mime/*.eml")):
        yield f"shared/{path.stem}", path.read_bytes()
    for path in sorted(root.glob("mbox/*.mbox")):
        for number, message in enumerate(mailbox.mbox(path, create=False)):
            octets = message.as_bytes(policy=message.policy.clone(linesep="\r\n", max_line_length=0, mangle_from_=False))
            yield f"shared/{path.stem}-{number}", octets


def date_of(index):
    return f"{index % 28 + 1:2}-{['Jan', 'Feb', 'Mar'][index % 3]}-2026 {index % 24:02}:{index % 60:02}:00 +0000"


def section_items(structure):
    """The BODY sections to ask for; PEEK, so that flags stay."""
    items = ["BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<0.100>", "BODY.PEEK[]<50.1000>",
             "BODY.PEEK[TEXT]<3.5>", "BODY.PEEK[]<1000000000.5>", "BODY.PEEK[HEADER]<7.20>",
             "BODY.PEEK[HEADER.FIELDS (FROM To Subject X-NoSuch)]", "BODY.PEEK[HEADER.FIELDS.NOT (FROM To Subject X-NoSuch)]",
             "BODY.PEEK[HEADER.FIELDS (Content-Type References)]<2.30>", "RFC822.HEADER"]
    parts = grammar.sections(structure) if isinstance(structure, list) else {"1": "leaf"}
    numbers = list(parts)
    if len(numbers) > 24:
        numbers = numbers[:12] + numbers[-12:]
    for number in numbers:
        items += [f"BODY.PEEK[{number}]", f"BODY.PEEK[{number}.MIME]", f"BODY.PEEK[{number}]<2.9>"]
        items += [f"BODY.PEEK[{number}.HEADER]", f"BODY.PEEK[{number}.TEXT]",
                  f"BODY.PEEK[{number}.HEADER.FIELDS (Subject FROM)]", f"BODY.PEEK[{number}.HEADER.FIELDS.NOT (Subject)]"]
    last = numbers[-1] if numbers else "1"
    items += ["BODY.PEEK[2]" if "2" not in parts else "BODY.PEEK[99]", f"BODY.PEEK[{last}.1]", f"BODY.PEEK[{last}.9.9]"]
    return list(dict.fromkeys(items))


def differences(item, left, right, path=""):
    """`(path, left, right)` of each place where two values differ."""
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right)):
            yield from differences(item, one, other, f"{path}/{index}")
    elif isinstance(left, Atom) and isinstance(right, Atom):
        if left.upper() != right.upper():
            yield path, left, right
    elif left != right or isinstance(left, Atom) != isinstance(right, Atom):
        yield path, left, right


def moved(left, right):
    """The members that do not stand in the same order in both lists: all but a longest common subsequence."""
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    kept = {name for start, _, size in matcher.get_matching_blocks() for name in left[start:start + size]}
    return [name for name in left if name not in kept] + [name for name in right if name not in kept and name not in left]


def leader(thread):
    """The first message of a thread."""
    while isinstance(thread, list):
        thread = thread[0]
    return thread


def neighbour(names, name):
    """What stands before `name`."""
    if name not in names:
        return Atom("missing")
    place = names.index(name)
    return Atom(f"after {names[place - 1]}") if place else Atom("first")


def short(value):
    text = repr(value)
    return text if len(text) <= 160 else text[:90] + f"...({len(text)})..." + text[-50:]


class Comparison:
    def __init__(self, explained, show):
        self.explained = explained
        self.show = show
        self.compared = 0
        self.unexplained = []
        self.wrong = []

    def same(self, message, item, left, right):
        self.compared += 1
        for path, one, other in differences(item, left, right):
            reason = self.explained.find(message, item, path, one, other)
            if reason is None:
                self.unexplained.append((message, item, path, one, other))
            if self.show or reason is None:
                print(f"# {'explained' if reason else 'DIFFERS'} {message} {item} {path}\n"
                      f"#   martlet {short(one)}\n#   dovecot {short(other)}", flush=True)

    def holds(self, message, complaints):
        for complaint in complaints:
            self.wrong.append((message, complaint))
            print(f"# WRONG {message}: {complaint}", flush=True)


def leaves(structure, prefix=""):
    """`(section, octets, lines or None)` of the parts that are no multipart."""
    def one(part, number):
        if isinstance(part[0], list):
            for index, inner in enumerate(part):
                if not isinstance(inner, list) or not inner:
                    break
                yield from one(inner, f"{number}.{index + 1}" if number else str(index + 1))
            return
        number = number or "1"
        kind = part[0].upper()
        if kind == b"MESSAGE" and isinstance((part + [None])[7], list):
            yield number, int(part[6]), int(part[9])
            if isinstance(part[8][0], list):
                yield from one(part[8], number)
            else:
                yield from one(part[8], f"{number}.1")
        else:
            yield number, int(part[6]), int(part[7]) if kind == b"TEXT" else None
    yield from one(structure, prefix)


def consistent(answers):
    """What must hold between the answers about one message."""
    whole = answers.get("BODY[]")
    wrong = []
    if whole is None:
        return ["no BODY[]"]
    if int(answers["RFC822.SIZE"]) != len(whole):
        wrong.append(f"RFC822.SIZE {answers['RFC822.SIZE']}, but BODY[] has {len(whole)}")
    # Headers are shown in US-ASCII, a whole message is as it is.
    if whole[:len(whole) - len(answers["BODY[TEXT]"])].isascii() and answers["BODY[HEADER]"] + answers["BODY[TEXT]"] != whole:
        wrong.append("BODY[HEADER] and BODY[TEXT] are not BODY[]")
    for item, value in answers.items():
        if item.startswith("BODY[]<"):
            start = int(item[7:-1])
            if value is None or whole[start:start + len(value)] != value:
                wrong.append(f"{item} is no part of BODY[]")
    for section, octets, lines in leaves(answers["BODYSTRUCTURE"]):
        content = answers.get(f"BODY[{section}]")
        if f"BODY[{section}]" not in answers:
            continue
        if content is None or len(content) != octets:
            wrong.append(f"BODYSTRUCTURE says {octets} octets for {section}, BODY[] has {content and len(content)}")
        elif lines is not None and content.count(b"\n") != lines:
            wrong.append(f"BODYSTRUCTURE says {lines} lines for {section}, there are {content.count(10)}")
    return wrong


def compare_message(number, name, ours, theirs, comparison):
    basic = ["UID", "RFC822.SIZE", "INTERNALDATE", "FLAGS", "ENVELOPE", "BODYSTRUCTURE", "BODY"]
    left, right = ours.fetch(number, basic), theirs.fetch(number, basic)
    if isinstance(left, str):
        comparison.holds(name, [f"FETCH answered {left}"])
        return
    comparison.holds(name, grammar.envelope(left["ENVELOPE"]) + grammar.body(left["BODYSTRUCTURE"], True)
                     + grammar.body(left["BODY"], False))
    if isinstance(right, str):
        # All that Dovecot can say of this message is lost; ask it for each item alone.
        right = {}
        for item in basic:
            answer = theirs.fetch(number, [item])
            right[item] = Atom(answer.split()[0]) if isinstance(answer, str) else answer.get(item)
    for answer in (left, right):
        if isinstance(answer.get("FLAGS"), list):
            answer["FLAGS"] = sorted(answer["FLAGS"])
    for item in basic[1:]:
        comparison.same(name, item, left.get(item), right.get(item))
    items = section_items(left["BODYSTRUCTURE"])
    for item in section_items(right.get("BODYSTRUCTURE")):
        if item not in items:
            items.append(item)
    answers, others = ours.fetch(number, items), theirs.fetch(number, items)
    if isinstance(answers, str):
        comparison.holds(name, [f"FETCH of sections answered {answers}"])
        return
    comparison.holds(name, consistent({**left, **answers}))
    if isinstance(others, str):
        others = {}
        for item in items:
            answer = theirs.fetch(number, [item])
            others.update({item: Atom(answer.split()[0])} if isinstance(answer, str) else answer)
    for item in sorted(set(answers) | set(others)):
        comparison.same(name, item, answers.get(item), others.get(item))


def compare_queries(ours, theirs, names, comparison):
    """SEARCH, SORT and THREAD over all messages; message numbers are shown by their names."""
    def named(value):
        if isinstance(value, list):
            return [named(inner) for inner in value]
        return names[int(value) - 1] if isinstance(value, Atom) and value.isdigit() and 0 < int(value) <= len(names) else value

    for kind, command in queries.all_queries(len(names)):
        label = " ".join(word if isinstance(word, str) else word.decode("utf-8", "replace") for word in command)
        left, right = ours.untagged(kind, command), theirs.untagged(kind, command)
        if isinstance(left, str) or isinstance(right, str):
            comparison.same("query", label, Atom(left) if isinstance(left, str) else "answered",
                            Atom(right) if isinstance(right, str) else "answered")
        elif kind == "SEARCH":
            one, other = ({name for line in named(values) for name in line if isinstance(name, str)} for values in (left, right))
            comparison.compared += 1
            for name in sorted(one ^ other, key=str):
                comparison.same(name, label, Atom("found" if name in one else "not"), Atom("found" if name in other else "not"))
        elif kind == "SORT":
            # Without the messages whose place is explained; they would move others.
            one, other = ([name for name in named(values[0]) if not comparison.explained.find(name, label, "", "", "")]
                          for values in (left, right))
            comparison.compared += 1
            for name in moved(one, other):
                comparison.same(name, label, neighbour(one, name), neighbour(other, name))
        else:
            one, other = named(left[0]), named(right[0])
            comparison.compared += 1
            strange = [thread for thread in one if thread not in other]
            for thread in strange:
                comparison.same(leader(thread), label, thread, [t for t in other if leader(t) == leader(thread)])
            if not strange:
                comparison.same("query", label, [leader(thread) for thread in one], [leader(thread) for thread in other])


def add(name, octets, names, ours, theirs, comparison):
    """Appends a message to both mailboxes and compares what is to be fetched of it."""
    date = date_of(len(names))
    index = len(names)
    flags = " ".join(flag for step, flag in ((2, "\\Seen"), (3, "\\Flagged"), (5, "\\Answered"), (7, "k1"), (11, "\\Deleted"), (13, "\\Draft"))
                     if index % step == 0)
    left, right = ours.append(octets, flags, date), theirs.append(octets, flags, date)
    if (left, right) != ("OK", "OK"):
        fail("append", f"{name}: {left}, {right}")
        finish()
    names.append(name)
    compare_message(len(names), name, ours, theirs, comparison)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--random", type=int, default=150)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--show", action="store_true")
    arguments.add_argument("patterns", nargs="*")
    options = arguments.parse_args()
    if dovecot.version() is None:
        skip("differential", "no Dovecot: package dovecot-imapd")
        finish()
    if dovecot.version() != (2, 3):
        skip("differential", f"the list of differences is for Dovecot 2.3, this is {dovecot.version()}")
        finish()

    corpus = list(messages.handmade()) + list(shared_corpus())
    generated = list(messages.Generator(options.seed).messages(options.random))
    if options.patterns:
        corpus = [(name, octets) for name, octets in corpus + generated
                  if any(fnmatch.fnmatch(name, pattern) for pattern in options.patterns)]
        generated = []
    martlet = Martlet(users=["alice"]).start()
    peer = dovecot.Dovecot().start()
    ours, theirs = Peer("martlet", martlet.ports["imap"]), Peer("dovecot", peer.port)
    comparison = Comparison(explanations.Explanations(HERE / "differences.txt"), options.show)

    ours.select()
    theirs.select()
    names = []
    for name, octets in corpus:
        add(name, octets, names, ours, theirs, comparison)
    compare_queries(ours, theirs, names, comparison)
    for name, octets in generated:
        add(name, octets, names, ours, theirs, comparison)

    check("Martlet's answers are well-formed and agree with each other", not comparison.wrong,
          f"{len(comparison.wrong)} complaints, the first {comparison.wrong[:1]}")
    check(f"{comparison.compared} answers about {len(names)} messages are Dovecot's or explained", not comparison.unexplained,
          f"{len(comparison.unexplained)} differences without explanation")
    if not options.patterns:
        unused = comparison.explained.unused(has_shared=any(name.startswith("shared/") for name in names))
        check("each explanation is used", not unused, "; ".join(unused))
    ours.client.close()
    theirs.client.close()
    finish()


if __name__ == "__main__":
    main()
