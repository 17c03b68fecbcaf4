"""Debian's HAProxy in front of Martlet: who the client is, what it may send in clear, checks, and who else may connect."""

import re
import shutil
import socket
import ssl
import subprocess

from martlet import Martlet, PASSWORD, binary, check, equal, finish, free_port, skip, wait_until

if not shutil.which("haproxy"):
    skip("proxy", "haproxy is not installed")
    finish()

CLIENT = "127.0.0.5"
inner = {name: free_port() for name in ("imap", "imaps", "pop3", "sieve", "lmtp")}
outer = {name: free_port() for name in ("v1", "v2", "tls", "passed", "pop3", "sieve", "lmtp", "checked")}

server = Martlet(extra=f"""
haproxy_trusted_networks = 127.0.0.1 2001:db8::/32
haproxy_timeout = 1 s
service imap {{
  inet_listener behind {{
    port = {inner['imap']}
    haproxy = yes
  }}
  inet_listener behind-tls {{
    port = {inner['imaps']}
    haproxy = yes
    ssl = yes
  }}
}}
service pop3 {{
  inet_listener behind {{
    port = {inner['pop3']}
    haproxy = yes
  }}
}}
service managesieve {{
  inet_listener behind {{
    port = {inner['sieve']}
    haproxy = yes
  }}
}}
service lmtp {{
  inet_listener behind {{
    port = {inner['lmtp']}
    haproxy = yes
  }}
}}
""").start()
log = server.log

pem = f"{server.directory}/haproxy.pem"
with open(pem, "w") as file:
    file.write(open(server.certificate).read() + open(f"{server.directory}/key.pem").read())


def section(name, to, options, tls=False):
    return f"""
listen {name}
  bind 127.0.0.1:{outer[name]}{f' ssl crt {pem}' if tls else ''}
  server martlet 127.0.0.1:{inner[to]} {options}
"""


configuration = f"{server.directory}/haproxy.cfg"
with open(configuration, "w") as file:
    file.write("""
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
""" + section("v1", "imap", "send-proxy") + section("v2", "imap", "send-proxy-v2")
        + section("tls", "imap", "send-proxy-v2-ssl", tls=True) + section("passed", "imaps", "send-proxy-v2")
        + section("pop3", "pop3", "send-proxy-v2-ssl", tls=True) + section("sieve", "sieve", "send-proxy-v2-ssl", tls=True)
        + section("lmtp", "lmtp", "send-proxy")
        + section("checked", "imap", "send-proxy-v2 check check-send-proxy inter 200ms"))
haproxy = subprocess.Popen(["haproxy", "-db", "-f", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Wire:
    """A client at CLIENT."""

    def __init__(self, port, tls=False, address=CLIENT):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
        if tls:
            self.start_tls()
        self.file = self.socket.makefile("rb")

    def start_tls(self):
        context = ssl.create_default_context(cafile=server.certificate)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def line(self):
        return self.file.readline().decode(errors="replace").rstrip("\r\n")

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def until(self, pattern):
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if not line or re.match(pattern, line):
                return lines

    def command(self, text, tag="a"):
        self.send(f"{tag} {text}")
        return self.until(f"{tag} ")

    def close(self):
        # The file holds the socket open otherwise.
        self.file.close()
        self.socket.close()


def answers():
    try:
        wire = Wire(outer["v1"])
        greeting = wire.line()
        wire.close()
        return greeting.startswith("* OK")
    except OSError:
        return False


check("haproxy answers", wait_until(answers))

for name in ("v1", "v2"):
    wire = Wire(outer[name])
    greeting = wire.line()
    check(f"{name}: a client in clear may not send passwords", "LOGINDISABLED" in greeting and "STARTTLS" in greeting, greeting)
    answer = wire.command(f"LOGIN alice {PASSWORD}")[-1]
    check(f"{name}: and is told so", "a NO [PRIVACYREQUIRED]" in answer, answer)
    wire.command("STARTTLS")
    wire.start_tls()
    check(f"{name}: STARTTLS", " OK" in wire.command(f"LOGIN alice {PASSWORD}")[-1])
    who = subprocess.run(
        [binary("martlet"), "-c", f"{server.directory}/martlet.conf", "who"], capture_output=True, text=True).stdout
    check(f"{name}: who tells the client's address", CLIENT in who, who)
    wire.close()
    check(f"{name}: and so does the log", wait_until(lambda: re.search(rf"Login: user=<alice>.*rip={CLIENT}, lip=127.0.0.1, mpid=\d+, TLS", log())))

wire = Wire(outer["tls"], tls=True)
greeting = wire.line()
check("TLS at the proxy counts", "LOGINDISABLED" not in greeting and "STARTTLS" not in greeting, greeting)
equal("no TLS within TLS", wire.command("STARTTLS")[-1], "a BAD TLS is already active")
check("login", " OK" in wire.command(f"LOGIN bob {PASSWORD}")[-1])
check("the log tells", wait_until(lambda: re.search(rf"Login: user=<bob>.*rip={CLIENT}, .*, secured", log())))
wire.close()

wire = Wire(outer["passed"], tls=True)
check("TLS through the proxy", wire.line().startswith("* OK"))
check("its login", " OK" in wire.command(f"LOGIN bob {PASSWORD}")[-1])
check("in the log", wait_until(lambda: re.search(rf"Login: user=<bob>.*rip={CLIENT}, .*, TLS", log())))
wire.close()

wire = Wire(outer["pop3"], tls=True)
check("POP3", wire.line().startswith("+OK"))
wire.send("CAPA")
capabilities = wire.until(r"\.$")
check("without STLS", "STLS" not in capabilities and "USER" in capabilities, capabilities)
wire.send("USER alice")
wire.line()
wire.send(f"PASS {PASSWORD}")
check("and its login", wire.line().startswith("+OK"))
wire.close()

wire = Wire(outer["sieve"], tls=True)
capabilities = wire.until("OK")
check("ManageSieve", not any("STARTTLS" in line for line in capabilities) and any("PLAIN" in line for line in capabilities),
      capabilities)
wire.close()

wire = Wire(outer["lmtp"])
wire.line()
wire.send("LHLO client")
wire.until("250 ")
for line in ("MAIL FROM:<x@example.org>", "RCPT TO:<alice>", "DATA"):
    wire.send(line)
    wire.line()
wire.send("Subject: through a proxy\r\n\r\nText\r\n.")
answer = wire.line()
check("LMTP", answer.startswith("250 "), answer)
wire.close()
wire = Wire(server.ports["imaps"], tls=True, address="127.0.0.1")
wire.line()
wire.command(f"LOGIN alice {PASSWORD}")
wire.command("EXAMINE INBOX")
fetched = "\n".join(wire.command("FETCH 1 BODY[HEADER.FIELDS (RECEIVED)]"))
check("Received names the client", f"[{CLIENT}]" in fetched, fetched)
wire.close()

# Nobody else.
before = len(log())
wire = Wire(inner["imap"], address="127.0.0.9")
try:
    wire.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2")
    line = wire.line()
except OSError:
    line = ""
equal("others are turned away", line, "")
check("and logged", wait_until(
    lambda: "Connection refused: not from a proxy in haproxy_trusted_networks, service=imap, rip=127.0.0.9" in log()[before:]))
wire = Wire(inner["imap"], address="127.0.0.1")
wire.send(f"a LOGIN alice {PASSWORD}")
try:
    line = wire.line()
except OSError:
    line = ""
equal("without a header nothing goes", line, "")
check("which is logged", wait_until(lambda: "Disconnected: no PROXY header, service=imap, rip=127.0.0.1" in log()[before:]))
wire = Wire(inner["imap"], address="127.0.0.1")
equal("nor without a word", wire.line(), "")
check("as is this", wait_until(lambda: "Disconnected: no PROXY header in time, service=imap" in log()[before:]))

# Who only looks whether somebody listens. What HAProxy says for itself leaves a line, as of a client that says nothing.
def others():
    return [line for line in log().splitlines() if "rip=0.0.0.0" not in line]


before = len(others())
socket.create_connection(("127.0.0.1", inner["imap"])).close()
wire = Wire(outer["checked"])
check("a server that is checked gets clients", wire.line().startswith("* OK"))
equal("a bare look is not logged", others()[before:], [])
wire.close()

haproxy.terminate()
haproxy.wait()
server.stop()
finish()
