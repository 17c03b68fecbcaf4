import MIMECore

/// Feeds any octets to everything in MIMECore that reads messages, and asserts what must hold for all of
/// them: parts lie within the message and nest, wire forms are well-formed US-ASCII, the cache answers what
/// the message itself does, and no damaged cache does harm.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMIME(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let message = UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size)
    let octets = Octets(message)
    let table = PartTable(message)
    for (index, part) in table.parts.enumerated() {
        precondition(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd)
        precondition(part.bodyEnd <= message.count && Int(part.parent) < index)
    }

    var envelope: [UInt8] = []
    Envelope.append(octets[table.root.header], to: &envelope)
    assertWellFormed(envelope)
    var structure: [UInt8] = []
    BodyStructure.append(octets, table, to: &structure)
    assertWellFormed(structure)
    var body: [UInt8] = []
    BodyStructure.appendBody(octets, table, to: &body)
    assertWellFormed(body)

    let blob = MessageCache.build(from: message, table: table)
    blob.withUnsafeBytes { bytes in
        guard let view = MessageCache.View(bytes) else { preconditionFailure("no view of a new blob") }
        precondition(view.size == message.count)
        if let cached = view.envelope { precondition(cached.elementsEqual(envelope)) }
        if let cached = view.bodyStructure { precondition(cached.elementsEqual(structure)) }
        if let cached = view.body { precondition(cached == body) }
        if let cached = view.parts { precondition(cached == table) }
        let names = ["from", "SUBJECT", "Received"].map { Array($0.utf8) }
        var fields: [UInt8] = []
        if view.appendHeaderFields(CachedFields(names), to: &fields) {
            let section = Section(kind: .headerFields(names)).content(of: message, table)
            precondition(section == .octets(fields))
        }
        precondition(UTF8Text.isValid(Array(view.preview)))
    }

    for path in [[], [1], [2], [1, 1], [2, 1]] {
        for kind in [Section.Kind.full, .header, .text, .mime] {
            guard let range = Section(path: path, kind: kind).range(in: table, messageSize: message.count) else { continue }
            precondition(range.lowerBound >= 0 && range.upperBound <= message.count)
        }
    }
    let text = MessageText(message, table)
    _ = text.textContains(SearchNeedle("zq".utf8))

    // The input as a field's body, and as a cache found on disk.
    for _ in AddressParser(octets) {}
    _ = MIMEValue.contentType(octets)?.parameters.map { $0.decodedValue() }
    _ = EncodedWord.decode(octets)
    _ = MessageDate(parsing: octets)
    _ = BaseSubject.extract(octets)
    _ = MessageIDs.all(in: octets, maximum: 8)
    if let view = MessageCache.View(message) {
        _ = view.body
        _ = view.references()
        _ = view.baseSubject()
        if let parts = view.parts {
            var out: [UInt8] = []
            BodyStructure.append(octets, parts, to: &out)
        }
    }
    return 0
}

private func assertWellFormed(_ wire: [UInt8]) {
    var depth = 0
    var isQuoted = false
    var isEscaped = false
    for byte in wire {
        precondition(byte < 0x80 && byte != 0 && byte != 0x0D && byte != 0x0A)
        if isEscaped {
            isEscaped = false
        } else if isQuoted, byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isQuoted.toggle()
        } else if !isQuoted {
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            precondition(depth >= 0)
        }
    }
    precondition(depth == 0 && !isQuoted)
}
