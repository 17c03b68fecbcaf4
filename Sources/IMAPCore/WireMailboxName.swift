import MailCore

/// In what form mailbox names go over the wire.
public enum MailboxNameEncoding: Hashable, Sendable {
    /// Modified UTF-7 (RFC 3501 section 5.1.3).
    case modifiedUTF7
    /// UTF-8, for clients that enabled it.
    case utf8
}

/// A mailbox name or LIST reference as a client sent it: octets, encoding not yet looked at.
public struct WireMailboxName: Hashable, Sendable {
    public var bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The decoded text, or `nil` when the octets are not a name in `encoding`.
    ///
    /// Octets over 127 under `modifiedUTF7` are read as UTF-8: clients that never learnt modified UTF-7 send
    /// them, and they cannot mean anything else.
    public func text(_ encoding: MailboxNameEncoding) -> String? {
        switch encoding {
        case .utf8: return String(validating: self.bytes, as: UTF8.self)
        case .modifiedUTF7:
            if self.bytes.contains(where: { $0 >= 0x80 }) {
                return String(validating: self.bytes, as: UTF8.self)
            }
            if !self.bytes.contains(UInt8(ascii: "&")) {
                return String(decoding: self.bytes, as: UTF8.self)
            }
            return ModifiedUTF7.decode(self.bytes)
        }
    }

    /// A pattern of LIST in the form that names of `encoding` have: octets over 127 are brought from UTF-8 to modified
    /// UTF-7, and UTF-8 to Normalization Form C. As it is when it is neither.
    public static func pattern(_ bytes: [UInt8], _ encoding: MailboxNameEncoding) -> [UInt8] {
        guard bytes.contains(where: { $0 >= 0x80 }), let text = String(validating: bytes, as: UTF8.self) else {
            return bytes
        }
        switch encoding {
        case .utf8: return Array(text.normalizedToNFC.utf8)
        // Wildcards are ASCII and keep their meaning; a `&` here is no shift.
        case .modifiedUTF7: return ModifiedUTF7.encode(text.normalizedToNFC)
        }
    }

    /// The octets of `text` in `encoding`.
    public init(_ text: String, _ encoding: MailboxNameEncoding) {
        switch encoding {
        case .utf8: self.bytes = Array(text.utf8)
        case .modifiedUTF7: self.bytes = ModifiedUTF7.encode(text)
        }
    }
}

extension Cursor {
    mutating func mailbox() throws(SyntaxError) -> WireMailboxName {
        WireMailboxName(try self.astring("a mailbox name"))
    }
}
