"""A hostile client: what peers may send must neither end nor stop the daemon, nor grow it without bound.

After each attack the mail role is the same process, a fresh session is served at once, and the log shows no fault.
`--seed N` and `--rounds N` vary and lengthen the mutated dialogues and the race.
"""

import argparse
import pathlib
import random
import re
import socket
import ssl
import threading
import time

import martlet
from martlet import check, fail, finish, ok

arguments = argparse.ArgumentParser()
arguments.add_argument("--seed", type=int, default=1)
arguments.add_argument("--rounds", type=int, default=150, help="mutated dialogues")
arguments.add_argument("--race", type=float, default=8, help="seconds of racing sessions")
options = arguments.parse_args()

TRANSCRIPTS = martlet.ROOT / "Tests/DaemonTests/Transcripts"
GROWTH = 150  # MiB that the mail role may hold more than at its start


class Client:
    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.settimeout(timeout)
        self.held = b""
        self.number = 0
        self.greeting = self.line()

    def line(self):
        while b"\n" not in self.held:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError(repr(self.held[-200:]))
            self.held += piece
        line, self.held = self.held.split(b"\n", 1)
        return line + b"\n"

    def response(self):
        """A line with the literals in it."""
        response = b""
        while True:
            line = self.line()
            response += line
            header = re.search(rb"\{(\d+)\}\r\n$", line)
            if not header:
                return response
            while len(self.held) < int(header[1]):
                piece = self.socket.recv(65536)
                if not piece:
                    raise EOFError("inside a literal")
                self.held += piece
            response += self.held[:int(header[1])]
            self.held = self.held[int(header[1]):]

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def command(self, text):
        """An IMAP command; its responses up to the tagged one."""
        self.number += 1
        tag = b"t%d" % self.number
        self.send(tag + b" " + (text if isinstance(text, bytes) else text.encode("latin-1")) + b"\r\n")
        responses = []
        while True:
            responses.append(self.response())
            if responses[-1].startswith((tag + b" ", b"* BYE", b"+ ")):
                return responses

    def rest(self, seconds):
        """What comes until the end or for so long, and whether the end came."""
        self.socket.settimeout(seconds)
        out, self.held = self.held, b""
        try:
            while piece := self.socket.recv(1 << 16):
                out += piece
            return out, True
        except socket.timeout:
            return out, False
        except OSError:
            return out, True

    def close(self):
        self.socket.close()


server = martlet.Martlet(users=("alice", "bob", "carol"), extra="lmtp_max_recipients = 100\n").start()
mail, auth = server.role("mail"), server.role("auth")


def resident():
    """Anonymous memory of the mail role in MiB."""
    for line in open(f"/proc/{server.role('mail')}/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) // 1024
    return 0


base = resident()


def imap(user=None, mailbox=None, timeout=10):
    client = Client(server.ports["imap"], timeout)
    if user:
        assert b" OK" in client.command(f"LOGIN {user} {martlet.PASSWORD}")[-1]
    if mailbox:
        assert b" OK" in client.command(f"SELECT {mailbox}")[-1]
    return client


def healthy(name, seconds=3):
    """Every attack ends with this."""
    why = []
    began = time.monotonic()
    try:
        client = imap("alice", "INBOX", timeout=15)
        client.command("LOGOUT")
        client.close()
    except (OSError, EOFError, AssertionError) as error:
        why.append(f"fresh session: {error!r}")
    took = time.monotonic() - began
    if took > seconds:
        why.append(f"fresh session took {took:.1f} s")
    if server.role("mail") != mail:
        why.append("the mail role is another process")
    if server.role("auth") != auth:
        why.append("the auth role is another process")
    if "Fatal" in server.log():
        why.append("fatal error in the log")
    return check(name, not why, "; ".join(why))


def attack(port, data, seconds=0.5):
    client = Client(server.ports[port])
    try:
        client.send(data)
    except OSError:
        pass
    answer = client.rest(seconds)
    client.close()
    return answer


# Before login: garbage, lines and literals without end.

GARBAGE = {
    "NUL": b"\0" * 1000 + b"\r\n", "8-bit": bytes(range(128, 256)) * 10 + b"\r\n", "CR": b"\r" * 50000,
    "LF": b"\n" * 50000, "endless": b"A" * 5_000_000, "endless argument": b"a LOGIN " + b"x" * 5_000_000,
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
}
for port in ("imap", "pop3", "lmtp"):
    for what, data in GARBAGE.items():
        _, ended = attack(port, data, 5 if what.startswith("endless") else 0.1)
        if what.startswith("endless"):
            check(f"{port}: {what} is cut off", ended, "still open")
    healthy(f"{port}: garbage before login")

for what, data in {
    "LOGIN {999999999999}": b"a LOGIN {999999999999}\r\n", "LOGIN {999999999999+}": b"a LOGIN {999999999999+}\r\n",
    "LOGIN {2^64+}": b"a LOGIN {18446744073709551616+}\r\n", "ID with 1000 literals": b"a ID (" + b"{1+}\r\nx " * 1000 + b")\r\n",
    "APPEND {100000000+}": b"a APPEND INBOX {100000000+}\r\n", "ID (((": b"a ID " + b"(" * 15000 + b"\r\n",
}.items():
    answer, _ = attack("imap", data)
    check(f"imap: {what} before login is refused", b" OK " not in answer.split(b"\n", 1)[-1] and answer, repr(answer[-200:]))
healthy("imap: literals before login")


def plaintext_after_starttls(port, start, injected, answer):
    client = Client(server.ports[port])
    client.send(start + injected)
    check(f"{port}: STARTTLS is answered", answer in client.line())
    context = ssl.create_default_context(cafile=server.certificate)
    try:
        wrapped = context.wrap_socket(client.socket, server_hostname="localhost")
        wrapped.settimeout(0.5)
        try:
            check(f"{port}: plain text behind STARTTLS is dropped", not wrapped.recv(1000), "answered inside TLS")
        except TimeoutError:
            ok(f"{port}: plain text behind STARTTLS is dropped")
        wrapped.close()
    except (ssl.SSLError, OSError) as error:
        # A server that takes the octets for a handshake ends it: as good.
        ok(f"{port}: plain text behind STARTTLS is dropped ({type(error).__name__})")


plaintext_after_starttls("imap", b"a STARTTLS\r\n", b"b LOGIN alice pass\r\nc CAPABILITY\r\n", b"a OK")
plaintext_after_starttls("pop3", b"STLS\r\n", b"USER alice\r\nPASS pass\r\nLIST\r\n", b"+OK")
healthy("injection behind STARTTLS")

# After login: nesting, long lists, absurd numbers, names that leave the directory.

client = imap("alice", "INBOX")
for what in (
    "SEARCH " + "(" * 30000 + "ALL", "SEARCH " + "NOT " * 15000 + "ALL", "SEARCH " + "OR ALL " * 9000 + "ALL",
    "SEARCH " + "ALL " * 16000 + "ALL", "FETCH " + "*:1," * 10000 + "1 FLAGS", "FETCH 4294967296 FLAGS",
    "FETCH 0 FLAGS", "FETCH 1 BODY[]<18446744073709551615.1>", "FETCH 1 BODY[" + "1." * 30000 + "1]",
    "FETCH 1 (" + "BODY[] " * 5000 + "BODY[])", "STORE 1 +FLAGS (" + "k " * 5000 + "k)",
    'LIST "" (' + "* " * 5000 + "*)", "STATUS INBOX (" + "MESSAGES " * 5000, "ID (" + '"a" "b" ' * 40 + ")",
):
    if not client.command(what)[-1].split(b" ", 1)[1].startswith((b"BAD", b"NO", b"OK")):
        fail("imap: " + what[:30], "no answer")
    client.close()
    client = imap("alice", "INBOX")
for name in ("../x", "..", ".", "", "a/../b", "INBOX/../x", "/abs", "a//b", "x" * 1000, "a\x01b", "&AAAA-", "&2AA-", "\xff"):
    literal = "{%d+}\r\n%s" % (len(name), name)
    for verb in ("CREATE", "SELECT", "DELETE"):
        answer = client.command(f"{verb} {literal}")[-1]
        check(f"imap: {verb} {name[:20]!r} is refused", b" NO " in answer or b" BAD " in answer, answer) if b" OK" in answer else None
client.close()
healthy("imap: absurd arguments and names")

# Messages.

MESSAGES = {
    "nested multiparts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(20000)),
    "nested messages": b"Content-Type: message/rfc822\r\n\r\n" * 30000,
    "100,000 fields": b"".join(b"X-%d: y\r\n" % i for i in range(100000)) + b"\r\nx",
    "3 MB field": b"Subject: " + b"a" * 3_000_000 + b"\r\n\r\nx",
    "References": b"References:" + b" <a@b>" * 300000 + b"\r\n\r\nx",
    "addresses": b"To: " + b",".join(b"a%d@b" % i for i in range(50000)) + b"\r\nCc: " + b"(" * 50000 + b"\r\n\r\nx",
    "parameters": b"Content-Type: text/plain" + b"".join(b"; p*%d*=%%41" % i for i in range(20000)) + b"\r\n\r\nx",
    "NUL and lone CR": b"Subject: a\0b\rc\r\n\r\n\0\r\0\r", "no header": b"\r\nbody", "one octet": b"x",
    "damaged base64": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"====!!!!\xff\0" * 10000,
    "dates": b"Date: 99999999999999999999 Foo 99999999999 99:99:99 +99999999\r\n\r\n",
}
client = imap("alice", "INBOX", timeout=60)
for what, message in MESSAGES.items():
    # NUL may stand in a literal8 only (RFC 9051 section 9).
    literal = b"~{%d+}" if b"\0" in message else b"{%d+}"
    client.send(b"a APPEND INBOX " + literal % len(message) + b"\r\n" + message + b"\r\n")
    while not (answer := client.response()).startswith(b"a "):
        pass
    if b" OK" not in answer:
        fail(f"message: {what}", answer)
        continue
    for command in (
        "UID FETCH * (ENVELOPE BODY BODYSTRUCTURE RFC822.SIZE)", "UID FETCH * (BODY.PEEK[HEADER.FIELDS (Subject To)])",
        "UID FETCH * (BODY.PEEK[]<4294967295.4294967295> BODY.PEEK[TEXT]<0.10> BODY.PEEK[1.1.1] BODY.PEEK[1.MIME])",
        "UID FETCH * BODY[]", "UID SEARCH UID * TEXT zzz", "UID SEARCH UID * SENTSINCE 1-Jan-1970 HEADER X-9 y",
    ):
        answer = client.command(command)[-1]
        if b" OK" not in answer:
            fail(f"message: {what}", f"{command}: {answer!r}")
client.close()
healthy("hostile messages")

# What one client may hold.

client = imap("carol", timeout=60)
client.send(b"a APPEND INBOX")
for _ in range(500):
    client.send(b" {250000+}\r\n" + b"x" * 250000)
high = resident()
client.send(b"\r\n")
while not (answer := client.response()).startswith(b"a "):
    high = max(high, resident())
client.close()
check("APPEND of 500 messages holds little", high - base < GROWTH, f"{base} to {high} MiB")
check("APPEND of 500 messages stores them", b"APPENDUID" in answer, answer)

readers = []
for number in range(10):
    reader = imap("carol", "INBOX")
    reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.socket.settimeout(1)
    try:
        reader.send(b"a UID FETCH 1:* BODY.PEEK[]\r\n" * 20 + b"b NOOP\r\n" * 20000)
    except OSError:
        pass
    readers.append(reader)
time.sleep(1)
check("ten clients that do not read hold little", resident() - base < GROWTH, f"{base} to {resident()} MiB")
healthy("beside clients that do not read")
for reader in readers:
    reader.close()

# One address may have so many that have not logged in; the check needs one more.
for port in ("imap", "pop3", "lmtp"):
    before = resident()
    idlers = [Client(server.ports[port]) for _ in range(90)]
    check(f"90 idle {port} connections hold little", resident() - before < 20, f"{resident() - before} MiB")
    healthy(f"beside 90 idle {port} connections")
    for client in idlers:
        client.close()
    time.sleep(0.2)

# LMTP.

START = b"LHLO x\r\nMAIL FROM:<a@b>\r\n"
ONE = START + b"RCPT TO:<bob>\r\n"
answer, _ = attack("lmtp", START + b"RCPT TO:<bob>\r\n" * 1000 + b"DATA\r\nx\r\n.\r\nQUIT\r\n", 10)
check("lmtp: too many recipients are told so, the others served",
      answer.count(b"452 4.5.3") == 900 and answer.count(b" Saved") == 100, repr(answer[-300:]))
for what, end in {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r",
                  "CRLF.CRCRLF": b"\r\n.\r\r\n", "NUL": b"\r\n\0.\r\n"}.items():
    answer, _ = attack("lmtp", ONE + b"DATA\r\nSubject: s\r\n\r\nx" + end + b"MAIL FROM:<evil@x>\r\nRCPT TO:<carol>\r\n"
                       b"DATA\r\nevil\r\n.\r\nQUIT\r\n", 10)
    check(f"lmtp: {what} does not end a message", answer.count(b" Saved") == 1 and answer.count(b"354") == 1, repr(answer[-300:]))
answer, _ = attack("lmtp", ONE + b"BDAT 9223372036854775807 LAST\r\n" + b"x" * 1_000_000, 1)
check("lmtp: answers do not wait for the end of a chunk", answer.count(b"\r\n250 2.1") == 2, repr(answer[-300:]))
for data in (b"BDAT 18446744073709551616 LAST\r\n", b"BDAT -1\r\n", b"BDAT 0\r\n" * 5000, b"DATA\r\n" + b"x" * 3_000_000):
    attack("lmtp", ONE + data, 0.3)
healthy("lmtp")

# The sockets of the roles and of the administrator.


def local(name, data, seconds=0.2):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(f"{server.directory}/run/{name}")
        out = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                out += piece
        except OSError:
            pass
        return out


HELLO = b"VERSION\t1\t2\nCPID\t1\n"
for data in (
    bytes(range(256)) * 20, b"x" * 500000, b"\0" * 10000 + b"\n", b"\n" * 50000, HELLO + b"AUTH\t4294967296\tPLAIN\n",
    HELLO + b"AUTH\t-1\n", HELLO + b"AUTH\t1\tPLAIN\tservice=x\n" * 2, HELLO + b"CONT\t1\tAAAA\n" + b"CANCEL\t1\n" * 10000,
    HELLO + b"".join(b"AUTH\t%d\tPLAIN\tservice=x\n" % i for i in range(1, 5000)),
    HELLO + b"AUTH\t1\tPLAIN\tservice=x\tresp=!!!\n", HELLO + b"USER\t2\t../x\tservice=x\nUSER\t3\ta\x01tb\x01\n",
):
    local("auth-mail", data)
healthy("auth socket")
for data in (bytes(range(256)) * 20, b"x" * 500000, b"\t" * 60000 + b"\n"):
    local("admin", data)
check("admin socket: a stranger is told so", b"X\t64\t" in local("admin", b"GET / HTTP/1.0\r\n", 1))
healthy("admin socket")
check("the log has no endless lines", max(map(len, server.log().split("\n"))) < 2000)

# Mutated dialogues.


def dialogues():
    """(protocol, lines of the client) of the transcripts."""
    found = []
    for path in sorted(TRANSCRIPTS.glob("*/*.txt")):
        lines = []
        for line in path.read_text().split("\n"):
            match = re.match(r"C\d*[:|] ?(.*)", line)
            if match:
                text = match[1].replace("$user2", "bob").replace("$user", "alice").replace("$password", "pass")
                text = text.replace("$pass", "pass").replace("{#+}", "{20+}")
                text = re.sub(r"\$\w+", "1", text)
                lines.append(text.encode() + b"\r\n")
        if lines and path.parent.name in server.ports:
            found.append((path.parent.name, lines))
    return found


def mutated(lines, chance):
    lines = list(lines)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        line = bytearray(lines[at])
        place = chance.randrange(len(line)) if line else 0
        kind = chance.randrange(9)
        if kind == 0:
            line[place:place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del line[place:place + chance.randint(1, 8)]
        elif kind == 2:
            line[place:place] = chance.choice(
                [b"(", b")", b'"', b"{", b"{5}\r\n", b"{3+}\r\n", b"{0}\r\n", b"\\", b"*", b"\0", b"\r", b"\n", b"4294967295",
                 b"18446744073709551616", b"1:*", b"NIL", b"[", b"]", b"<0.1>", b"&", b"%", b" ", b"\xff", b"~"])
        elif kind == 3:
            line[place:place] = line[:chance.randint(1, 40)] * chance.randint(1, 200)
        elif kind == 4:
            lines.insert(at, chance.choice(lines))
            continue
        elif kind == 5:
            lines[at:at + 1] = []
            lines = lines or [b"a NOOP\r\n"]
            continue
        elif kind == 6:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
            continue
        elif kind == 7:
            line = bytearray(re.sub(rb"\d+", lambda m: str(chance.choice([0, 1, 2**31, 2**32, 2**63, 2**64])).encode(), line))
        else:
            line = line[:place]
        lines[at] = bytes(line)
    return b"".join(lines)


chance = random.Random(options.seed)
known = dialogues()
check("there are dialogues to mutate", len(known) > 10, str(len(known)))
for number in range(options.rounds):
    port, lines = chance.choice(known)
    data = mutated(lines, chance)
    try:
        client = Client(server.ports[port])
        # In pieces, so that every command meets an arrival in its middle now and then.
        cut = chance.randrange(len(data) + 1)
        client.send(data[:cut])
        client.send(data[cut:])
        client.socket.shutdown(socket.SHUT_WR)
        client.rest(2)
        client.close()
    except (OSError, EOFError):
        pass
    if server.role("mail") != mail:
        fail(f"mutated dialogue {number} of seed {options.seed}", f"{port}: {data[:2000]!r}")
        mail = server.role("mail")
healthy(f"{options.rounds} mutated dialogues")

# Sessions that race for one mailbox, and what everybody sees afterwards.

stop = time.monotonic() + options.race
complaints = []


class Racer:
    def __init__(self, number):
        self.name = f"session {number}"
        self.chance = random.Random(options.seed * 100 + number)
        self.view = []
        self.client = imap("bob", "INBOX", timeout=20)
        self.take(self.client.command("SELECT INBOX"))
        self.command("UID FETCH 1:* FLAGS")

    def take(self, responses):
        """Brings the view up to date with untagged responses."""
        for response in responses:
            match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)", response)
            if not match:
                continue
            number = int(match[1])
            if match[2] == b"EXISTS":
                if number < len(self.view):
                    complaints.append(f"{self.name}: EXISTS {number} with {len(self.view)} messages")
                self.view += [[None, None] for _ in range(number - len(self.view))]
            elif not 1 <= number <= len(self.view):
                complaints.append(f"{self.name}: {response[:60]!r} with {len(self.view)} messages")
            elif match[2] == b"EXPUNGE":
                self.view.pop(number - 1)
            else:
                uid = re.search(rb"UID (\d+)", response)
                flags = re.search(rb"FLAGS \(([^)]*)\)", response)
                entry = self.view[number - 1]
                if uid and entry[0] not in (None, int(uid[1])):
                    complaints.append(f"{self.name}: message {number} was UID {entry[0]}, is {uid[1]!r}")
                if uid:
                    entry[0] = int(uid[1])
                if flags:
                    entry[1] = frozenset(flags[1].split()) - {b"\\Recent"}

    def command(self, text):
        responses = self.client.command(text)
        self.take(responses)
        if b" BAD " in responses[-1] and b"No such message" not in responses[-1]:
            complaints.append(f"{self.name}: {text[:60]}: {responses[-1]!r}")

    def run(self):
        try:
            while time.monotonic() < stop:
                self.one()
        except (OSError, EOFError) as error:
            complaints.append(f"{self.name}: {error!r}")

    def one(self):
        pick = self.chance
        number = pick.randint(1, max(1, len(self.view)))
        group = str(number) if pick.random() < 0.7 else f"{number}:*"
        box = pick.choice(["INBOX", "b1", "b2"])
        flag = pick.choice(["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", f"kw{pick.randint(1, 9)}"])
        self.command(pick.choices([
            "APPEND INBOX (%s) {22+}\r\nSubject: hello\r\n\r\nbody" % pick.choice(["", "\\Seen", "kwx"]),
            f"STORE {group} {pick.choice(['+', '-', ''])}FLAGS ({flag})", "EXPUNGE", f"COPY {number} {box}",
            f"MOVE {group} {box}", f"FETCH {group} (FLAGS BODY.PEEK[HEADER])", f"CREATE {pick.choice(['b1', 'b2'])}",
            f"DELETE {pick.choice(['b1', 'b2'])}", "RENAME b1 b2", "SEARCH ALL", "NOOP",
        ], [25, 30, 8, 8, 5, 10, 4, 2, 1, 3, 3])[0])


racers = [Racer(number) for number in range(5)]
threads = [threading.Thread(target=racer.run) for racer in racers]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
truth = Racer(99)
truth.command("FETCH 1:* (UID FLAGS BODY.PEEK[])")
wanted = {uid: flags for uid, flags in truth.view}
for racer in racers:
    try:
        racer.command("NOOP")
        racer.command("FETCH 1:* (UID)")
    except (OSError, EOFError) as error:
        complaints.append(f"{racer.name}: {error!r}")
        continue
    # A message that arrived unannounced in detail has flags that nobody has told yet.
    seen = {uid: wanted.get(uid) if flags is None else flags for uid, flags in racer.view}
    if seen != wanted:
        wrong = [(uid, seen.get(uid), wanted.get(uid)) for uid in {*seen, *wanted} if seen.get(uid) != wanted.get(uid)]
        complaints.append(f"{racer.name}: sees {wrong[:3]}")
check("racing sessions agree", not complaints, "; ".join(complaints[:5]))


def uids_of_files():
    maildir = server.maildir("bob")
    rows = {}
    for line in (maildir / "dovecot-uidlist").read_text().split("\n")[1:]:
        if line:
            rows[line.split(":", 1)[1].split(":2,")[0].split(",S=")[0]] = int(line.split()[0])
    files = [file.name for part in ("cur", "new") for file in (maildir / part).iterdir()]
    return sorted(rows.get(name.split(":2,")[0].split(",S=")[0], 0) for name in files)


check("each message has its file, each file its message",
      martlet.wait_until(lambda: uids_of_files() == sorted(wanted), 5),
      f"{len(uids_of_files())} files, {len(wanted)} messages")
healthy("racing sessions")

for client in [truth, *racers]:
    client.client.close()
martlet.wait_until(lambda: resident() - base < GROWTH, 5)
check("memory is back", resident() - base < GROWTH, f"{base} to {resident()} MiB")
check("no errors in the log", "Error: " not in server.log(),
      next((line for line in server.log().split("\n") if "Error: " in line), ""))
check("the daemon ends well", server.stop() == 0)
finish()
