import MailCore

/// BODYSTRUCTURE and BODY in wire form (RFC 9051 section 7.5.2).
///
/// Type, subtype and encoding are as the message spells them. Defaults are written in lower case and
/// `charset=us-ascii` is shown for text without one, both as in Dovecot.
public enum BodyStructure {
    /// Appends BODYSTRUCTURE, with extension data.
    public static func append(
        _ message: Octets, _ table: PartTable, charset: WireCharset = .ascii, to out: inout [UInt8]
    ) {
        var encoder = Encoder(message: message, table: table, charset: charset)
        encoder.append(0, to: &out)
    }

    /// Appends BODYSTRUCTURE of one part, by its numbers; NIL when the message has no such part.
    public static func append(
        _ path: [Int], of message: Octets, _ table: PartTable, charset: WireCharset = .ascii, to out: inout [UInt8]
    ) {
        guard let part = Section.resolve(path, in: table) else { return out.append("NIL") }
        var encoder = Encoder(message: message, table: table, charset: charset)
        encoder.append(part, to: &out)
    }

    /// Appends BODY, without extension data.
    public static func appendBody(
        _ message: Octets, _ table: PartTable, charset: WireCharset = .ascii, to out: inout [UInt8]
    ) {
        var full: [UInt8] = []
        let extensions = self.appendMarked(message, table, charset: charset, to: &full)
        self.appendWithout(extensions, full, to: &out)
    }

    /// Appends BODYSTRUCTURE and answers where in `out` its extension data are, in ascending order: without
    /// these octets it is BODY.
    static func appendMarked(
        _ message: Octets, _ table: PartTable, charset: WireCharset, to out: inout [UInt8]
    ) -> [Range<Int>] {
        var encoder = Encoder(message: message, table: table, charset: charset)
        encoder.append(0, to: &out)
        return encoder.extensions
    }

    static func appendWithout(_ extensions: [Range<Int>], _ full: [UInt8], to out: inout [UInt8]) {
        var position = 0
        for range in extensions where range.lowerBound >= position && range.upperBound <= full.count {
            out.append(contentsOf: full[position..<range.lowerBound])
            position = range.upperBound
        }
        out.append(contentsOf: full[position...])
    }

    private struct Encoder {
        let message: Octets
        let table: PartTable
        let charset: WireCharset
        var extensions: [Range<Int>] = []

        /// Recursion is as deep as parts are nested, which `PartTable.Limits` bounds to 250.
        mutating func append(_ index: Int, to out: inout [UInt8]) {
            let part = self.table.parts[index]
            let fields = ContentFields(shownFor: part, in: self.table, of: self.message)
            let type = fields.type.flatMap(MIMEValue.contentType)
            out.append(UInt8(ascii: "("))
            if part.kind == .multipart {
                self.appendMultipart(part, type: type, fields: fields, to: &out)
            } else {
                self.appendSingle(part, type: type, fields: fields, to: &out)
            }
            out.append(UInt8(ascii: ")"))
        }

        private mutating func appendMultipart(
            _ part: Part, type: MIMEValue?, fields: ContentFields, to out: inout [UInt8]
        ) {
            var child = Int(part.firstChild)
            if child < 0 {
                // The grammar wants at least one part.
                out.append("(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0")
                let start = out.count
                out.append(" NIL NIL NIL NIL")
                self.extensions.append(start..<out.count)
                out.append(UInt8(ascii: ")"))
            }
            while child >= 0 {
                self.append(child, to: &out)
                child = Int(self.table.parts[child].nextSibling)
            }
            out.append(0x20)
            WireString.append(type?.subtype ?? Array("x-unknown".utf8), charset: self.charset, to: &out)
            let start = out.count
            out.append(0x20)
            self.appendParameters(type?.parameters ?? [], to: &out)
            self.appendTrailer(fields, to: &out)
            self.extensions.append(start..<out.count)
        }

        private mutating func appendSingle(
            _ part: Part, type: MIMEValue?, fields: ContentFields, to out: inout [UInt8]
        ) {
            switch part.kind {
            case .message:
                // To clients that did not ask for UTF-8 a message/global is shown as the message/rfc822 it is turned
                // into for them.
                let isGlobal = self.charset == .utf8 && type?.isGlobalMessage == true
                out.append(isGlobal ? "\"message\" \"global\" " : "\"message\" \"rfc822\" ")
                self.appendParameters(type?.parameters ?? [], to: &out)
            case .opaque: out.append("\"application\" \"octet-stream\" NIL")
            case .text: self.appendTextType(type, to: &out)
            case .basic, .multipart:
                WireString.append(type?.value ?? Array("application".utf8), charset: self.charset, to: &out)
                out.append(0x20)
                WireString.append(type?.subtype ?? Array("unknown".utf8), charset: self.charset, to: &out)
                out.append(0x20)
                self.appendParameters(type?.parameters ?? [], to: &out)
            }
            out.append(0x20)
            self.appendText(fields.id, to: &out)
            out.append(0x20)
            self.appendText(fields.description, to: &out)
            out.append(0x20)
            self.appendEncoding(fields.transferEncoding, to: &out)
            out.append(0x20)
            out.appendDecimal(UInt64(part.body.count))
            if part.kind == .message, part.firstChild >= 0 {
                let child = Int(part.firstChild)
                out.append(0x20)
                Envelope.append(
                    self.message[self.table.parts[child].header], charset: self.charset, to: &out)
                out.append(0x20)
                self.append(child, to: &out)
            }
            if part.kind == .text || part.kind == .message {
                out.append(0x20)
                out.appendDecimal(UInt64(Swift.max(0, part.lineCount)))
            }
            let start = out.count
            out.append(0x20)
            self.appendText(fields.md5, to: &out)
            self.appendTrailer(fields, to: &out)
            self.extensions.append(start..<out.count)
        }

        /// Disposition, language, location.
        private func appendTrailer(_ fields: ContentFields, to out: inout [UInt8]) {
            out.append(0x20)
            if let disposition = fields.disposition.flatMap(MIMEValue.disposition) {
                out.append(UInt8(ascii: "("))
                WireString.append(disposition.value, charset: self.charset, to: &out)
                out.append(0x20)
                self.appendParameters(disposition.parameters, to: &out)
                out.append(UInt8(ascii: ")"))
            } else {
                WireString.appendNIL(to: &out)
            }
            out.append(0x20)
            self.appendLanguages(fields.language, to: &out)
            out.append(0x20)
            self.appendText(fields.location, to: &out)
        }

        private func appendTextType(_ type: MIMEValue?, to out: inout [UInt8]) {
            guard let type, ASCII.equalsIgnoringCase(type.value, "text".utf8) else {
                out.append("\"text\" \"plain\" (\"charset\" \"us-ascii\")")
                return
            }
            WireString.append(type.value, charset: self.charset, to: &out)
            out.append(0x20)
            WireString.append(type.subtype ?? Array("plain".utf8), charset: self.charset, to: &out)
            out.append(0x20)
            var parameters = type.parameters
            if type.parameter("charset") == nil {
                parameters.append(
                    MIMEParameter(
                        name: Array("charset".utf8), value: Array("us-ascii".utf8), isExtended: false))
            }
            self.appendParameters(parameters, to: &out)
        }

        private func appendParameters(_ parameters: [MIMEParameter], to out: inout [UInt8]) {
            guard !parameters.isEmpty else {
                WireString.appendNIL(to: &out)
                return
            }
            for (index, parameter) in parameters.enumerated() {
                out.append(index == 0 ? 0x28 : 0x20)
                let name = parameter.isExtended ? parameter.name + [UInt8(ascii: "*")] : parameter.name
                WireString.append(name, charset: self.charset, to: &out)
                out.append(0x20)
                // RFC 9051 section 7.5.2 wants extended values decoded.
                let isDecoded = self.charset == .utf8 && parameter.isExtended
                WireString.append(
                    isDecoded ? parameter.decodedValue() : parameter.value, charset: self.charset, to: &out)
            }
            out.append(UInt8(ascii: ")"))
        }

        private func appendText(_ body: Octets?, to out: inout [UInt8]) {
            guard let body else {
                WireString.appendNIL(to: &out)
                return
            }
            var text: [UInt8] = []
            HeaderBody.appendUnfolded(body[0..<MIMEValue.maximumOctets], to: &text)
            WireString.append(text, charset: self.charset, to: &out)
        }

        private func appendEncoding(_ body: Octets?, to out: inout [UInt8]) {
            if let token = body.flatMap({ TransferEncoding.mechanism(of: $0[0..<MIMEValue.maximumOctets]) }) {
                WireString.append(Array(token.buffer), charset: self.charset, to: &out)
            } else {
                out.append("\"7bit\"")
            }
        }

        /// A list of language tags (RFC 3282), or NIL.
        private func appendLanguages(_ body: Octets?, to out: inout [UInt8]) {
            var written = 0
            if let body {
                var lexer = FieldLexer(body[0..<MIMEValue.maximumOctets])
                lexer.skipCommentsAndSpace()
                while written < MIMEValue.maximumParameters, let token = lexer.readToken() {
                    out.append(written == 0 ? 0x28 : 0x20)
                    WireString.append(Array(token.buffer), charset: self.charset, to: &out)
                    written += 1
                    lexer.skipCommentsAndSpace()
                    guard lexer.peek == UInt8(ascii: ",") else { break }
                    lexer.position += 1
                    lexer.skipCommentsAndSpace()
                }
            }
            if written == 0 { WireString.appendNIL(to: &out) } else { out.append(UInt8(ascii: ")")) }
        }
    }
}
