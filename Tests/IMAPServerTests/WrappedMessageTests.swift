import Testing

@testable import IMAPServer

@Test(arguments: [
    ("UTF8 (Subject: x)", "Subject: x"), ("UTF8 (a", "a"), ("UTF8 (a)b", "a)b"), ("UTF8 a", "UTF8 a"),
    ("Subject: UTF8 (x)", "Subject: UTF8 (x)"), ("UTF", "UTF"), ("UTF8 (", "UTF8 ("), ("UTF8 ()", ""), ("", ""),
    ("utf8 (x)", "utf8 (x)"),
])
func wrappedMessagesAreTakenOut(_ literal: String, _ message: String) {
    let octets = Array(literal.utf8)
    for first in 0...octets.count {
        for second in first...octets.count {
            var wrapped = WrappedMessage(size: UInt64(octets.count))
            var out: [UInt8] = []
            for piece in [octets[..<first], octets[first..<second], octets[second...]] where !piece.isEmpty {
                piece.withUnsafeBytes { wrapped.take($0) { out.append(contentsOf: $0) } }
            }
            #expect(out == Array(message.utf8), "\(first) \(second)")
        }
    }
}
