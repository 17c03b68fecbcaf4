import MIMECore
import MailCore

extension SieveExtension {
    /// RFC 5293.
    static let editHeader = SieveExtension(
        capability: "editheader",
        commands: [
            SieveDefinition(
                "addheader", capability: "editheader",
                Signature(
                    tags: [TagDefinition("last")],
                    positional: [
                        PositionalArgument("the header name", .string), PositionalArgument("the value", .string),
                    ])
            ) { compiler, arguments in
                guard let name = compiler.editedName(arguments.strings(0)),
                    let value = arguments.strings(1).first
                else { return }
                let text = compiler.text(value)
                if let octets = text.constant, octets.count > max(1024, compiler.limits.addedField) {
                    compiler.error(value.position, AddHeaderOperation.tooLong(octets, compiler.limits))
                }
                compiler.emit(AddHeaderOperation(name: name, value: text, isLast: arguments.has("last")))
            },
            SieveDefinition(
                "deleteheader", capability: "editheader",
                Signature(
                    tags: [TagDefinition("index", argument: .number), TagDefinition("last")],
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the header name", .string),
                        PositionalArgument("the value patterns", .stringList, isOptional: true),
                    ])
            ) { compiler, arguments in
                guard let name = compiler.editedName(arguments.strings(0)) else { return }
                var index: FieldSource.Index?
                if let number = arguments.tags[TagGroup(name: "index")]?.number {
                    index = FieldSource.Index(number: Int(clamping: number), fromLast: arguments.has("last"))
                } else if arguments.has("last") {
                    compiler.error(arguments.position, "the tag \":last\" needs \":index\" too")
                    return
                }
                var patterns: [SieveText]?
                if arguments.positional.count > 1 { patterns = compiler.texts(arguments.strings(1)) }
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(
                    DeleteHeaderOperation(name: name, index: index, patterns: patterns, matcher: matcher))
            },
        ])
}

extension ScriptCompiler {
    fileprivate mutating func editedName(_ literals: [StringLiteral]) -> SieveText? {
        guard let literal = literals.first else { return nil }
        let text = self.text(literal)
        if let octets = text.constant, !FieldName.isValid(octets) {
            self.error(literal.position, "\(quoted(octets)) is no name of a header")
            return nil
        }
        return text
    }
}

struct AddHeaderOperation: SieveOperation {
    let name: SieveText
    let value: SieveText
    let isLast: Bool

    static func tooLong(_ value: [UInt8], _ limits: SieveLimits) -> String {
        "the value of the header has \(value.count) octets; \(max(1024, limits.addedField)) are allowed"
    }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let name = try self.name.octets(&run)
        guard FieldName.isValid(name) else { throw run.error("\(quoted(name)) is no name of a header") }
        let value = try self.value.octets(&run)
        let settings = run.policy.editHeader
        if settings.forbiddenToAdd.contains(String(decoding: name.map(ASCII.lowercased), as: UTF8.self)) { return }
        guard value.count <= max(1024, run.limits.addedField) else {
            throw run.error(Self.tooLong(value, run.limits))
        }
        try run.spend(run.message.header.count)
        try run.edit(
            run.message.replacingHeader(
                HeaderEditing.adding(HeaderEditing.field(name, value), to: run.message, atEnd: self.isLast)))
    }
}

struct DeleteHeaderOperation: SieveOperation {
    let name: SieveText
    let index: FieldSource.Index?
    let patterns: [SieveText]?
    let matcher: any SieveMatcher

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let name = try self.name.octets(&run)
        guard FieldName.isValid(name) else { throw run.error("\(quoted(name)) is no name of a header") }
        let lower = String(decoding: name.map(ASCII.lowercased), as: UTF8.self)
        if lower == "received" || lower == "auto-submitted"
            || run.policy.editHeader.forbiddenToDelete.contains(lower)
        {
            return
        }
        let message = run.message
        try run.spend(message.header.count)
        var candidates = message.fields.filter { message.header[$0.name].equalsIgnoringCase(name) }
        if let index = self.index {
            guard index.number >= 1, index.number <= candidates.count else { return }
            candidates = [candidates[index.fromLast ? candidates.count - index.number : index.number - 1]]
        }
        if let patterns = self.patterns {
            var matching: [HeaderField] = []
            for field in candidates {
                let value = message.decoded(message.header[field.body][0..<run.limits.fieldSize])
                if try self.matcher.matches([value], patterns, &run) { matching.append(field) }
            }
            candidates = matching
        }
        guard !candidates.isEmpty else { return }
        var header: [UInt8] = []
        header.reserveCapacity(message.header.count)
        var place = 0
        for field in candidates {
            header.append(contentsOf: message.header[place..<field.range.lowerBound].buffer)
            place = field.range.upperBound
        }
        header.append(contentsOf: message.header[place..<message.header.count].buffer)
        try run.edit(message.replacingHeader(header))
    }
}

/// Header fields as scripts make them.
enum HeaderEditing {
    /// A whole field: encoded words where the value is not US-ASCII, folded at white space, CRLF at its end.
    static func field(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] {
        var plain: [UInt8] = []
        // Line ends and NUL have no place in a value; what was folded is one line again.
        for byte in value where byte != 0x0D && byte != 0 { plain.append(byte == 0x0A ? 0x20 : byte) }
        while plain.last == 0x20 || plain.last == 0x09 { plain.removeLast() }
        let start = plain.firstIndex { $0 != 0x20 && $0 != 0x09 } ?? plain.count
        return self.folded(name, EncodedWord.encode(Array(plain[start...])))
    }

    /// A whole field with this text, folded at white space.
    static func folded(_ name: [UInt8], _ text: [UInt8]) -> [UInt8] {
        var out = name + [UInt8(ascii: ":"), 0x20]
        var column = out.count
        for (index, word) in text.split(separator: 0x20, omittingEmptySubsequences: false).enumerated() {
            if index > 0 {
                if column + 1 + word.count > 78, !word.isEmpty {
                    out += [0x0D, 0x0A]
                    column = 0
                }
                out.append(0x20)
                column += 1
            }
            out += word
            column += word.count
        }
        return out + [0x0D, 0x0A]
    }

    /// The header of a message with one more field, as the first or as the last.
    static func adding(_ field: [UInt8], to message: SieveMessage, atEnd: Bool) -> [UInt8] {
        let header = Array(message.header.buffer)
        guard atEnd else { return field + header }
        // Before the empty line, where there is one.
        var end = header.count
        if header.suffix(2) == [0x0D, 0x0A], end == 2 || header[end - 3] == 0x0A {
            end -= 2
        } else if header.last == 0x0A, end == 1 || header[end - 2] == 0x0A {
            end -= 1
        }
        var before = Array(header[..<end])
        if let last = before.last, last != 0x0A { before += [0x0D, 0x0A] }
        return before + field + header[end...]
    }
}
