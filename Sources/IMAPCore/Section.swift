public import MIMECore
import MailCore

extension Section {
    /// Appends the section between its brackets, as a FETCH response repeats it.
    public func encode(into out: inout [UInt8]) {
        for (index, number) in self.path.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ".")) }
            out.appendDecimal(UInt64(clamping: number))
        }
        func word(_ text: StaticString) {
            if !self.path.isEmpty { out.append(UInt8(ascii: ".")) }
            out.append(text)
        }
        func fields(_ names: [[UInt8]]) {
            out.append(" (")
            for (index, name) in names.enumerated() {
                if index > 0 { out.append(0x20) }
                out.appendAString(name)
            }
            out.append(")")
        }
        switch self.kind {
        case .full: break
        case .header: word("HEADER")
        case .headerFields(let names):
            word("HEADER.FIELDS")
            fields(names)
        case .headerFieldsNot(let names):
            word("HEADER.FIELDS.NOT")
            fields(names)
        case .text: word("TEXT")
        case .mime: word("MIME")
        }
    }
}

extension Cursor {
    /// section: with its brackets.
    mutating func section() throws(SyntaxError) -> Section {
        guard self.take(UInt8(ascii: "[")) else { throw self.fail("\"[\"") }
        var section = Section()
        while let byte = self.peek(), ASCII.isDigit(byte) {
            if section.path.count == self.limits.nesting { throw self.tooComplex("Nested too deeply") }
            let start = self.position
            let number = try self.number()
            guard number > 0 else { throw SyntaxError(offset: start, expected: "a part number over 0") }
            section.path.append(Int(number))
            if self.take(UInt8(ascii: "]")) { return section }
            guard self.take(UInt8(ascii: ".")) else { throw self.fail("\".\" or \"]\"") }
        }
        if section.path.isEmpty, self.take(UInt8(ascii: "]")) { return section }
        section.kind = try self.sectionKind(hasPart: !section.path.isEmpty)
        guard self.take(UInt8(ascii: "]")) else { throw self.fail("\"]\"") }
        return section
    }

    private mutating func sectionKind(hasPart: Bool) throws(SyntaxError) -> Section.Kind {
        let word = self.word()
        switch self.initial(word) {
        case UInt8(ascii: "H"):
            if self.matches(word, "HEADER") { return .header }
            if self.matches(word, "HEADER.FIELDS") { return .headerFields(try self.headerList()) }
            if self.matches(word, "HEADER.FIELDS.NOT") { return .headerFieldsNot(try self.headerList()) }
        case UInt8(ascii: "T") where self.matches(word, "TEXT"): return .text
        case UInt8(ascii: "M") where hasPart && self.matches(word, "MIME"): return .mime
        default: break
        }
        throw self.unexpected(
            word, hasPart ? "a part number, HEADER, TEXT or MIME" : "a part number, HEADER or TEXT")
    }

    private mutating func headerList() throws(SyntaxError) -> [[UInt8]] {
        try self.space()
        try self.open()
        var names: [[UInt8]] = []
        repeat {
            if names.count == self.limits.listLength { throw self.tooComplex("Too many header fields") }
            names.append(try self.astring("a header field name"))
        } while self.take(0x20)
        try self.close()
        return names
    }
}
