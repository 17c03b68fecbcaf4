"""managesieve from PyPI: STARTTLS, its mechanisms, and scripts put, activated, listed, read back and deleted."""

import os

from martlet import Martlet, PASSWORD, check, equal, finish
import pypi

pypi.need("managesieve", "managesieve")
import managesieve  # noqa: E402


def mechanisms(server):
    client = managesieve.MANAGESIEVE("localhost", server.ports["sieve"], use_tls=True)
    check("no STARTTLS within TLS", not client.supports_tls)
    equal("PLAIN under TLS", client.authenticate("PLAIN", "alice", PASSWORD), "OK")
    equal("UNAUTHENTICATE", client.unauthenticate(), "OK")
    if "LOGIN" in client.loginmechs:
        equal("LOGIN under TLS", client.authenticate("LOGIN", "alice", PASSWORD), "OK")
    client.logout()
    client = managesieve.MANAGESIEVE("localhost", server.ports["sieve"], use_tls=True)
    equal("a wrong password", client.login("", "alice", "wrong"), "NO")
    equal("and then the right one", client.login("", "alice", PASSWORD), "OK")
    client.logout()


def main():
    server = Martlet(users=["alice"], extra="\nsieve_max_script_size = 4k\n").start()
    os.environ["SSL_CERT_FILE"] = str(server.certificate)
    mechanisms(server)
    client = managesieve.MANAGESIEVE("localhost", server.ports["sieve"], use_tls=False)
    equal("login", client.login("", "alice", PASSWORD), "OK")
    equal("put", client.putscript("lib", "keep;\r\n"), "OK")
    equal("put with mistakes", client.putscript("bad", "kepe;\r\n"), "NO")
    check("in words", "line 1" in client.response_text, client.response_text)
    equal("activate", client.setactive("lib"), "OK")
    result, scripts = client.listscripts()
    check("list", result == "OK" and [(name, bool(active)) for name, active in scripts] == [("lib", True)], scripts)
    equal("get", client.getscript("lib"), ("OK", "keep;\r\n"))
    equal("get what is not there", client.getscript("nothing")[0], "NO")
    check("its code", "NONEXISTENT" in (client.response_code or ""), client.response_code)
    equal("space", client.havespace("other", 1000), "OK")
    equal("no space", client.havespace("other", 100000), "NO")
    equal("the active one stays", client.deletescript("lib"), "NO")
    equal("deactivate", client.setactive(""), "OK")
    equal("delete", client.deletescript("lib"), "OK")
    equal("nothing left", client.listscripts(), ("OK", []))
    client.logout()
    server.stop()
    finish()


main()
