import Testing

@testable import MaildirFormat

@Suite struct LineEndsTests {
    struct Case: Sendable {
        var wire: String
        var disk: String
    }

    static let cases = [
        Case(wire: "", disk: ""),
        Case(wire: "a", disk: "a"),
        Case(wire: "\r\n", disk: "\n"),
        Case(wire: "a\r\nb\r\n", disk: "a\nb\n"),
        Case(wire: "\r\n\r\n\r\n", disk: "\n\n\n"),
        Case(wire: "a\rb\r\n", disk: "a\rb\n"),
        Case(wire: "a\r", disk: "a\r"),
        Case(wire: "\0\u{FF}\r\n\r", disk: "\0\u{FF}\n\r"),
    ]

    @Test(arguments: cases)
    func convertsBothWays(_ test: Case) {
        let wire = Array(test.wire.utf8)
        let disk = Array(test.disk.utf8)
        var stripped: [UInt8] = []
        wire.withUnsafeBytes { LineEnds.strip($0, into: &stripped) }
        #expect(stripped == disk)
        var expanded: [UInt8] = []
        disk.withUnsafeBytes { LineEnds.expand($0, into: &expanded) }
        #expect(expanded == wire)
    }

    @Test(arguments: cases)
    func expandsWholeMessages(_ test: Case) {
        let long = String(repeating: "a line of a usual length, without much in it\n", count: 9)
        // The last of these has more line ends than room is made for.
        for before in ["", "\r\n", long, String(repeating: "\n", count: 900)] {
            for disk in [before + test.disk, before + test.wire, test.disk + before] {
                var expected: [UInt8] = []
                Array(disk.utf8).withUnsafeBytes { LineEnds.expand($0, into: &expected) }
                #expect(LineEnds.expanded(Array(disk.utf8)) == expected)
                for room in [0, 1, 5, 2000] {
                    var buffer = [UInt8](repeating: 0x0D, count: room) + Array(disk.utf8)
                    let count = buffer.withUnsafeMutableBufferPointer { LineEnds.expand($0, from: room) }
                    if let count { #expect(Array(buffer[..<count]) == expected) } else { #expect(room < 2000) }
                }
            }
        }
    }

    @Test(arguments: cases)
    func splitsAnywhere(_ test: Case) {
        let disk = Array(test.disk.utf8)
        let mixed = Array((test.disk + test.wire).utf8)
        for input in [disk, mixed] {
            var whole: [UInt8] = []
            input.withUnsafeBytes { LineEnds.expand($0, into: &whole) }
            for split in 0...input.count {
                var out: [UInt8] = []
                input[..<split].withUnsafeBytes { LineEnds.expand($0, into: &out) }
                let after = split > 0 && input[split - 1] == 0x0D
                input[split...].withUnsafeBytes { LineEnds.expand($0, precededByReturn: after, into: &out) }
                #expect(out == whole)
            }
        }
        let wire = Array(test.wire.utf8)
        for limit in 2..<6 {
            var out: [UInt8] = []
            wire.withUnsafeBytes { bytes in
                var start = 0
                while start < bytes.count {
                    let end = LineEnds.cut(bytes, from: start, limit: limit)
                    LineEnds.strip(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &out)
                    start = end
                }
            }
            #expect(out == disk)
        }
    }

    @Test func counts() {
        let census = Array("a\r\nb\nc\r\r\n\n".utf8).withUnsafeBytes { LineEnds.census($0) }
        #expect(census == LineEnds.Census(pairs: 2, bareLineFeeds: 2, hasDoubledReturn: true))
    }
}
