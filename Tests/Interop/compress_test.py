"""COMPRESS=DEFLATE with Python's zlib for the client: content, IDLE, TLS, bombs, damage, memory of idle sessions."""

import imaplib
import os
import random
import socket
import ssl
import time
import zlib

from martlet import Martlet, PASSWORD, check, equal, finish, processes_below, wait_until


class Compressed:
    """A client's connection, compressed once `compress` was called."""

    def __init__(self, server, tls=False, timeout=20):
        port = server.ports["imaps" if tls else "imap"]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if tls:
            context = ssl.create_default_context(cafile=server.certificate)
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.deflater = self.inflater = None
        self.data = b""
        self.count = 0
        self.line()

    def raw(self, data):
        self.socket.sendall(data)

    def send(self, data):
        if self.deflater:
            data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.raw(data)

    def more(self):
        received = self.socket.recv(65536)
        if not received:
            raise EOFError
        self.data += self.inflater.decompress(received) if self.inflater else received

    def line(self):
        while b"\n" not in self.data:
            self.more()
        line, self.data = self.data.split(b"\n", 1)
        return line.rstrip(b"\r")

    def octets(self, count):
        while len(self.data) < count:
            self.more()
        octets, self.data = self.data[:count], self.data[count:]
        return octets

    def command(self, text):
        """All untagged lines and literals, and the tagged line."""
        self.count += 1
        tag = b"a%d" % self.count
        self.send(tag + b" " + text + b"\r\n")
        untagged = []
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                return untagged, line[len(tag) + 1:]
            untagged.append(line)
            if line.endswith(b"}"):
                untagged.append(self.octets(int(line[line.rindex(b"{") + 1:-1])))

    def login(self, user):
        return self.command(b"LOGIN %s %s" % (user.encode(), PASSWORD.encode()))

    def compress(self, level=6, bits=15):
        result = self.command(b"COMPRESS DEFLATE")[1]
        self.deflater = zlib.compressobj(level, zlib.DEFLATED, -bits)
        self.inflater = zlib.decompressobj(-15)
        return result


def memory(server):
    """Resident KiB of all processes of the daemon."""
    total = 0
    for pid in [server.process.pid] + processes_below(server.process.pid):
        try:
            with open(f"/proc/{pid}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        except OSError:
            pass
    return total


def messages():
    random.seed(4978)
    text = b"".join(b"line %d of a text that repeats itself\r\n" % i for i in range(5000))
    noise = b"\r\n".join(bytes(random.choices(b"ABCDEFGHIJ0123456789+/abcdefghij", k=76)) for _ in range(20000))
    return [b"Subject: short\r\n\r\nhello\r\n", b"Subject: text\r\n\r\n" + text, b"Subject: noise\r\n\r\n" + noise]


def conversation(server, tls):
    name = "imaps" if tls else "imap"
    client = Compressed(server, tls)
    client.login("alice")
    check(f"{name} COMPRESS", client.compress().startswith(b"OK"))
    _, again = client.command(b"COMPRESS DEFLATE")
    check(f"{name} second COMPRESS is refused", again.startswith(b"NO [COMPRESSIONACTIVE]"), again)
    box = b"box-" + name.encode()
    client.command(b"CREATE " + box)
    sent = messages()
    for message in sent:
        _, result = client.command(b"APPEND %s {%d+}\r\n%s" % (box, len(message), message))
        check(f"{name} APPEND of {len(message)}", result.startswith(b"OK"), result)
    client.command(b"SELECT " + box)
    got = [part for part in client.command(b"FETCH 1:* BODY.PEEK[]")[0]]
    equal(f"{name} FETCH gives what was appended", [len(part) for part in got if part in sent],
          [len(message) for message in sent])
    client.send(b"i1 IDLE\r\n")
    check(f"{name} IDLE begins", client.line().startswith(b"+"))
    other = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    other.login("alice", PASSWORD)
    other.append(box.decode(), None, None, b"Subject: new\r\n\r\nnew\r\n")
    other.logout()
    check(f"{name} IDLE tells of new mail", client.line() == b"* 4 EXISTS")
    client.send(b"DONE\r\n")
    while not client.line().startswith(b"i1 OK"):
        pass
    check(f"{name} LOGOUT", client.command(b"LOGOUT")[1].startswith(b"OK"))
    try:
        client.more()
        check(f"{name} ends", False)
    except EOFError:
        check(f"{name} ends", True)


def unauthenticate(server):
    """Compression ends with UNAUTHENTICATE, behind its command and its answer; what is pipelined after it is clear."""
    for flush in (zlib.Z_SYNC_FLUSH, zlib.Z_FINISH):
        for start in (1, 2):
            client = Compressed(server)
            for user in ("alice", "user1", "user2"):
                client.login(user)
                client.compress()
                client.command(b"SELECT INBOX")
                data = client.deflater.compress(b"u UNAUTHENTICATE\r\n") + client.deflater.flush(flush)
                if start == 1:
                    data += b"v NOOP\r\n"
                client.raw(data)
                line = client.line()
                check(f"{user} leaves", line.startswith(b"u OK"), line)
                while not client.inflater.eof:
                    client.more()
                client.data += client.inflater.unused_data
                client.deflater = client.inflater = None
                if start == 1:
                    check("what follows is clear", client.line().startswith(b"v OK"))
            check("nobody is logged in", client.command(b"SELECT INBOX")[1].startswith(b"BAD"))


def window_of_the_client(server):
    """Small windows, no compression at all, and one octet at a time."""
    for bits, level in ((9, 9), (15, 0), (12, 1)):
        client = Compressed(server)
        client.login("alice")
        client.compress(level, bits)
        check(f"window of {bits} bits, level {level}", client.command(b"NOOP")[1].startswith(b"OK"))
    client = Compressed(server)
    client.login("alice")
    client.compress()
    data = client.deflater.compress(b"x1 CAPABILITY\r\n") + client.deflater.flush(zlib.Z_SYNC_FLUSH)
    for octet in data:
        client.raw(bytes([octet]))
    check("octet by octet", client.line().startswith(b"* CAPABILITY"))


def bombs(server):
    before = memory(server)
    client = Compressed(server)
    client.login("alice")
    client.compress(9)
    # 256 MiB of a line without end, in 256 KiB.
    block = b"x" * (1 << 20)
    try:
        for _ in range(256):
            client.raw(client.deflater.compress(block))
        client.raw(client.deflater.flush(zlib.Z_SYNC_FLUSH))
        ended = b"BAD" in client.line()
    except OSError:
        ended = True
    check("endless compressed line ends the session", ended)
    client = Compressed(server)
    client.login("alice")
    client.compress(9)
    # A refused literal is read off, all of it.
    client.send(b"b1 APPEND missing {50000000+}\r\n")
    for _ in range(50):
        client.raw(client.deflater.compress(b"\0" * 1_000_000))
    client.send(b"\r\nb2 NOOP\r\n")
    check("large literal that stands in few octets", client.line().startswith(b"b1 NO"))
    check("the session goes on", client.line().startswith(b"b2 OK"))
    check("memory stays", memory(server) < before + 40_000, f"{before} -> {memory(server)} KiB")


def fuzz(server, rounds=300):
    random.seed(1951)
    for _ in range(rounds):
        client = Compressed(server, timeout=3)
        client.login("alice")
        client.compress()
        data = bytearray(
            client.deflater.compress(b"f1 NOOP\r\nf2 CAPABILITY\r\nf3 LIST \"\" *\r\n" * random.randint(1, 40))
            + client.deflater.flush(random.choice((zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_FINISH))))
        for _ in range(random.randint(1, 4)):
            kind = random.randint(0, 3)
            at = random.randrange(len(data))
            if kind == 0:
                data[at] ^= 1 << random.randrange(8)
            elif kind == 1:
                del data[at:at + random.randint(1, 20)]
                data = data or bytearray(b"\0")
            elif kind == 2:
                data[at:at] = os.urandom(random.randint(1, 20))
            else:
                data = bytearray(os.urandom(len(data)))
        try:
            client.raw(bytes(data))
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(65536):
                pass
        except OSError:
            pass
        client.socket.close()
    client = Compressed(server)
    client.login("alice")
    client.compress()
    check(f"alive after {rounds} damaged streams", client.command(b"NOOP")[1].startswith(b"OK"))


def idle_memory(server, count=600):
    """After ten silent seconds a session holds little more than the client's own words."""
    clients = []
    before = None
    for number in range(count + 20):
        if number == 20:
            time.sleep(0.5)
            before = memory(server)
        client = Compressed(server)
        client.login(f"user{number % 20}")
        client.compress()
        client.command(b"SELECT INBOX")
        client.send(b"i IDLE\r\n")
        client.line()
        clients.append(client)
    busy = memory(server)
    small = wait_until(lambda: memory(server) - before < count * 64, 30, 1)
    resting = memory(server)
    print(f"# {(busy - before) / count:.0f} KiB a session in use, {(resting - before) / count:.0f} KiB at rest")
    check("sessions at rest are small", small, f"{resting - before} KiB for {count}")
    for client in clients[:5]:
        client.send(b"DONE\r\n")
        check("and go on", client.line().startswith(b"i OK"))


def main():
    server = Martlet(users=["alice"] + [f"user{n}" for n in range(20)]).start()
    conversation(server, False)
    conversation(server, True)
    window_of_the_client(server)
    unauthenticate(server)
    bombs(server)
    fuzz(server)
    idle_memory(server)
    equal("stops cleanly", server.stop(), 0)
    finish()


main()
