@testable import MIMECore
import MailCore

/// Header fields: they cover the header without gaps, and whatever a field says becomes text that is UTF-8. A text
/// that is put into encoded words comes out of them again.
func fuzzHeaders(_ input: FuzzInput) {
    let header = input.octets
    withOctets(header) { octets in
        var position = 0
        var scanner = HeaderScanner(octets)
        while let field = scanner.next() {
            need(field.range.lowerBound == position && field.range.upperBound > position)
            need(field.name.lowerBound >= position && field.name.upperBound <= field.body.lowerBound)
            need(field.body.upperBound <= field.range.upperBound)
            position = field.range.upperBound
            checkBody(octets[field.body])
        }
        need(position <= scanner.bodyStart && scanner.bodyStart <= header.count)
        need(scanner.hasEmptyLine || scanner.bodyStart == header.count)
        checkBody(octets)

        var downgraded: [UInt8] = []
        HeaderDowngrade.append(octets, to: &downgraded)
        need(downgraded.count <= 64 * header.count + 4096)
    }
    checkEncoding(header)
}

private func checkBody(_ body: Octets) {
    let unfolded = HeaderBody.unfolded(body)
    need(!unfolded.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D })
    let text = EncodedWord.decode(body)
    need(UTF8Text.isValid(text))
    need(UTF8Text.isValid(MessageText.text(ofField: body)))
    for address in AddressParser(body) {
        if case .mailbox = address { continue }
    }
    for value in [MIMEValue.contentType(body), MIMEValue.disposition(body)] {
        guard let value else { continue }
        need(value.parameters.count <= MIMEValue.maximumParameters)
        for parameter in value.parameters { need(UTF8Text.isValid(parameter.decodedValue())) }
    }
    let all = MessageIDs.all(in: body, maximum: 5)
    need(all.count <= 5 && all.allSatisfy { $0.count <= MessageIDs.maximumLength })
    if let first = MessageIDs.first(in: body) { need(all.first == first) }
    let base = BaseSubject.extract(body)
    need(UTF8Text.isValid(base.subject))
}

private func checkEncoding(_ text: [UInt8]) {
    let encoded = EncodedWord.encode(text)
    guard UTF8Text.isValid(text) else { return }
    // What looks like an encoded word already, or like folding, would be read as that.
    let isPlain = !text.contains { $0 == UInt8(ascii: "?") || $0 < 0x20 || $0 == 0x7F }
    if isPlain, text.first != 0x20, text.last != 0x20 {
        withOctets(encoded) { same(EncodedWord.decode($0), text, "encoded words") }
    }
    withOctets(EncodedWord.encodeAll(text)) { same(EncodedWord.decode($0), text, "all in encoded words") }
}
