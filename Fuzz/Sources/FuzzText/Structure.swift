@testable import MIMECore
import MailCore

/// ENVELOPE and BODYSTRUCTURE of any octets: the grammar of RFC 9051 section 9, and the parts that the message has.
func fuzzStructure(_ input: FuzzInput) {
    let message = input.octets
    message.withUnsafeBytes { bytes in
        let octets = Octets(bytes)
        let table = PartTable(bytes)
        var wire: [UInt8] = []
        Envelope.append(octets[table.root.header], to: &wire)
        guard let envelope = WireValue.read(wire) else { fail("no list: \(text(wire))") }
        checkEnvelope(envelope)

        for isExtended in [true, false] {
            wire = []
            if isExtended {
                BodyStructure.append(octets, table, to: &wire)
            } else {
                BodyStructure.appendBody(octets, table, to: &wire)
            }
            guard let body = WireValue.read(wire) else { fail("no list: \(text(wire))") }
            checkBody(body, 0, table, isExtended: isExtended)
        }

        var encoded: [UInt8] = []
        table.encode(into: &encoded)
        encoded.withUnsafeBytes { stored in
            var reader = ByteReader(stored)
            need(PartTable(from: &reader, messageSize: bytes.count) == table)
        }
        // And any octets as a stored table.
        var reader = ByteReader(bytes)
        if let read = PartTable(from: &reader, messageSize: 4096) {
            for part in read.parts { need(part.headerStart <= 4096 && part.bodyEnd <= 4096) }
        }
    }
}

private func text(_ wire: [UInt8]) -> String { String(decoding: wire, as: UTF8.self) }

private func checkEnvelope(_ value: WireValue) {
    guard let fields = value.values else { fail("an envelope is a list") }
    need(fields.count == 10, "an envelope has ten fields")
    for index in [0, 1, 8, 9] { need(fields[index].isNString) }
    for index in 2...7 where !fields[index].isNIL {
        guard let addresses = fields[index].values, !addresses.isEmpty else { fail("addresses") }
        need(addresses.count <= Envelope.maximumAddresses)
        for address in addresses {
            guard let parts = address.values else { fail("an address is a list") }
            need(parts.count == 4 && parts.allSatisfy(\.isNString))
        }
    }
}

private func checkBody(_ value: WireValue, _ index: Int, _ table: PartTable, isExtended: Bool) {
    guard let fields = value.values, let first = fields.first else { fail("a body is a list") }
    let part = table.parts[index]
    if first.values != nil {
        need(part.kind == .multipart)
        let bodies = fields.prefix { $0.values != nil }
        let children = table.children(of: index)
        need(max(1, children.count) == bodies.count, "a body for each part")
        for (child, body) in zip(children, bodies) { checkBody(body, child, table, isExtended: isExtended) }
        let rest = Array(fields[bodies.count...])
        need(rest[0].isString && rest.count == (isExtended ? 5 : 1))
        if isExtended { checkExtension(Array(rest[1...])) }
        return
    }
    need(fields.count >= 7 && fields[0].isString && fields[1].isString)
    checkParameters(fields[2])
    need(fields[3].isNString && fields[4].isNString && fields[5].isString)
    need(fields[6].number == part.body.count, "the size of a body")
    var next = 7
    switch part.kind {
    case .text:
        need(fields[7].number != nil)
        next = 8
    case .message:
        checkEnvelope(fields[7])
        let children = table.children(of: index)
        if let child = children.first { checkBody(fields[8], child, table, isExtended: isExtended) }
        need(fields[9].number != nil)
        next = 10
    case .basic, .opaque, .multipart: break
    }
    let rest = Array(fields[next...])
    need(rest.count == (isExtended ? 4 : 0), "extension data")
    if isExtended {
        need(rest[0].isNString)
        checkExtension([.word(Array("NIL".utf8))] + rest[1...])
    }
}

/// Parameters, disposition, language, location.
private func checkExtension(_ fields: [WireValue]) {
    checkParameters(fields[0])
    if !fields[1].isNIL {
        guard let disposition = fields[1].values, disposition.count == 2 else { fail("a disposition") }
        need(disposition[0].isString)
        checkParameters(disposition[1])
    }
    if let languages = fields[2].values {
        need(!languages.isEmpty && languages.allSatisfy(\.isString))
    } else {
        need(fields[2].isNString)
    }
    need(fields[3].isNString)
}

private func checkParameters(_ value: WireValue) {
    guard !value.isNIL else { return }
    guard let words = value.values else { fail("parameters are a list") }
    need(!words.isEmpty && words.count % 2 == 0 && words.allSatisfy(\.isString))
}
