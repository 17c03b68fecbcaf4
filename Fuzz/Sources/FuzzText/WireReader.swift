import MailCore

/// Reads IMAP's lists strictly, to see whether what the server says is what the grammar allows.
indirect enum WireValue: Equatable {
    case list([WireValue])
    case string([UInt8])
    case word([UInt8])

    var isNIL: Bool { self == .word(Array("NIL".utf8)) }
    var isNString: Bool { if case .string = self { true } else { self.isNIL } }
    var isString: Bool { if case .string = self { true } else { false } }
    var number: Int? { if case .word(let text) = self { Int(String(decoding: text, as: UTF8.self)) } else { nil } }
    var values: [WireValue]? { if case .list(let values) = self { values } else { nil } }

    /// All of the octets as one value; `nil` when they are none.
    static func read(_ octets: [UInt8]) -> WireValue? {
        var rest = octets[...]
        guard let value = self.next(&rest, depth: 0), rest.isEmpty else { return nil }
        return value
    }

    private static func next(_ rest: inout ArraySlice<UInt8>, depth: Int) -> WireValue? {
        guard depth < 2000, let first = rest.first else { return nil }
        if first == UInt8(ascii: "\"") {
            rest = rest.dropFirst()
            var text: [UInt8] = []
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") { return .string(text) }
                if byte == UInt8(ascii: "\\") {
                    guard let next = rest.popFirst(), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else {
                        return nil
                    }
                    text.append(next)
                } else {
                    guard byte != 0, byte != 0x0D, byte != 0x0A, byte < 0x80 else { return nil }
                    text.append(byte)
                }
            }
            return nil
        }
        if first == UInt8(ascii: "(") {
            rest = rest.dropFirst()
            var values: [WireValue] = []
            while rest.first != UInt8(ascii: ")") {
                // Lists of lists need no space: addresses and bodies of a multipart.
                if rest.first == 0x20 {
                    guard !values.isEmpty else { return nil }
                    rest = rest.dropFirst()
                } else if let last = values.last, last.values == nil {
                    return nil
                }
                guard let value = self.next(&rest, depth: depth + 1) else { return nil }
                values.append(value)
            }
            rest = rest.dropFirst()
            return .list(values)
        }
        let word = rest.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "(") && $0 != UInt8(ascii: ")") }
        guard !word.isEmpty else { return nil }
        rest = rest[word.endIndex...]
        return .word(Array(word))
    }
}
