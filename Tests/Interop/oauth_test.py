"""Bearer tokens (RFC 7628): imaplib, curl, a client of our own for POP3 and ManageSieve, and Postfix whose users log in through
Martlet's auth socket. The issuer is `openssl`, which knows nothing of our reader of tokens."""

import base64
import imaplib
import json
import os
import subprocess
import time

from managesievewire import Wire
from martlet import Martlet, binary, check, equal, finish, wait_until
from postfix_test import Postfix
from scram_test import Lines

ISSUER = "https://issuer.example/realm"
LAST = base64.b64encode(b"\x01").decode()


def url64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Issuer:
    """A key pair and what it signs."""

    def __init__(self, directory, name):
        self.name, self.key = name, f"{directory}/{name}.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(
            ["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        number = bytes.fromhex(modulus.strip().removeprefix("Modulus="))
        self.public = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": url64(number), "e": "AQAB"}

    def token(self, user="alice", **changes):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": ["mail"], "scope": "openid imap", "email": user, "iat": now, "exp": now + 300}
        claims.update(changes)
        claims = {name: value for name, value in claims.items() if value is not None}
        head = url64(json.dumps({"alg": "RS256", "kid": self.name, "typ": "JWT"}).encode())
        signed = f"{head}.{url64(json.dumps(claims).encode())}"
        made = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True, capture_output=True)
        return f"{signed}.{url64(made.stdout)}"


def bearer(token, user="alice", port=143):
    return f"n,a={user},\x01host=localhost\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def xoauth2(token, user="alice"):
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def imap(server, mechanism, message):
    """The answer to a login of imaplib, which asks for the challenge first; and what the server said in between."""
    said = []

    def respond(challenge):
        said.append(challenge)
        return message if len(said) == 1 else b"\x01"

    client = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    try:
        offered = f"AUTH={mechanism}" in client.capabilities
        client.authenticate(mechanism, respond)
        client.select("INBOX")
        client.logout()
        return "OK" if offered else "not offered", said
    except imaplib.IMAP4.error as error:
        return str(error), said


def refusals(server, issuer, stranger):
    good = issuer.token()
    head, claims, signature = good.split(".")
    none = url64(b'{"alg":"none"}')
    cases = [
        ("expired", issuer.token(exp=int(time.time()) - 120), "the token has expired"),
        ("never expires", issuer.token(exp=None), "the token never expires"),
        ("for another service", issuer.token(aud="chat"), "the token is for another service (chat)"),
        ("of another issuer", issuer.token(iss="https://evil.example"), "the token is of another issuer"),
        ("without the scope", issuer.token(scope="openid"), "the token does not allow the scope imap"),
        ("of another user", issuer.token("bob"), "bob may not act as alice"),
        ("not verified", issuer.token(email_verified=False), "an address that its issuer has not verified"),
        ("of somebody unknown", issuer.token("mallory"), "mallory may not act as alice"),
        ("of a stranger", stranger.token(), "signed with a key (kid stranger, RS256) that is not in"),
        ("without a signature", f"{none}.{claims}.", "signed in a way that is not accepted (none)"),
        ("changed", f"{head}.{claims}.{signature[:-8]}AAAAAAAA", "has a signature that is wrong"),
        ("opaque", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "is not a JSON Web Token in compact form"),
    ]
    for name, token, reason in cases:
        answer, said = imap(server, "OAUTHBEARER", bearer(token))
        told = json.loads(said[1]) if len(said) == 2 else said
        check(f"a token {name}", "OK" != answer and told == {
            "status": "invalid_token", "scope": "imap", "openid-configuration": f"{ISSUER}/.well-known/openid-configuration"},
            f"{answer} {said}")
        check(f"a token {name}: the log says why", wait_until(lambda: reason in server.log(), 5), server.log()[-800:])
        check(f"a token {name}: is not in the log", token not in server.log() and signature not in server.log())


def curl(server, issuer):
    def run(token, *arguments):
        return subprocess.run(
            ["curl", "-s", "-k", "-m", "20", "--oauth2-bearer", token, "-u", "alice:", *arguments], capture_output=True,
            text=True)

    for scheme, port, what in (("imaps", "imaps", "INBOX"), ("pop3s", "pop3s", "")):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            url = f"{scheme}://127.0.0.1:{server.ports[port]}/{what}"
            login = ("--login-options", f"AUTH={mechanism}")
            result = run(issuer.token(), *login, url)
            equal(f"curl {scheme} {mechanism}", result.returncode, 0)
            result = run(issuer.token(exp=1), *login, url)
            equal(f"curl {scheme} {mechanism}, expired", result.returncode, 67)


def pop3(server, issuer):
    lines = Lines(server.ports["pop3"])
    lines.read()
    check("POP3 CAPA", "SASL PLAIN OAUTHBEARER XOAUTH2" in lines.listing("CAPA"))
    # Longer than a command may be: it comes as a response (RFC 5034 section 4).
    token = issuer.token(padding="x" * 4000)
    equal("POP3 long token", lines.ask("AUTH OAUTHBEARER"), "+ ")
    check("POP3 long token: in", lines.ask(base64.b64encode(bearer(token)).decode()).startswith("+OK Logged in"))
    lines.ask("QUIT")
    lines = Lines(server.ports["pop3"])
    lines.read()
    challenge = lines.ask("AUTH XOAUTH2 " + base64.b64encode(xoauth2("x")).decode())
    equal("POP3 refusal", json.loads(base64.b64decode(challenge[2:])),
          {"status": "401", "schemes": "bearer", "scope": "imap"})
    check("POP3 refused", lines.ask("").startswith("-ERR [AUTH]"))


def managesieve(server, issuer):
    wire = Wire(server)
    check("ManageSieve capability", '"SASL" "PLAIN OAUTHBEARER XOAUTH2"' in wire.greeting, wire.greeting)
    message = base64.b64encode(bearer(issuer.token(padding="x" * 4000))).decode()
    answer = wire.command(f'AUTHENTICATE "OAUTHBEARER" {{{len(message)}+}}\r\n{message}')
    check("ManageSieve OAUTHBEARER", answer[-1].startswith("OK"), answer)
    check("ManageSieve: in", wire.command("LISTSCRIPTS")[-1].startswith("OK"))
    wire.close()


def postfix(server, issuer, auth_socket):
    mta = Postfix(server.lmtp_socket)
    mta.set("smtpd_sasl_type = dovecot")
    mta.set(f"smtpd_sasl_path = {auth_socket}")
    mta.set("smtpd_sasl_auth_enable = yes")
    mta.set("smtpd_sasl_security_options = noanonymous")
    mta.start()
    try:
        for token, ends in ((issuer.token(), 0), (issuer.token(exp=1), 67)):
            result = subprocess.run(
                ["curl", "-sv", "-m", "20", "--oauth2-bearer", token, "-u", "alice:", "--login-options",
                 "AUTH=OAUTHBEARER", f"smtp://127.0.0.1:{mta.port}/", "-X", "NOOP"], capture_output=True, text=True)
            check(f"Postfix OAUTHBEARER, {'right' if ends == 0 else 'expired'}",
                  (result.returncode == 67) == (ends == 67) and ("235 2.7.0" in result.stderr) == (ends == 0),
                  result.stderr[-600:] + mta.log()[-500:])
    finally:
        mta.stop()


def rotation(server, issuer, stranger, keys):
    """The issuer has a new key: the file is read again without a reload."""
    with open(keys + ".new", "w") as file:
        json.dump({"keys": [issuer.public, stranger.public]}, file)
    os.rename(keys + ".new", keys)
    check("a new key counts at once", wait_until(
        lambda: imap(server, "XOAUTH2", xoauth2(stranger.token()))[0] == "OK", 20), server.log()[-500:])
    os.rename(keys, keys + ".gone")
    time.sleep(1.1)
    answer, _ = imap(server, "XOAUTH2", xoauth2(issuer.token()))
    check("without the file: for now", "[UNAVAILABLE]" in answer, answer)
    os.rename(keys + ".gone", keys)


def main():
    server = Martlet()
    auth_socket, keys = f"{server.directory}/auth", f"{server.directory}/keys.json"
    issuer, stranger = Issuer(server.directory, "issuer"), Issuer(server.directory, "stranger")
    with open(keys, "w") as file:
        json.dump({"keys": [{"kty": "later"}, issuer.public]}, file)
    os.chmod(keys, 0o644)
    with open(f"{server.directory}/martlet.conf", "a") as file:
        file.write(f"""
default_internal_user = nobody
auth_mechanisms = plain oauthbearer xoauth2
oauth2_key_file = {keys}
oauth2_issuers = {ISSUER}
oauth2_audience = mail
oauth2_scope = imap
oauth2_openid_configuration_url = {ISSUER}/.well-known/openid-configuration
service auth {{
  unix_listener {auth_socket} {{
    mode = 0666
  }}
}}
""")
    os.chmod(keys, 0o600)
    equal("config check: a file that nobody may read", "may not read it, because of" in subprocess.run(
        [binary("martlet"), "-c", f"{server.directory}/martlet.conf", "config", "check"], capture_output=True,
        text=True).stderr, os.getuid() == 0)
    os.chmod(keys, 0o644)
    server.start()
    equal("imaplib OAUTHBEARER", imap(server, "OAUTHBEARER", bearer(issuer.token())), ("OK", [b""]))
    equal("imaplib XOAUTH2", imap(server, "XOAUTH2", xoauth2(issuer.token("Alice"))), ("OK", [b""]))
    answer, _ = imap(server, "XOAUTH2", xoauth2(issuer.token("mallory"), "mallory"))
    check("nobody's mailbox", "[AUTHENTICATIONFAILED]" in answer, answer)
    answer, said = imap(server, "OAUTHBEARER", b"n,a=alice,\x01host=localhost\x01auth=\x01\x01")
    check("who asks is told where tokens are", len(said) == 2 and b"openid-configuration" in said[1], f"{answer} {said}")
    refusals(server, issuer, stranger)
    curl(server, issuer)
    pop3(server, issuer)
    managesieve(server, issuer)
    postfix(server, issuer, auth_socket)
    rotation(server, issuer, stranger, keys)
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
