import IMAPCore
import MailCore
import MailStore

/// Turns the names that clients use into the account's and back: encoding, separator.
struct MailboxNames: Sendable {
    private let spelling: MailboxSpelling
    var encoding = MailboxNameEncoding.modifiedUTF7

    init(_ namespaces: [Namespace]) { self.spelling = MailboxSpelling(namespaces) }

    var separator: UInt8 { self.spelling.separator }

    /// The account's name, or `nil` for one that no mailbox can have. One separator at the end is passed
    /// over: clients send it with CREATE.
    func decode(_ wire: WireMailboxName) -> MailboxName? {
        guard var text = wire.text(self.encoding) else { return nil }
        if text.utf8.last == self.separator { text = String(decoding: text.utf8.dropLast(), as: UTF8.self) }
        return self.spelling.exactName(of: text)
    }

    /// The account's name by the text in a URL.
    func name(inURL text: String) -> MailboxName? { self.spelling.exactName(of: text) }

    func encode(_ name: MailboxName) -> WireMailboxName {
        WireMailboxName(self.spelling.text(of: name), self.encoding)
    }

    /// The beginning of a name as it is inside; as it came when it cannot be one.
    func insideText(_ wire: WireMailboxName) -> String {
        guard let text = wire.text(self.encoding) else { return "" }
        let separator = Character(Unicode.Scalar(self.separator))
        return String(text.map { $0 == separator ? "/" : $0 })
    }
}
