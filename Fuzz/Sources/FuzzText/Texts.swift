@testable import MIMECore
import MailCore

private let charsets = [
    "utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-6", "iso-8859-8", "iso-8859-15", "windows-1250",
    "windows-1252", "windows-1255", "windows-1258", "koi8-r", "koi8-u", "utf-16", "utf-7", "gb2312", "no-such",
].map { Array($0.utf8) }

/// Charsets: whatever the octets, the text is UTF-8, at most three octets for each one, and UTF-8 itself stays.
func fuzzCharset(_ input: FuzzInput) {
    var input = input
    let choice = input.number(below: charsets.count + 1)
    let charset = choice < charsets.count ? charsets[choice] : input.field()
    let text = input.octets
    let converter = CharsetConverter.builtIn
    let converted = converter.convert(text, charset: charset)
    need(converter.knows(charset) == (converted != nil))
    for out in [converted ?? [], converter.utf8(text, charset: charset)] {
        need(UTF8Text.isValid(out) && out.count <= 3 * text.count)
    }
    if choice == 0, UTF8Text.isValid(text) { same(converted, text, "UTF-8") }
    if let converted, text.allSatisfy({ $0 < 0x80 }) { same(converted, text, "US-ASCII") }
    var mapped: [UInt8] = []
    UnicodeCasemap.append(text, to: &mapped)
    need(mapped.count <= 24 * text.count)
    need(!UTF8Text.isValid(text) || UTF8Text.isValid(mapped))
    // A search finds what is there, wherever it is cut out.
    let start = text.isEmpty ? 0 : Int(text[0]) % text.count
    if UTF8Text.isValid(Array(text[start...])) {
        need(SearchNeedle(text[start...]).isFound(in: text))
    }
}

/// HTML: the text is no longer than the document, and a limit cuts it and changes nothing else.
func fuzzHTML(_ input: FuzzInput) {
    var input = input
    let limit = input.number(below: 400)
    let html = input.octets
    withOctets(html) { octets in
        var whole: [UInt8] = []
        HTMLText.append(octets, to: &whole)
        need(whole.count <= html.count + 8)
        if UTF8Text.isValid(html) { need(UTF8Text.isValid(whole)) }
        var part: [UInt8] = []
        HTMLText.append(octets, limit: limit, to: &part)
        need(whole.starts(with: part) && part.count <= limit + 64)
        need(part.count >= min(limit, whole.count))
    }
}

/// The preview: text that is UTF-8, of at most 200 characters, without control characters.
func fuzzPreview(_ input: FuzzInput) {
    input.octets.withUnsafeBytes { bytes in
        let preview = Preview.make(bytes, PartTable(bytes))
        guard let text = String(validating: preview, as: UTF8.self) else { fail("no UTF-8") }
        need(text.unicodeScalars.count <= Preview.maximumCharacters)
        need(!preview.contains { $0 < 0x20 || $0 == 0x7F })
    }
}

/// Names of mailboxes in modified UTF-7: one encoding for each text and none besides.
func fuzzNames(_ input: FuzzInput) {
    let octets = input.octets
    if let text = ModifiedUTF7.decode(octets) { same(ModifiedUTF7.encode(text), octets, "modified UTF-7") }
    guard let text = String(validating: octets, as: UTF8.self) else { return }
    let encoded = ModifiedUTF7.encode(text)
    need(encoded.allSatisfy { (0x20...0x7E).contains($0) })
    guard let decoded = ModifiedUTF7.decode(encoded) else { fail("cannot be decoded") }
    need(decoded.utf8.elementsEqual(text.utf8))
    guard let name = MailboxName(text) else { return }
    need(name.text.utf8.count <= MailboxName.maximumLength)
    need(!name.levels.isEmpty && name.levels.count <= MailboxName.maximumDepth)
    need(name.levels.joined(separator: "/").utf8.elementsEqual(name.text.utf8))
    need(MailboxName(name.text) == name)
    need(name.normalized.normalized == name.normalized)
    if let parent = name.parent { need(name.isDescendant(of: parent) && MailboxName(parent.text) == parent) }
}

/// Transfer encodings: pieces decode as the whole does, and what is encoded decodes to what it was.
func fuzzTransfer(_ input: FuzzInput) {
    var input = input
    let encodings: [TransferEncoding] = [.base64, .quotedPrintable, .sevenBit, .binary]
    let encoding = encodings[input.number(below: encodings.count)]
    let (first, second) = input.halves()
    let body = first + second
    var whole: [UInt8] = []
    var decoder = TransferDecoder(encoding)
    withOctets(body) { decoder.decode($0, into: &whole) }
    decoder.finish(into: &whole)
    need(whole.count <= body.count + 4)
    for pieces in [[first, second], body.map { [$0] }] {
        var out: [UInt8] = []
        var other = TransferDecoder(encoding)
        for piece in pieces { withOctets(piece) { other.decode($0, into: &out) } }
        other.finish(into: &out)
        same(out, whole, "\(encoding) in pieces")
        same(other.isDamaged, decoder.isDamaged, "damage of \(encoding)")
    }
    same(Base64.decode(Base64.encode(body)), body, "base64")
    if let bytes = Base64.decode(body) { same(Base64.decode(Base64.encode(bytes)), bytes, "base64") }
    checkTranscoding(body)
}

/// BINARY of any octets: as long as it says, and the same in runs.
private func checkTranscoding(_ message: [UInt8]) {
    message.withUnsafeBytes { bytes in
        let table = PartTable(bytes)
        var all: [Transcoding] = []
        for path in [[], [1], [2], [1, 1]] {
            if let decoded = try? Transcoding.decoded(path, of: bytes, table) { all.append(decoded) }
        }
        if let storable = Transcoding.storable(bytes, table) { all.append(storable) }
        for transcoding in all {
            let whole = octets(of: transcoding, bytes, 0, .max)
            same(whole.count, transcoding.count, "the length of BINARY")
            same(whole.contains(0), transcoding.containsNUL, "NUL in BINARY")
            let start = whole.count / 3
            same(octets(of: transcoding, bytes, start, 50), Array(whole[start...].prefix(50)), "a run of BINARY")
        }
    }
}

private func octets(
    of transcoding: Transcoding, _ message: UnsafeRawBufferPointer, _ first: Int, _ count: Int
) -> [UInt8] {
    var reader = transcoding.reader(first: first, count: count)
    var out: [UInt8] = []
    var rounds = 0
    while reader.next(message, into: &out) {
        rounds += 1
        need(rounds < 100_000, "it does not end")
    }
    return out
}
