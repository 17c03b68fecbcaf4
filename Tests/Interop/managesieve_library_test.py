"""managesieve from PyPI: scripts put, activated, listed, read back and deleted."""

from martlet import Martlet, PASSWORD, check, equal, finish
import pypi

pypi.need("managesieve", "managesieve")
import managesieve  # noqa: E402


def main():
    server = Martlet(users=["alice"]).start()
    client = managesieve.MANAGESIEVE("localhost", server.ports["sieve"], use_tls=False)
    equal("login", client.login("", "alice", PASSWORD), "OK")
    equal("put", client.putscript("lib", "keep;\r\n"), "OK")
    equal("activate", client.setactive("lib"), "OK")
    result, scripts = client.listscripts()
    check("list", result == "OK" and ("lib", True) in [(name, bool(active)) for name, active in scripts], scripts)
    equal("get", client.getscript("lib"), ("OK", "keep;\r\n"))
    client.setactive("")
    equal("delete", client.deletescript("lib"), "OK")
    client.logout()
    server.stop()
    finish()


main()
