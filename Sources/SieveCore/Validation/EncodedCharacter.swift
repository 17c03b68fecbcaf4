import MailCore

extension SieveExtension {
    /// RFC 5228 section 2.4.2.4. The compiler looks for it whenever it takes a string.
    static let encodedCharacter = SieveExtension(capability: "encoded-character")
}

/// Replaces `${hex:...}` and `${unicode:...}` in strings (RFC 5228 section 2.4.2.4).
enum EncodedCharacter {
    struct Problem: Error { var text: String }

    /// What is not well-formed stays as it is; a character number that does not exist is an error. Linear: a
    /// sequence that fails is looked at again only from behind its `${`, and holds no other.
    static func decode(_ text: [UInt8]) -> Result<[UInt8], Problem> {
        guard text.contains(UInt8(ascii: "$")) else { return .success(text) }
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "$"), index + 1 < text.count, text[index + 1] == UInt8(ascii: "{") {
                let start = index + 2
                var sequence: (values: [UInt32], end: Int)?
                var isUnicode = false
                if let digits = self.after("hex:", text, start) {
                    sequence = self.values(text, digits, maximumDigits: 2)
                } else if let digits = self.after("unicode:", text, start) {
                    sequence = self.values(text, digits, maximumDigits: .max)
                    isUnicode = true
                }
                if let sequence {
                    for value in sequence.values {
                        if !isUnicode {
                            out.append(UInt8(truncatingIfNeeded: value))
                        } else if let scalar = Unicode.Scalar(value) {
                            out.append(contentsOf: String(Character(scalar)).utf8)
                        } else {
                            return .failure(
                                Problem(
                                    text:
                                        "there is no Unicode character \(String(value, radix: 16, uppercase: true))"
                                ))
                        }
                    }
                    index = sequence.end
                    continue
                }
            }
            out.append(text[index])
            index += 1
        }
        return .success(out)
    }

    /// The index behind `word` if it stands at `index` in any case.
    private static func after(_ word: StaticString, _ text: [UInt8], _ index: Int) -> Int? {
        let count = word.utf8CodeUnitCount
        guard index + count <= text.count else { return nil }
        for offset in 0..<count where ASCII.lowercased(text[index + offset]) != word.utf8Start[offset] {
            return nil
        }
        return index + count
    }

    /// Hexadecimal numbers up to the closing brace; `end` is behind it. `nil`: not well-formed.
    private static func values(
        _ text: [UInt8], _ start: Int, maximumDigits: Int
    ) -> (values: [UInt32], end: Int)? {
        var values: [UInt32] = []
        var index = start
        while index < text.count {
            switch text[index] {
            case 0x20, 0x09, 0x0D, 0x0A:
                index += 1
            case UInt8(ascii: "}"):
                return values.isEmpty ? nil : (values, index + 1)
            default:
                var value: UInt32 = 0
                var digits = 0
                while index < text.count, let digit = ASCII.hexValue(text[index]) {
                    // Saturated beyond any character; the number of digits is free.
                    value = value > 0x0FFF_FFFF ? .max : value << 4 | UInt32(digit)
                    digits += 1
                    index += 1
                }
                guard digits > 0, digits <= maximumDigits else { return nil }
                values.append(value)
            }
        }
        return nil
    }
}
