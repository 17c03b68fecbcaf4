import IMAPCore
import MailCore
import MailStore
import Testing

@testable import IMAPServer

private func names(_ prefix: String, _ separator: Character) -> MailboxNames {
    MailboxNames([
        Namespace(kind: .personal, prefix: prefix, separator: separator.asciiValue ?? 0x2F)
    ])
}

private struct Case: Sendable, CustomTestStringConvertible {
    var prefix: String
    var separator: Character
    var wire: String
    var name: String?
    /// What the name goes out as, when it differs from `wire`.
    var back: String?
    var testDescription: String { "\(self.prefix)|\(self.separator)|\(self.wire)" }

    init(_ prefix: String, _ separator: Character, _ wire: String, _ name: String?, back: String? = nil) {
        self.prefix = prefix
        self.separator = separator
        self.wire = wire
        self.name = name
        self.back = back
    }
}

private let cases = [
    Case("", "/", "inBox", "INBOX", back: "INBOX"),
    Case("", "/", "inbox/a", "INBOX/a", back: "INBOX/a"),
    Case("", "/", "a/b/", "a/b", back: "a/b"),
    Case("", "/", "a.b", "a.b"),
    Case("", "/", "a//b", nil),
    Case("", "/", "/a", nil),
    Case("", "/", "", nil),
    Case("", "/", "/", nil),
    Case("", "/", "..", nil),
    Case("", "/", "Entw&APw-rfe", "Entwürfe"),
    Case("", "/", "Entwürfe", "Entwürfe", back: "Entw&APw-rfe"),
    Case("", "/", "a&b", nil),
    Case("", "/", "NIL", "NIL"),
    Case("", "/", "~]", "~]"),
    Case("", ".", "a.b", "a/b"),
    Case("", ".", "a/b", nil),
    Case("INBOX.", ".", "INBOX", "INBOX"),
    Case("INBOX.", ".", "INBOX.Sent.2024", "INBOX/Sent/2024"),
    Case("INBOX.", ".", "inbox.Sent", "INBOX/Sent", back: "INBOX.Sent"),
    Case("INBOX.", ".", "Sent", "Sent"),
    Case("Mail/", "/", "Mail/a", "Mail/a"),
    Case("Mail/", "/", "mail/a", "mail/a"),
]

@Test(arguments: cases)
private func namesTranslate(_ example: Case) {
    let names = names(example.prefix, example.separator)
    let decoded = names.decode(WireMailboxName(Array(example.wire.utf8)))
    #expect(decoded?.text == example.name)
    if let decoded {
        #expect(String(decoding: names.encode(decoded).bytes, as: UTF8.self) == example.back ?? example.wire)
    }
}
