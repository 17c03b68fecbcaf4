"""IMAP as it is on the wire: a raw client for tests, and responses as nested Python values.

An atom or number is an `Atom` (a `str`), a quoted string or literal is `bytes`, NIL is `None`, a parenthesized list is
a `list`. Nothing is repaired: what the grammar forbids raises `Malformed`.
"""

import select
import socket


class Malformed(Exception):
    pass


class Closed(Exception):
    pass


class Atom(str):
    def __repr__(self):
        return str(self)


class Text(bytes):
    """The free text behind a response code."""


class Reader:
    """Tokens of one response: `parts` alternates text and literals, beginning with text."""

    def __init__(self, parts):
        self.parts = parts
        self.part = 0
        self.at = 0

    def peek(self):
        text = self.parts[self.part]
        if self.at < len(text):
            return text[self.at:self.at + 1]
        return b"LITERAL" if self.part + 1 < len(self.parts) else b""

    def values(self, end):
        """Values separated by single spaces, up to `end` (`b")"`, or `b""` for the end of the response)."""
        found = []
        if self.peek() == end:
            return found
        while True:
            found.append(self.value())
            following = self.peek()
            if following == end:
                return found
            if following == b"(" and isinstance(found[-1], list):
                continue  # addresses and body parts stand without a space between them
            if following != b" ":
                raise Malformed(f"{following!r} where a space was due, after {found[-1]!r}")
            self.at += 1

    def value(self):
        byte = self.peek()
        if byte == b"(":
            self.at += 1
            found = self.values(b")")
            self.at += 1
            return found
        if byte == b'"':
            return self.quoted()
        if byte == b"{" or byte == b"~":
            return self.literal()
        return self.atom()

    def quoted(self):
        text = self.parts[self.part]
        self.at += 1
        out = bytearray()
        while True:
            if self.at >= len(text):
                raise Malformed("a quoted string without end")
            byte = text[self.at]
            self.at += 1
            if byte == 0x22:
                return bytes(out)
            if byte == 0x5C:
                if self.at >= len(text) or text[self.at] not in b'"\\':
                    raise Malformed("a backslash before something else than \" and \\")
                byte = text[self.at]
                self.at += 1
            elif byte in (0, 13, 10):
                raise Malformed(f"octet {byte} in a quoted string")
            out.append(byte)

    def literal(self):
        text = self.parts[self.part]
        rest = text[self.at:]
        if not (rest.endswith(b"}") and rest.lstrip(b"~")[1:-1].rstrip(b"+").isdigit()):
            raise Malformed(f"no literal: {rest!r}")
        octets = self.parts[self.part + 1]
        if b"\0" in octets and not rest.startswith(b"~"):
            raise Malformed("NUL in a literal")
        self.part += 2
        self.at = 0
        return octets

    def atom(self):
        text = self.parts[self.part]
        start = self.at
        depth = 0
        quoted = False
        while self.at < len(text):
            byte = text[self.at]
            if quoted:
                quoted = byte != 0x22
            elif byte == 0x5B:
                depth += 1
            elif byte == 0x5D and depth:
                depth -= 1
            elif depth:
                quoted = byte == 0x22
            elif byte in b' ()"{\r\n':
                break
            self.at += 1
        word = text[start:self.at]
        if not word:
            raise Malformed(f"nothing where a value was due: {text[start:start + 30]!r}")
        if any(byte < 0x20 or byte > 0x7E for byte in word):
            raise Malformed(f"octets that no atom may have: {word[:60]!r}")
        if word.upper() == b"NIL":
            return None
        return Atom(word.decode())


class Response:
    """One response line. `tag` is `*`, `+` or a tag; `kind` the upper-case word (OK, FETCH, EXISTS, SEARCH, ...)."""

    def __init__(self, parts):
        self.parts = parts
        self.wire = b"".join(parts)
        self.number = None
        self.code = None
        self.values = []
        self.text = b""
        line = parts[0]
        tag, _, rest = line.partition(b" ")
        self.tag = tag.decode("ascii", "replace")
        if self.tag == "+":
            self.kind = "+"
            self.text = rest
            return
        word, _, after = rest.partition(b" ")
        at = len(tag) + 1 + len(word) + 1
        if word.isdigit():
            self.number = int(word)
            word, _, after = after.partition(b" ")
            at += len(word) + 1
        self.kind = word.upper().decode("ascii", "replace")
        if self.kind in ("OK", "NO", "BAD", "BYE", "PREAUTH"):
            if after.startswith(b"["):
                reader = Reader([after])
                reader.at = 1
                end = self.end_of_code(after)
                inner = Reader([after[1:end]])
                self.code = inner.values(b"")
                self.text = after[end + 2:]
            else:
                self.text = after
            return
        reader = Reader(parts)
        reader.at = min(at, len(line))
        self.values = reader.values(b"") if self.kind not in ("CAPABILITY", "ENABLED") else after.decode().split()
        if reader.part + 1 < len(parts):
            raise Malformed("octets left behind the response")

    @staticmethod
    def end_of_code(text):
        quoted = False
        depth = 0
        for index, byte in enumerate(text):
            if quoted:
                quoted = byte != 0x22
            elif byte == 0x22:
                quoted = True
            elif byte == 0x5B:
                depth += 1
            elif byte == 0x5D:
                depth -= 1
                if not depth:
                    return index
        raise Malformed("a response code without end")

    def items(self):
        """FETCH items by upper-case name; the name of a section keeps the case of nothing."""
        found = {}
        pairs = self.values[0]
        if len(pairs) % 2:
            raise Malformed(f"FETCH with {len(pairs)} words")
        for name, value in zip(pairs[::2], pairs[1::2]):
            name = name.upper()
            if name in found:
                raise Malformed(f"{name} twice in one FETCH")
            found[name] = value
        return found

    def __repr__(self):
        return self.wire[:300].decode("utf-8", "replace")


class Client:
    """A connection. `command` sends one and answers its responses, the tagged one last."""

    def __init__(self, port, host="127.0.0.1", timeout=60):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.tags = 0
        self.greeting = self.response()

    def close(self):
        self.socket.close()

    def fill(self):
        octets = self.socket.recv(1 << 18)
        if not octets:
            raise Closed(bytes(self.buffer[-200:]))
        self.buffer += octets

    def response(self):
        parts = []
        start = 0
        while True:
            end = self.buffer.find(b"\r\n", start)
            while end < 0:
                searched = max(start, len(self.buffer) - 1)
                self.fill()
                end = self.buffer.find(b"\r\n", searched)
            line = bytes(self.buffer[start:end])
            parts.append(line)
            start = end + 2
            size = self.literal_size(line)
            if size is None:
                break
            while len(self.buffer) < start + size:
                self.fill()
            parts.append(bytes(self.buffer[start:start + size]))
            start += size
        del self.buffer[:start]
        return Response(parts)

    @staticmethod
    def literal_size(line):
        if not line.endswith(b"}"):
            return None
        opening = line.rfind(b"{")
        digits = line[opening + 1:-1]
        return int(digits) if opening >= 0 and digits.isdigit() else None

    def has_input(self, seconds=0):
        return bool(self.buffer) or bool(select.select([self.socket], [], [], seconds)[0])

    def next_tag(self):
        self.tags += 1
        return f"t{self.tags}"

    def send(self, *words, tag=None):
        """Sends a command without waiting. `str` words go as they are, `bytes` as non-synchronizing literals."""
        tag = tag or self.next_tag()
        line = bytearray(tag.encode())
        for word in words:
            line += b" "
            if isinstance(word, bytes):
                line += b"{%d+}\r\n" % len(word) + word
            else:
                line += word.encode()
        self.socket.sendall(line + b"\r\n")
        return tag

    def collect(self, tag):
        found = []
        while True:
            response = self.response()
            found.append(response)
            if response.tag == tag:
                return found

    def command(self, *words):
        return self.collect(self.send(*words))

    def ok(self, *words):
        found = self.command(*words)
        if found[-1].kind != "OK":
            raise AssertionError(f"{words!r:.200}: {found[-1]!r}")
        return found


def quote(text):
    """A quoted string, or `bytes` for a literal where a quoted string cannot hold it."""
    octets = text if isinstance(text, bytes) else text.encode()
    if any(byte < 0x20 or byte > 0x7E for byte in octets):
        return octets
    return '"' + octets.decode().replace("\\", "\\\\").replace('"', '\\"') + '"'
