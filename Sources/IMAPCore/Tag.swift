/// A command's tag: the client's name for it, repeated in its completion (RFC 9051 section 2.2.1).
public struct Tag: Hashable, Sendable, CustomStringConvertible {
    /// 1 or more octets, each an ASTRING-CHAR other than `+`.
    public let bytes: [UInt8]

    /// `nil` when `bytes` are not a tag.
    public init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.allSatisfy(Self.isTagCharacter) else { return nil }
        self.bytes = bytes
    }

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    static func isTagCharacter(_ byte: UInt8) -> Bool {
        Cursor.isAStringCharacter(byte) && byte != UInt8(ascii: "+")
    }

    public var description: String { String(decoding: self.bytes, as: UTF8.self) }
}
