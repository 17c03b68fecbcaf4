@testable import MIMECore
import MailCore

/// Signatures: no message in which a search finds a text has a signature that says no. Searched for are the texts in
/// front of the message, and pieces of everything that can be found in it.
func fuzzSignature(_ input: FuzzInput) {
    var input = input
    let needle = input.field(until: 0x0A)
    let places = input.number(below: 65_536)
    input.octets.withUnsafeBytes { bytes in
        let table = PartTable(bytes)
        let signature = TextSignature.build(from: bytes, table: table)
        need(signature.count <= 3 + (34 << 10))
        signature.withUnsafeBytes { stored in
            guard let view = TextSignature.View(stored) else { fail("no signature") }
            let message = MessageText(bytes, table)
            check(needle, message, view)
            for part in table.parts {
                _ = message.forEachHeaderLine(of: part) { line in
                    for piece in pieces(line, places) { check(piece, message, view) }
                    return false
                }
                _ = message.forEachText(of: part, keeping: 20) { text in
                    for piece in pieces(text, places) { check(piece, message, view) }
                    return false
                }
            }
        }
        // Any octets as a signature that was stored.
        if let view = TextSignature.View(bytes) { _ = TextProbe(SearchNeedle(needle), in: .text).mayMatch(view) }
    }
}

private func pieces(_ text: [UInt8], _ places: Int) -> [[UInt8]] {
    guard text.count > 2 else { return [] }
    let start = places % (text.count - 2)
    let length = 3 + (places >> 8) % 40
    return [Array(text[start...].prefix(length)), Array(text.prefix(4)), Array(text.suffix(3))]
}

private func check(_ needle: [UInt8], _ message: MessageText, _ view: TextSignature.View) {
    let needle = SearchNeedle(needle)
    if message.textContains(needle) { need(TextProbe(needle, in: .text).mayMatch(view), "TEXT") }
    if message.bodyContains(needle) { need(TextProbe(needle, in: .body).mayMatch(view), "BODY") }
    for name in ["subject", "From", "x"] {
        let name = Array(name.utf8)
        if message.headerContains(name, needle) {
            need(TextProbe(needle, in: .header(name: name)).mayMatch(view), "HEADER")
        }
    }
}
