"""The list of explained differences.

An entry is a line `MESSAGE | ITEM | PATH` (patterns as of a shell; the path may be left out), optionally followed by
`| MARTLET | DOVECOT` (patterns of the values as printed; `+CRLF`, `+1` and `+2` for Dovecot's mean Martlet's and that, `+...`
Martlet's and something), and below it, indented, the reason with the RFC's section.
Several such lines may share a reason. `[` stands for itself.
"""

import fnmatch
import re


class Entry:
    def __init__(self, line, reason):
        self.line = line
        self.reason = reason
        self.uses = 0
        words = [word.strip() for word in line.split(" | ")]
        words += ["*"] * (5 - len(words))
        self.more = words.pop() if words[4] in ("+CRLF", "+1", "+2", "+...") else None
        self.patterns = [re.compile(fnmatch.translate(word.replace("[", "[[]")), re.S) for word in words]
        self.needs_shared = words[0].startswith("shared/")

    def matches(self, values, texts):
        return all(pattern.match(text) for pattern, text in zip(self.patterns, texts)) and self.relates(*values[3:])

    def relates(self, ours, theirs):
        if self.more is None:
            return True
        if self.more in ("+CRLF", "+..."):
            rest = b"\r\n" if self.more == "+CRLF" else b""
            return isinstance(ours, bytes) and isinstance(theirs, bytes) and theirs.startswith(ours + rest) and (
                self.more == "+..." or len(theirs) == len(ours) + 2)
        return str(ours).isdigit() and str(theirs).isdigit() and int(theirs) == int(ours) + int(self.more)


class Explanations:
    def __init__(self, path):
        self.entries = []
        waiting = []
        for line in path.read_text().splitlines() if path.exists() else []:
            if not line.strip() or line.startswith("#"):
                continue
            if line[0].isspace():
                if waiting:
                    self.entries += waiting
                    waiting = []
                for entry in self.entries[::-1]:
                    if entry.reason and entry.closed:
                        break
                    entry.reason += line.strip() + " "
            else:
                if not waiting:
                    for entry in self.entries:
                        entry.closed = True
                entry = Entry(line, "")
                entry.closed = False
                waiting.append(entry)
        if waiting:
            raise SystemExit(f"{path}: no reason behind {waiting[0].line}")

    def find(self, *values):
        """The reason, or None; counts the use."""
        texts = [value if isinstance(value, str) else repr(value) for value in values]
        for entry in self.entries:
            if entry.matches(values, texts):
                entry.uses += 1
                return entry.reason
        return None

    def unused(self, has_shared):
        """Entries about generated messages may be without use: it depends on the seed."""
        return [entry.line for entry in self.entries
                if not entry.uses and not entry.line.startswith("random/") and (has_shared or not entry.needs_shared)]
