@testable import IMAPCore
import MailCore

/// URLs of messages: printable, with limits that hold; and names of mailboxes on the wire.
func fuzzURL(_ input: FuzzInput) {
    let octets = input.octets
    if let url = IMAPURL(octets) {
        need(octets.count <= IMAPURL.maximumLength && url.uid > 0)
        need(url.mailbox.map { !$0.isEmpty && !$0.contains(0) } ?? true)
        need(url.partial?.count.map { $0 > 0 } ?? true)
        need(IMAPURL(octets) == url)
    }
    let name = WireMailboxName(octets)
    for encoding in [MailboxNameEncoding.modifiedUTF7, .utf8] {
        if let text = name.text(encoding) {
            let again = WireMailboxName(text, encoding)
            need(again.text(encoding)?.utf8.elementsEqual(text.utf8) ?? false, "a name on the wire")
        }
        _ = WireMailboxName.pattern(octets, encoding)
    }
}

/// Postfix's policy requests: they end, and what is read is what the line said.
func fuzzPolicy(_ input: FuzzInput) {
    var request = PolicyRequest()
    var lines = 0
    for line in input.octets.split(separator: 0x0A, omittingEmptySubsequences: false) {
        lines += 1
        let step = request.take(Array(line).span)
        if step != .needMore { break }
        need(lines <= 200)
    }
    for delimiters in ["", "+", "+-@"] {
        let user = request.user(delimiters: delimiters)
        need(user.name.utf8.count <= request.recipient.utf8.count)
        if delimiters.isEmpty { need(user.detail == nil && user.name == request.recipient) }
    }
}

/// Lines of the admin socket: fields of any octets survive.
func fuzzAdmin(_ input: FuzzInput) {
    let octets = input.octets
    let fields = octets.split(separator: 0x7C, omittingEmptySubsequences: false).map { Array($0) }
    var line: [UInt8] = []
    AdminLine.encode(fields, into: &line)
    need(line.last == 0x0A && !line.dropLast().contains(0x0A))
    same(AdminLine.decode(line.dropLast()), fields, "fields of the admin socket")
    let read = AdminLine.decode(octets)
    var again: [UInt8] = []
    AdminLine.encode(read, into: &again)
    same(AdminLine.decode(again.dropLast()), read, "read fields")
}
