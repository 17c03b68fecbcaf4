import MailCore

/// One hierarchy level of a mailbox name as it stands on disk: modified UTF-7, and `\` with two lower-case
/// hexadecimal digits for what a Maildir++ directory name cannot hold (a dot; a leading `~`).
///
/// A backslash stays as it is unless what follows would make it an escape, since directories made without
/// escapes hold plain ones.
enum MailboxLevelCodec {
    private static let backslash = UInt8(ascii: "\\")

    static func encode(_ level: some StringProtocol) -> [UInt8] {
        self.escape(ModifiedUTF7.encode(String(level)))
    }

    /// The form that escapes every backslash, as Dovecot's own escaping writes it.
    static func encodeEscapingBackslash(_ level: some StringProtocol) -> [UInt8] {
        self.escape(ModifiedUTF7.encode(String(level)), everyBackslash: true)
    }

    /// Not in modified UTF-7, for directories that other programs named in UTF-8.
    static func encodeUTF8(_ level: some StringProtocol) -> [UInt8] { self.escape(Array(level.utf8)) }

    /// `nil` when the octets are no text.
    static func decode(_ bytes: some Collection<UInt8>) -> String? {
        let plain = self.unescape(Array(bytes))
        return ModifiedUTF7.decode(plain) ?? String(validating: plain, as: UTF8.self)
    }

    private static func escape(_ bytes: [UInt8], everyBackslash: Bool = false) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "."): out.append(contentsOf: "\\2e".utf8)
            case UInt8(ascii: "~") where index == 0: out.append(contentsOf: "\\7e".utf8)
            case self.backslash where everyBackslash || self.escaped(bytes, index) != nil:
                out.append(contentsOf: "\\5c".utf8)
            default: out.append(byte)
            }
        }
        return out
    }

    private static func unescape(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if let byte = self.escaped(bytes, index) {
                out.append(byte)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out
    }

    /// The octet that an escape at `index` stands for, if there is one that we would write.
    private static func escaped(_ bytes: [UInt8], _ index: Int) -> UInt8? {
        guard index + 2 < bytes.count, bytes[index] == self.backslash else { return nil }
        switch (bytes[index + 1], bytes[index + 2]) {
        case (UInt8(ascii: "2"), UInt8(ascii: "e")): return UInt8(ascii: ".")
        case (UInt8(ascii: "5"), UInt8(ascii: "c")): return self.backslash
        case (UInt8(ascii: "7"), UInt8(ascii: "e")): return index == 0 ? UInt8(ascii: "~") : nil
        default: return nil
        }
    }
}
