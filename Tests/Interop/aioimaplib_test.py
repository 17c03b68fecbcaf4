"""aioimaplib from PyPI: asynchronous commands, IDLE with pushes, MOVE."""

import asyncio
import ssl

from martlet import Martlet, PASSWORD, check, equal, finish
from samples import SPECIAL_USE, message, witness
import pypi

pypi.need("aioimaplib", "aioimaplib")
import aioimaplib  # noqa: E402


async def talk(server):
    context = ssl.create_default_context(cafile=server.certificate)
    client = aioimaplib.IMAP4_SSL("localhost", server.ports["imaps"], ssl_context=context, timeout=30)
    await client.wait_hello_from_server()
    equal("login", (await client.login("alice", PASSWORD)).result, "OK")
    for number in range(10):
        answer = await client.append(message(number), mailbox="INBOX")
    equal("append", answer.result, "OK")
    equal("select", (await client.select("INBOX")).result, "OK")
    listed = await client.list('""', "*")
    check("special folders", any(rb"\Sent" in line for line in listed.lines), listed.lines)
    answer = await client.fetch("4", "(UID BODY[])")
    check("body", any(bytes(line) == message(3) for line in answer.lines if isinstance(line, (bytes, bytearray))), answer.lines)
    equal("search", (await client.search("SUBJECT", '"message 7"', charset=None)).lines[0], b"8")
    equal("flag", (await client.uid("store", "1:2", "+FLAGS", r"(\Flagged)")).result, "OK")
    equal("flagged", (await client.uid_search("FLAGGED", charset=None)).lines[0], b"1 2")
    equal("create", (await client.create("Work")).result, "OK")
    equal("move", (await client.uid("move", "3:4", "Work")).result, "OK")
    equal("delete", (await client.uid("store", "5", "+FLAGS", r"(\Deleted)")).result, "OK")
    equal("expunge", (await client.expunge()).result, "OK")
    other = witness(server)
    idle = await client.idle_start(timeout=30)
    await asyncio.to_thread(other.append, "INBOX", None, None, message("pushed"))
    pushed = []
    for _ in range(5):
        pushed += await asyncio.wait_for(client.wait_server_push(), 20)
        if any(b"EXISTS" in line for line in pushed):
            break
    client.idle_done()
    await asyncio.wait_for(idle, 20)
    check("new mail is pushed", b"8 EXISTS" in pushed, pushed)
    answer = await client.fetch("8", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    check("and can be read", any(b"message pushed" in bytes(line) for line in answer.lines), answer.lines)
    equal("logout", (await client.logout()).result, "OK")
    other.logout()


def main():
    server = Martlet(users=["alice"], extra=SPECIAL_USE).start()
    asyncio.run(talk(server))
    equal("stops cleanly", server.stop(), 0)
    finish()


if __name__ == "__main__":
    main()
