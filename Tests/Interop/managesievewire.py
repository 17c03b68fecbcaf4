"""ManageSieve (RFC 5804) on the wire, for tests that look at each line."""

import base64
import socket

from martlet import PASSWORD


class Wire:
    """One connection, command by command."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.ports["sieve"]), timeout=20)
        self.file = self.socket.makefile("rb")
        self.greeting = self.answer()

    def answer(self):
        """The lines up to OK, NO or BYE, literals included."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return lines + ["(closed)"]
            text = line.decode().rstrip("\r\n")
            while text.endswith("}") and "{" in text:
                count = int(text[text.rindex("{") + 1:-1])
                text += "\n" + self.file.read(count).decode() + self.file.readline().decode().rstrip("\r\n")
            lines.append(text)
            if text.split(" ")[0].split("(")[0].strip() in ("OK", "NO", "BYE"):
                return lines

    def command(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.answer()

    def put(self, name, script):
        data = script.encode()
        return self.command(f'PUTSCRIPT "{name}" {{{len(data)}+}}\r\n{script}')

    def login(self, user="alice"):
        plain = base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode()
        return self.command(f'AUTHENTICATE "PLAIN" "{plain}"')

    def close(self):
        self.file.close()
        self.socket.close()
