import MailCore

/// What `BODY[...]` asks for (RFC 9051 section 6.4.5, section-spec in section 9).
public struct Section: Hashable, Sendable {
    /// What of the part.
    public enum Kind: Hashable, Sendable {
        /// Nothing after the part numbers: the whole message, or a part's body.
        case full
        case header
        /// Field names in any case.
        case headerFields([[UInt8]])
        case headerFieldsNot([[UInt8]])
        case text
        /// A part's own MIME header; needs part numbers.
        case mime
    }

    /// Counted from 1; empty for the message itself.
    public var path: [Int]
    public var kind: Kind

    public init(path: [Int] = [], kind: Kind = .full) {
        self.path = path
        self.kind = kind
    }

    /// What a section is made of.
    public enum Content: Equatable, Sendable {
        /// These octets of the message.
        case range(Range<Int>)
        /// Selected header fields and an empty line.
        case octets([UInt8])

        public var count: Int {
            switch self {
            case .range(let range): range.count
            case .octets(let octets): octets.count
            }
        }

        /// `<offset.count>`: the octets of that range that exist; empty behind the end.
        public func partial(offset: Int, count: Int) -> Content {
            let start = Swift.max(0, Swift.min(offset, self.count))
            let length = Swift.max(0, Swift.min(count, self.count - start))
            switch self {
            case .range(let range):
                return .range(range.lowerBound + start..<range.lowerBound + start + length)
            case .octets(let octets): return .octets(Array(octets[start..<start + length]))
            }
        }
    }

    /// Finds the section by the part table alone. `nil` when there is no such part, or no such section of
    /// it; FETCH answers NIL then. For the header-field kinds it is the range of the header to select from.
    public func range(in table: PartTable, messageSize: Int) -> Range<Int>? {
        guard let target = Self.resolve(self.path, in: table) else { return nil }
        let part = table.parts[target]
        switch self.kind {
        case .full: return self.path.isEmpty ? 0..<messageSize : part.body
        case .mime: return self.path.isEmpty ? nil : part.header
        case .header, .headerFields, .headerFieldsNot, .text:
            // Of a message only: the one asked for, or one inside a message/rfc822.
            var message = part
            if !self.path.isEmpty {
                guard part.kind == .message, part.firstChild >= 0 else { return nil }
                message = table.parts[Int(part.firstChild)]
            }
            return self.kind == .text ? message.body : message.header
        }
    }

    /// Finds the section and selects header fields where it asks for some.
    public func content(of message: UnsafeRawBufferPointer, _ table: PartTable) -> Content? {
        guard let range = self.range(in: table, messageSize: message.count) else { return nil }
        switch self.kind {
        case .full, .header, .text, .mime: return .range(range)
        case .headerFields(let names):
            let names = FieldNames(names)
            return .octets(Self.select(Octets(message)[range]) { !$0.isEmpty && names.contains($0) })
        case .headerFieldsNot(let names):
            let names = FieldNames(names)
            return .octets(Self.select(Octets(message)[range]) { !names.contains($0) })
        }
    }

    /// Names of header fields, sorted: a client may name thousands, and a header have millions of fields.
    private struct FieldNames {
        private let names: [[UInt8]]

        init(_ names: [[UInt8]]) {
            self.names = names.map { $0.map(ASCII.lowercased) }.sorted { $0.lexicographicallyPrecedes($1) }
        }

        func contains(_ name: Octets) -> Bool {
            var low = 0
            var high = self.names.count
            while low < high {
                let middle = (low + high) / 2
                let order = Self.compare(self.names[middle], name)
                if order == 0 { return true }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return false
        }

        /// Negative when `known`, which is in lower case, comes first.
        private static func compare(_ known: [UInt8], _ name: Octets) -> Int {
            for (index, octet) in known.enumerated() {
                guard index < name.count else { return 1 }
                let other = ASCII.lowercased(name[index])
                if octet != other { return octet < other ? -1 : 1 }
            }
            return known.count - name.count
        }
    }

    /// The fields as they stand, in their order, and the empty line. It is left out only for a message that
    /// has neither body nor empty line (RFC 3501 section 7.4.2). A line that is no field has the empty name.
    private static func select(_ header: Octets, where isWanted: (Octets) -> Bool) -> [UInt8] {
        var out: [UInt8] = []
        var scanner = HeaderScanner(header)
        while let field = scanner.next() {
            if isWanted(header[field.name]) {
                out.append(contentsOf: header[field.range].buffer)
            }
        }
        if scanner.hasEmptyLine { out.append(contentsOf: [0x0D, 0x0A]) }
        return out
    }

    /// The part that a path of numbers means (RFC 9051 section 6.4.5): children of a multipart are counted
    /// from 1; a message that is no multipart has one part 1, its body; numbers after a message/rfc822 go
    /// on in the message inside.
    ///
    /// For an index beyond what exists, and numbers after a part that has none inside, `nil`.
    static func resolve(_ path: [Int], in table: PartTable) -> Int? {
        var current = 0
        // Whether `current` is a message whose parts come next, and not yet one of them.
        var isMessage = true
        for number in path {
            guard number >= 1 else { return nil }
            if !isMessage, table.parts[current].kind == .message, table.parts[current].firstChild >= 0 {
                current = Int(table.parts[current].firstChild)
                isMessage = true
            }
            if table.parts[current].kind == .multipart {
                var child = Int(table.parts[current].firstChild)
                var left = number - 1
                while left > 0, child >= 0 {
                    child = Int(table.parts[child].nextSibling)
                    left -= 1
                }
                guard child >= 0 else { return nil }
                current = child
            } else if !isMessage || number != 1 {
                return nil
            }
            isMessage = false
        }
        return current
    }
}
