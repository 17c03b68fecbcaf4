/// Matches a line against a transcript's pattern, binding names.
struct Pattern {
    private enum Piece {
        case literal([UInt8])
        case any
        case name(String)
    }

    private let pieces: [Piece]

    init(_ text: String) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var characters = Array(text.utf8)[...]
        func isNamePart(_ byte: UInt8) -> Bool {
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10
        }
        while let byte = characters.popFirst() {
            switch byte {
            case UInt8(ascii: "\\"):
                if let next = characters.first, next == UInt8(ascii: "*") || next == UInt8(ascii: "$") {
                    literal.append(next)
                    characters.removeFirst()
                } else {
                    literal.append(byte)
                }
            case UInt8(ascii: "*"):
                // The star of an untagged response stands at the front, before a blank.
                if pieces.isEmpty, literal.isEmpty, characters.first == 0x20 {
                    literal.append(byte)
                } else {
                    if !literal.isEmpty { pieces.append(.literal(literal)) }
                    literal = []
                    pieces.append(.any)
                }
            case UInt8(ascii: "$") where characters.first.map(isNamePart) == true:
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                let name = characters.prefix(while: isNamePart)
                characters = characters.dropFirst(name.count)
                pieces.append(.name(String(decoding: name, as: UTF8.self)))
            default:
                literal.append(byte)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        self.pieces = pieces
    }

    /// Whether the whole line matches; names are bound in `names` only when it does.
    func matches(_ line: [UInt8], _ names: inout [String: String]) -> Bool {
        var bound = names
        guard Self.match(self.pieces[...], line[...], &bound) else { return false }
        names = bound
        return true
    }

    private static func match(
        _ pieces: ArraySlice<Piece>, _ text: ArraySlice<UInt8>, _ names: inout [String: String]
    ) -> Bool {
        guard let piece = pieces.first else { return text.isEmpty }
        let rest = pieces.dropFirst()
        switch piece {
        case .literal(let expected):
            guard text.starts(with: expected) else { return false }
            return self.match(rest, text.dropFirst(expected.count), &names)
        case .any:
            for length in 0...text.count {
                var trial = names
                if self.match(rest, text.dropFirst(length), &trial) {
                    names = trial
                    return true
                }
            }
            return false
        case .name(let name):
            if let known = names[name] {
                guard text.starts(with: Array(known.utf8)) else { return false }
                return self.match(rest, text.dropFirst(known.utf8.count), &names)
            }
            let run = text.prefix { $0 != 0x20 && $0 != UInt8(ascii: ")") && $0 != UInt8(ascii: "]") }
            guard !run.isEmpty else { return false }
            for length in stride(from: run.count, to: 0, by: -1) {
                var trial = names
                trial[name] = String(decoding: text.prefix(length), as: UTF8.self)
                if self.match(rest, text.dropFirst(length), &trial) {
                    names = trial
                    return true
                }
            }
            return false
        }
    }
}
