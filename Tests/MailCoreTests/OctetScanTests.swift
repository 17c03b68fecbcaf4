import MailCore
import Testing

/// Each scan against one octet at a time, with what is looked for at all places of texts of all small lengths.
struct OctetScanTests {
    private static let lengths = Array(0...80) + [127, 128, 129, 200]

    @Test(arguments: lengths)
    func firstIndexIsThatOfOneOctetAtATime(_ length: Int) {
        for place in 0..<max(1, length) {
            // Neighbours of what is looked for, and twins of it behind.
            var text = (0..<length).map { [0x0B, 0x09, 0x8A, 0x00][$0 % 4] as UInt8 }
            for index in text.indices where index >= place { text[index] = index % 3 == place % 3 ? 0x0A : text[index] }
            text.withUnsafeBytes { bytes in
                for start in [0, place, place + 1, length, length + 1, -1] {
                    let wanted = bytes.indices.first { $0 >= start && bytes[$0] == 0x0A }
                    #expect(bytes.firstIndex(of: 0x0A, from: start) == wanted)
                }
            }
        }
    }

    @Test(arguments: lengths)
    func endOfASCIIIsThatOfOneOctetAtATime(_ length: Int) {
        for place in 0...length {
            var text = [UInt8](repeating: 0x7F, count: length)
            if place < length { text[place] = 0x80 }
            text.withUnsafeBytes { bytes in
                for start in [0, place, min(length, place + 1)] {
                    let wanted = bytes.indices.first { $0 >= start && bytes[$0] >= 0x80 } ?? length
                    #expect(bytes.endOfASCII(from: start) == wanted)
                }
            }
        }
        [UInt8](repeating: 0x7F, count: length).withUnsafeBytes { bytes in
            #expect(bytes.endOfASCII(from: length + 9) == length)
        }
    }

    @Test(arguments: lengths)
    func firstDottedLineIsThatOfOneOctetAtATime(_ length: Int) {
        for place in 0..<max(1, length) {
            var text = [UInt8](repeating: 0x0A, count: length)
            for index in text.indices where index % 2 == 0 { text[index] = 0x2D }
            if place + 1 < length { text[place...place + 1] = [0x0A, 0x2E] }
            text.withUnsafeBytes { bytes in
                for start in [0, place, place + 1, length] {
                    let wanted = bytes.indices.dropLast().first {
                        $0 >= start && bytes[$0] == 0x0A && bytes[$0 + 1] == 0x2E
                    }
                    #expect(bytes.firstDottedLine(from: start) == wanted)
                }
            }
        }
    }
}
