/// A string argument in compiled form: fixed octets, or pieces that a run joins (RFC 5229 section 3).
struct SieveText: Sendable {
    enum Piece: Sendable {
        case octets([UInt8])
        case variable(SieveVariable)
    }

    private let pieces: [Piece]

    init(_ octets: [UInt8]) { self.pieces = [.octets(octets)] }

    /// A text with a mistake that was told already, of which nothing more is to be said.
    static let unknown = SieveText([.octets([]), .octets([])])

    /// Octets and variables in their order.
    init(_ pieces: [Piece]) { self.pieces = pieces }

    /// The whole text where it holds no variable (a constant string in the words of RFC 5229).
    var constant: [UInt8]? {
        guard self.pieces.count <= 1 else { return nil }
        guard let first = self.pieces.first else { return [] }
        guard case .octets(let octets) = first else { return nil }
        return octets
    }

    /// The text as it is now.
    func octets(_ run: inout SieveRun) throws(SieveRuntimeError) -> [UInt8] {
        if let constant = self.constant { return constant }
        var text: [UInt8] = []
        for piece in self.pieces {
            switch piece {
            case .octets(let octets): text += octets
            case .variable(let variable): text += run.value(of: variable)
            }
            if text.count > run.limits.stringSize {
                throw run.error("a string grew over \(run.limits.stringSize) octets")
            }
        }
        try run.spend(text.count)
        return text
    }
}

extension [SieveText] {
    func octets(_ run: inout SieveRun) throws(SieveRuntimeError) -> [[UInt8]] {
        var list: [[UInt8]] = []
        list.reserveCapacity(self.count)
        for text in self { list.append(try text.octets(&run)) }
        return list
    }
}

/// Names of header fields.
enum FieldName {
    /// Whether it may be the name of a header field: printable US-ASCII without colon (RFC 5322 section 2.2).
    static func isValid(_ name: [UInt8]) -> Bool {
        !name.isEmpty && name.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }
}
