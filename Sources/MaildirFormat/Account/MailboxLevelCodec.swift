import MailCore

/// One hierarchy level of a mailbox name as it stands on disk: modified UTF-7, and an escape character with two
/// lower-case hexadecimal digits for what the name of a directory cannot hold: a leading `~`; in Maildir++ a dot; in
/// the layout of directories a leading dot, and the first letter of names that hold messages.
///
/// An escape character stays as it is unless what follows would make it an escape, since directories made without
/// escapes hold plain ones.
struct MailboxLevelCodec: Hashable, Sendable {
    /// `mailbox_list_storage_escape_char`; never a letter, digit, `.`, `/` or `&`.
    var escapeCharacter = UInt8(ascii: "\\")
    /// Whether new directories are named in UTF-8 (`mailbox_list_utf8`).
    var writesUTF8 = false
    /// Whether each level is a directory of its own, so that a dot inside of it is no separator.
    var isLevelDirectory = false
    /// What holds messages and cannot be a level then.
    static let messageDirectories = ["cur", "new", "tmp"]

    func encode(_ level: some StringProtocol) -> [UInt8] {
        self.escape(self.octets(of: String(level)))
    }

    /// The form that escapes every escape character, as Dovecot's own escaping writes it.
    func encodeEscapingAll(_ level: some StringProtocol) -> [UInt8] {
        self.escape(self.octets(of: String(level)), everyEscape: true)
    }

    /// In UTF-8 where `encode` writes modified UTF-7 and the other way round, for directories that other programs named.
    func encodeOtherCharset(_ level: some StringProtocol) -> [UInt8] {
        self.escape(self.writesUTF8 ? ModifiedUTF7.encode(String(level)) : Array(level.utf8))
    }

    /// `nil` when the octets are no text.
    func decode(_ bytes: some Collection<UInt8>) -> String? {
        let plain = self.unescape(Array(bytes))
        if self.writesUTF8, plain.contains(where: { $0 >= 0x80 }) { return String(validating: plain, as: UTF8.self) }
        return ModifiedUTF7.decode(plain) ?? String(validating: plain, as: UTF8.self)
    }

    /// In UTF-8 only what nobody could take for modified UTF-7, which is read as well: `&AMk-` would be the name `É`.
    private func octets(of level: String) -> [UInt8] {
        guard self.writesUTF8 else { return ModifiedUTF7.encode(level) }
        let octets = Array(level.utf8)
        let meant = ModifiedUTF7.decode(octets)
        return meant == nil || meant == level ? octets : ModifiedUTF7.encode(level)
    }

    private func escape(_ bytes: [UInt8], everyEscape: Bool = false) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: ".") where index == 0 || !self.isLevelDirectory: self.appendEscape(byte, to: &out)
            case let letter where index == 0 && self.isLevelDirectory && Self.holdsMessages(bytes):
                self.appendEscape(letter, to: &out)
            case UInt8(ascii: "~") where index == 0: self.appendEscape(byte, to: &out)
            case self.escapeCharacter where everyEscape || self.escaped(bytes, index) != nil:
                self.appendEscape(byte, to: &out)
            default: out.append(byte)
            }
        }
        return out
    }

    private static func holdsMessages(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.count == 3 && self.messageDirectories.contains { bytes.elementsEqual($0.utf8) }
    }

    private func appendEscape(_ byte: UInt8, to out: inout [UInt8]) {
        out.append(self.escapeCharacter)
        out.appendHex(byte)
    }

    private func unescape(_ bytes: [UInt8]) -> [UInt8] {
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
    private func escaped(_ bytes: [UInt8], _ index: Int) -> UInt8? {
        guard index + 2 < bytes.count, bytes[index] == self.escapeCharacter else { return nil }
        guard let high = Self.digit(bytes[index + 1]), let low = Self.digit(bytes[index + 2]) else { return nil }
        let byte = high << 4 | low
        switch byte {
        case self.escapeCharacter: return byte
        case UInt8(ascii: "."): return index == 0 || !self.isLevelDirectory ? byte : nil
        case UInt8(ascii: "c"), UInt8(ascii: "n"), UInt8(ascii: "t"):
            guard self.isLevelDirectory, index == 0, bytes.count == 5 else { return nil }
            return Self.holdsMessages([byte] + bytes[3...]) ? byte : nil
        case UInt8(ascii: "~"): return index == 0 ? byte : nil
        default: return nil
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
