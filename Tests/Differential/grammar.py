"""ENVELOPE and BODYSTRUCTURE against the grammar of RFC 9051 section 9 (`envelope`, `body`).

Each check answers a list of complaints; the wire form of strings was checked when the response was read.
"""

from imapwire import Atom


def is_nstring(value):
    return value is None or (isinstance(value, bytes) and not isinstance(value, Atom))


def is_number(value):
    return isinstance(value, Atom) and value.isdigit() and int(value) < 1 << 63


def envelope(value, at="envelope"):
    if not isinstance(value, list) or len(value) != 10:
        return [f"{at}: not ten members"]
    wrong = [f"{at}[{index}]: no nstring" for index in (0, 1, 8, 9) if not is_nstring(value[index])]
    for index in range(2, 8):
        addresses = value[index]
        if addresses is None:
            continue
        if not isinstance(addresses, list) or not addresses:
            wrong.append(f"{at}[{index}]: neither NIL nor addresses")
            continue
        depth = 0
        for address in addresses:
            if not isinstance(address, list) or len(address) != 4 or not all(map(is_nstring, address)):
                wrong.append(f"{at}[{index}]: no address: {address!r:.80}")
            elif address[3] is None:
                depth += 1 if address[2] is not None else -1
                if depth not in (0, 1):
                    wrong.append(f"{at}[{index}]: group marks out of order")
            elif address[2] is None:
                wrong.append(f"{at}[{index}]: an address without mailbox")
        if depth:
            wrong.append(f"{at}[{index}]: a group without end")
    return wrong


def parameters(value, at):
    if value is None:
        return []
    if not isinstance(value, list) or not value or len(value) % 2:
        return [f"{at}: parameters must be pairs or NIL"]
    return [f"{at}: parameter is no string" for word in value if not isinstance(word, bytes)]


def extensions(rest, at):
    """What follows MD5 or the parameters of a multipart: disposition, language, location."""
    wrong = []
    if len(rest) > 0 and rest[0] is not None:
        if not isinstance(rest[0], list) or len(rest[0]) != 2 or not isinstance(rest[0][0], bytes):
            wrong.append(f"{at}: disposition")
        else:
            wrong += parameters(rest[0][1], f"{at} disposition")
    if len(rest) > 1 and not is_nstring(rest[1]):
        if not isinstance(rest[1], list) or not rest[1] or not all(isinstance(word, bytes) for word in rest[1]):
            wrong.append(f"{at}: language")
    if len(rest) > 2 and not is_nstring(rest[2]):
        wrong.append(f"{at}: location")
    if len(rest) > 3:
        wrong.append(f"{at}: {len(rest)} extension members")
    return wrong


def body(value, extensible, at="1"):
    """`extensible`: BODYSTRUCTURE; else BODY, which has no extension data."""
    if not isinstance(value, list) or not value:
        return [f"{at}: no body"]
    if isinstance(value[0], list):
        count = 0
        while count < len(value) and isinstance(value[count], list):
            count += 1
        wrong = []
        for index, part in enumerate(value[:count]):
            wrong += body(part, extensible, f"{at}.{index + 1}")
        rest = value[count:]
        if not rest or not isinstance(rest[0], bytes):
            return wrong + [f"{at}: multipart without subtype"]
        if not extensible:
            return wrong + ([f"{at}: extension data in BODY"] if len(rest) > 1 else [])
        if len(rest) > 1:
            wrong += parameters(rest[1], at)
        return wrong + extensions(rest[2:], at)
    if len(value) < 7:
        return [f"{at}: {len(value)} members"]
    wrong = [f"{at}[{index}]: no string" for index in (0, 1, 5) if not isinstance(value[index], bytes)]
    if wrong:
        return wrong
    wrong += parameters(value[2], at)
    wrong += [f"{at}[{index}]: no nstring" for index in (3, 4) if not is_nstring(value[index])]
    if not is_number(value[6]):
        wrong.append(f"{at}: octets")
    kind, subtype = value[0].upper(), value[1].upper()
    used = 7
    if kind == b"TEXT":
        used = 8
        if len(value) < 8 or not is_number(value[7]):
            wrong.append(f"{at}: text without lines")
    elif kind == b"MESSAGE" and (subtype == b"RFC822" or subtype == b"GLOBAL" and isinstance((value + [None])[7], list)):
        used = 10
        if len(value) < 10 or not is_number(value[9]):
            wrong.append(f"{at}: message without envelope, body and lines")
        else:
            wrong += envelope(value[7], f"{at} envelope")
            wrong += body(value[8], extensible, f"{at}.m")
    rest = value[used:]
    if not extensible:
        return wrong + ([f"{at}: extension data in BODY"] if rest else [])
    if rest:
        if not is_nstring(rest[0]):
            wrong.append(f"{at}: MD5")
        wrong += extensions(rest[1:], at)
    return wrong


def sections(structure):
    """The part specifiers of a BODYSTRUCTURE with what each is: `1`, `1.2`, ... -> `leaf`, `multipart`, `message`."""
    found = {}

    def walk(value, prefix):
        if isinstance(value[0], list):
            for index, part in enumerate(value):
                if not isinstance(part, list) or (part and not isinstance(part[0], (list, bytes))):
                    break
                number = f"{prefix}.{index + 1}" if prefix else str(index + 1)
                note(part, number)
        elif not prefix:
            note(value, "1")

    def note(part, number):
        if isinstance(part[0], list):
            found[number] = "multipart"
            walk(part, number)
        elif part[0].upper() == b"MESSAGE" and isinstance((part + [None])[7], list):
            found[number] = "message"
            inner = part[8]
            if isinstance(inner[0], list):
                walk(inner, number)
            else:
                note(inner, f"{number}.1")
        else:
            found[number] = "leaf"

    walk(structure, "")
    return found
