import MIMECore
import Testing

@Suite struct TransferDecoderTests {
    struct Case: Sendable {
        var encoding: TransferEncoding
        var text: String
        var decoded: String
        var isDamaged = false
    }

    @Test(arguments: [
        Case(encoding: .base64, text: "TWFueSBoYW5kcw==", decoded: "Many hands"),
        Case(encoding: .base64, text: "TWFu\r\neSBo\r\nYW5k\r\ncw==\r\n", decoded: "Many hands"),
        Case(encoding: .base64, text: "TWFueSBoYW5kcyE=", decoded: "Many hands!"),
        Case(encoding: .base64, text: "", decoded: ""),
        Case(encoding: .base64, text: "TWFueSBoYW5kcw", decoded: "Many hands", isDamaged: true),
        Case(encoding: .base64, text: "TW!Fu", decoded: "Man", isDamaged: true),
        Case(encoding: .base64, text: "TWE=TWE=", decoded: "MaMa", isDamaged: true),
        Case(encoding: .base64, text: "T", decoded: "", isDamaged: true),
        Case(encoding: .base64, text: "=", decoded: "", isDamaged: true),
        Case(encoding: .base64, text: "TWFu=", decoded: "Man", isDamaged: true),
        // RFC 2045 section 6.7.
        Case(
            encoding: .quotedPrintable,
            text: "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
            decoded: "Now's the time for all folk to come to the aid of their country."),
        Case(encoding: .quotedPrintable, text: "=3D=c3=A4", decoded: "=ä"),
        Case(encoding: .quotedPrintable, text: "a \t\r\nb\t", decoded: "a\r\nb"),
        Case(encoding: .quotedPrintable, text: "a= \r\nb", decoded: "ab"),
        Case(encoding: .quotedPrintable, text: "a\nb=\nc", decoded: "a\nbc"),
        Case(encoding: .quotedPrintable, text: "a=xb=3", decoded: "a=xb=3", isDamaged: true),
        Case(encoding: .quotedPrintable, text: "a\rb\r", decoded: "a\rb\r"),
        Case(encoding: .sevenBit, text: "a=3D", decoded: "a=3D"),
    ])
    func decodesWhereverItIsSplit(_ test: Case) {
        let octets = Array(test.text.utf8)
        for split in 0...octets.count {
            var decoder = TransferDecoder(test.encoding)
            var out: [UInt8] = []
            octets[..<split].withUnsafeBytes { decoder.decode(Octets($0), into: &out) }
            octets[split...].withUnsafeBytes { decoder.decode(Octets($0), into: &out) }
            decoder.finish(into: &out)
            #expect(text(out) == test.decoded)
            #expect(decoder.isDamaged == test.isDamaged)
        }
    }

    @Test(
        arguments: [
            (nil, TransferEncoding.sevenBit), (" 8BIT ", .eightBit), ("Quoted-Printable", .quotedPrintable),
            ("(c) BASE64 (d)", .base64), ("base64; x", .sevenBit), ("x-uuencode", .unknown), ("", .sevenBit),
            ("binary", .binary),
        ] as [(String?, TransferEncoding)])
    func encodings(_ field: String?, _ expected: TransferEncoding) {
        let found = field.map { withOctets($0) { TransferEncoding($0) } } ?? TransferEncoding(nil)
        #expect(found == expected)
    }
}
