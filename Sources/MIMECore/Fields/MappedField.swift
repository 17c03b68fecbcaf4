/// What a header field says, in one pass for the usual field: US-ASCII without encoded words.
enum MappedField {
    /// Whether letters are mapped by i;unicode-casemap, as searches compare them.
    enum Letters { case mapped, asTheyAre }

    /// Appends the body decoded to UTF-8 and mapped, each run of white space as one space, as far as fields are looked at.
    static func append(_ body: Octets, converter: CharsetConverter, to out: inout [UInt8]) {
        let bounded = body[0..<MessageText.maximumField]
        if self.appendPlain(bounded, .mapped, to: &out) { return }
        UnicodeCasemap.append(MessageText.text(ofField: bounded, converter: converter), to: &out)
    }

    /// Appends what decoding and collapsing makes of a body that needs little of either. `false`, with nothing appended,
    /// for another one.
    static func appendPlain(_ body: Octets, _ letters: Letters, to out: inout [UInt8]) -> Bool {
        let start = out.count
        let source = body.buffer
        let first: UInt8 = letters == .mapped ? 0x61 : 0xFF
        var isPlain = true
        // Not more than the body has: a space stands for one white space at least.
        out.append(contentsOf: repeatElement(0, count: source.count))
        var count = start
        out.withUnsafeMutableBufferPointer { out in
            var hasBlank = false
            var previous: UInt8 = 0
            for byte in source {
                if byte > 0x20, byte < 0x80 {
                    if byte == UInt8(ascii: "?"), previous == UInt8(ascii: "=") {
                        isPlain = false
                        return
                    }
                    if hasBlank {
                        hasBlank = false
                        if count > start {
                            out[count] = 0x20
                            count += 1
                        }
                    }
                    out[count] = byte &- first < 26 ? byte & 0xDF : byte
                    count += 1
                } else if byte == 0x20 || byte == 0x09 {
                    hasBlank = true
                } else if byte != 0x0D, byte != 0x0A {
                    // A fold is white space because of the blank behind the line end.
                    isPlain = false
                    return
                }
                previous = byte
            }
        }
        out.removeLast(out.count - (isPlain ? count : start))
        return isPlain
    }
}
