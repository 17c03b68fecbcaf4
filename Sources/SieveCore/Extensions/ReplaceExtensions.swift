import MIMECore
import MailCore

extension SieveExtension {
    /// RFC 5703 section 5.
    static let replace = SieveExtension(
        capability: "replace",
        commands: [
            SieveDefinition(
                "replace", capability: "replace",
                Signature(
                    tags: [
                        TagDefinition("mime"), TagDefinition("subject", argument: .string),
                        TagDefinition("from", argument: .string),
                    ], positional: [PositionalArgument("the replacement", .string)])
            ) { compiler, arguments in
                guard let literal = arguments.strings(0).first else { return }
                compiler.emit(
                    ReplaceOperation(
                        text: compiler.text(literal), isMIME: arguments.has("mime"),
                        subject: arguments.string("subject").map { compiler.text($0) },
                        from: arguments.string("from").map { compiler.text($0) }))
            }
        ])

    /// RFC 5703 section 6.
    static let enclose = SieveExtension(
        capability: "enclose",
        commands: [
            SieveDefinition(
                "enclose", capability: "enclose",
                Signature(
                    tags: [
                        TagDefinition("subject", argument: .string), TagDefinition("headers", argument: .stringList),
                    ], positional: [PositionalArgument("the text", .string)])
            ) { compiler, arguments in
                guard let literal = arguments.strings(0).first else { return }
                compiler.emit(
                    EncloseOperation(
                        text: compiler.text(literal),
                        subject: arguments.string("subject").map { compiler.text($0) },
                        headers: compiler.texts(arguments.tags[TagGroup(name: "headers")]?.strings ?? [])))
            }
        ])
}

/// Puts other content in the place of the part that is walked over, or of the whole message.
struct ReplaceOperation: SieveOperation {
    let text: SieveText
    let isMIME: Bool
    let subject: SieveText?
    let from: SieveText?

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let text = try self.text.octets(&run)
        let entity = self.isMIME ? ComposedText.entity(ofMIME: text) : ComposedText.entity(ofPlain: text)
        if let walk = run.walks.last, walk.part != 0 {
            let part = walk.view.table.parts[walk.part]
            // Other fields of the part's header go with its content.
            var whole = Array(walk.view.octets[0..<part.headerStart].buffer)
            whole += entity
            whole.append(contentsOf: walk.view.octets[part.bodyEnd..<walk.view.octets.count].buffer)
            try run.spend(whole.count)
            try run.edit(run.message.replacing(whole))
            return
        }
        var header: [UInt8] = []
        let message = run.message
        let subject = try self.subject?.octets(&run)
        let from = try self.from?.octets(&run)
        for field in message.fields {
            let name = message.header[field.name]
            if name.count > 8, name[0..<8].equals(lowercase: "content-") { continue }
            if name.equals(lowercase: "mime-version") { continue }
            // What goes away for another is kept under another name (RFC 5703 section 5).
            let isReplaced =
                (subject != nil && name.equals(lowercase: "subject")) || (from != nil && name.equals(lowercase: "from"))
            if isReplaced { header += Array("Original-".utf8) }
            header.append(contentsOf: message.header[field.range].buffer)
            if header.last != 0x0A { header += [0x0D, 0x0A] }
        }
        if let subject { header += HeaderEditing.field(Array("Subject".utf8), subject) }
        if let from { header += HeaderEditing.field(Array("From".utf8), from) }
        header += HeaderEditing.field(Array("MIME-Version".utf8), Array("1.0".utf8))
        try run.spend(header.count + entity.count)
        try run.edit(message.replacing(header + entity))
    }
}

/// Makes the message an attachment of a new one.
struct EncloseOperation: SieveOperation {
    let text: SieveText
    let subject: SieveText?
    let headers: [SieveText]

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let text = try self.text.octets(&run)
        let message = run.message
        let whole = message.wholeOctets
        try run.spend(whole.count)
        let subject = try self.subject?.octets(&run)
        var header: [UInt8] = []
        for name in ["from", "to", "cc", "date", "message-id"] {
            for field in message.fields where message.header[field.name].equalsIgnoringCase(Array(name.utf8)) {
                header.append(contentsOf: message.header[field.range].buffer)
                if header.last != 0x0A { header += [0x0D, 0x0A] }
            }
        }
        if let subject {
            header += HeaderEditing.field(Array("Subject".utf8), subject)
        } else if let old = message.value("subject") {
            header += HeaderEditing.field(Array("Subject".utf8), old)
        }
        for line in try self.headers.octets(&run) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), FieldName.isValid(Array(line[..<colon])) else {
                throw run.error("\(quoted(line)) is no header field")
            }
            header += HeaderEditing.field(Array(line[..<colon]), Array(line[(colon + 1)...]))
        }
        let boundary = ComposedText.boundary(notIn: [text, whole])
        header += HeaderEditing.field(Array("MIME-Version".utf8), Array("1.0".utf8))
        header += Array("Content-Type: multipart/mixed; boundary=\"".utf8) + boundary + Array("\"\r\n\r\n".utf8)
        let line = Array("--".utf8) + boundary
        var out = header + line + Array("\r\n".utf8) + ComposedText.entity(ofPlain: text)
        out += Array("\r\n".utf8) + line + Array("\r\nContent-Type: message/rfc822\r\n\r\n".utf8) + whole
        out += Array("\r\n".utf8) + line + Array("--\r\n".utf8)
        try run.edit(message.replacing(out))
    }
}

/// Content that scripts give.
enum ComposedText {
    /// A text/plain entity.
    static func entity(ofPlain text: [UInt8]) -> [UInt8] {
        Array("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".utf8) + text
    }

    /// An entity whose header the script has written.
    static func entity(ofMIME text: [UInt8]) -> [UInt8] { text }

    /// A boundary that stands in none of the texts. The same texts give the same one.
    static func boundary(notIn texts: [[UInt8]]) -> [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for text in texts { for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
        while true {
            let boundary = Array("=_martlet_\(String(hash, radix: 16))".utf8)
            let isFree = texts.allSatisfy { text in
                text.withUnsafeBytes { !Self.contains(Octets($0), boundary) }
            }
            if isFree { return boundary }
            hash = hash &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        }
    }

    private static func contains(_ text: Octets, _ word: [UInt8]) -> Bool {
        var start = 0
        while let place = text.index(of: UInt8(ascii: "="), from: start) {
            if text.hasPrefix(word, at: place) { return true }
            start = place + 1
        }
        return false
    }
}
