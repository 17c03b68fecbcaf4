public import MailCore

extension [UInt8] {
    /// Longer strings go out as literals: some clients bound the length of a line.
    private static var longestQuoted: Int { 1000 }

    /// Appends `bytes` as a quoted string when they allow it, else as a literal.
    ///
    /// NUL can stand in neither; 0x80 replaces it, which keeps the length.
    public mutating func appendIMAPString(_ bytes: some Collection<UInt8>) {
        if bytes.count <= Self.longestQuoted,
            bytes.allSatisfy({ $0 < 0x7F && $0 != 0x0D && $0 != 0x0A && $0 != 0 })
        {
            self.append(UInt8(ascii: "\""))
            for byte in bytes {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    self.append(UInt8(ascii: "\\"))
                }
                self.append(byte)
            }
            self.append(UInt8(ascii: "\""))
            return
        }
        self.appendLiteralHeader(UInt64(bytes.count))
        for byte in bytes { self.append(byte == 0 ? 0x80 : byte) }
    }

    /// Appends an atom when `bytes` are one and cannot be taken for NIL, else a string.
    public mutating func appendAString(_ bytes: some Collection<UInt8>) {
        let isAtom =
            !bytes.isEmpty && bytes.allSatisfy(Cursor.isAStringCharacter)
            && !ASCII.equalsIgnoringCase(bytes, "nil".utf8)
        if isAtom { self.append(contentsOf: bytes) } else { self.appendIMAPString(bytes) }
    }

    /// Appends a mailbox name: an astring, or for a client that is told names in UTF-8 a quoted string with it
    /// (RFC 9051 section 4.3, RFC 6855 section 3).
    public mutating func appendMailbox(_ name: WireMailboxName) {
        if !self.appendQuotedText(name) { self.appendAString(name.bytes) }
    }

    /// The same as a string, never an atom: for prefixes of namespaces.
    mutating func appendMailboxString(_ name: WireMailboxName) {
        if !self.appendQuotedText(name) { self.appendIMAPString(name.bytes) }
    }

    /// Appends a name with octets over 0x7F as a quoted string; `false` for all others.
    private mutating func appendQuotedText(_ name: WireMailboxName) -> Bool {
        guard name.bytes.contains(where: { $0 >= 0x80 }), name.bytes.count <= Self.longestQuoted,
            name.bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return false }
        self.append(UInt8(ascii: "\""))
        for byte in name.bytes {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { self.append(UInt8(ascii: "\\")) }
            self.append(byte)
        }
        self.append(UInt8(ascii: "\""))
        return true
    }

    /// Appends NIL for `nil`, else a string.
    public mutating func appendNString(_ bytes: (some Collection<UInt8>)?) {
        if let bytes { self.appendIMAPString(bytes) } else { self.append("NIL") }
    }

    /// Appends `{size}` and CRLF; the octets follow.
    public mutating func appendLiteralHeader(_ size: UInt64) {
        self.append(UInt8(ascii: "{"))
        self.appendDecimal(size)
        self.append("}\r\n")
    }

    /// Appends a flag list with its parentheses.
    public mutating func appendFlagList(
        _ flags: MessageFlags, isRecent: Bool = false, keywords: some Sequence<Keyword>
    ) {
        self.append(UInt8(ascii: "("))
        var isFirst = true
        func separator(_ out: inout [UInt8]) {
            if !isFirst { out.append(0x20) }
            isFirst = false
        }
        if isRecent {
            separator(&self)
            self.append("\\Recent")
        }
        for (flag, name) in Self.flagNames where flags.contains(flag) {
            separator(&self)
            self.append(name)
        }
        for keyword in keywords {
            separator(&self)
            self.append(contentsOf: keyword.name.utf8)
        }
        self.append(UInt8(ascii: ")"))
    }

    private static var flagNames: [(MessageFlags, StaticString)] { systemFlagNames }

    /// Appends ascending ranges as a sequence set: `1:3,7`.
    public mutating func appendRanges(_ ranges: some Sequence<ClosedRange<UInt32>>) {
        var isFirst = true
        for range in ranges {
            if !isFirst { self.append(UInt8(ascii: ",")) }
            isFirst = false
            self.appendDecimal(UInt64(range.lowerBound))
            if range.lowerBound != range.upperBound {
                self.append(UInt8(ascii: ":"))
                self.appendDecimal(UInt64(range.upperBound))
            }
        }
    }
}

private let systemFlagNames: [(MessageFlags, StaticString)] = [
    (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"),
    (.draft, "\\Draft"),
]
