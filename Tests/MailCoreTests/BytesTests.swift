import MailCore
import Testing

@Suite struct BytesTests {
    // RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(_ text: String, _ encoded: String) {
        #expect(Base64.encode(Array(text.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)) == Array(text.utf8))
    }

    @Test(arguments: ["Zg=", "Zg", "Z===", "=Zg=", "Zg==Zg==", "Zm9v\r\n", "Zm 9"])
    func badBase64(_ encoded: String) { #expect(Base64.decode(Array(encoded.utf8)) == nil) }

    @Test func decimal() {
        for value: UInt64 in [0, 9, 10, 99, 12345, .max] {
            var out: [UInt8] = []
            out.appendDecimal(value)
            #expect(String(decoding: out, as: UTF8.self) == String(value))
        }
    }

    @Test func readerStopsAtTheEnd() {
        var out: [UInt8] = []
        out.appendLittleEndian(UInt32(0xDEAD_BEEF))
        out.appendVarint(300)
        out.appendVarint(.max)
        out.appendText("né")
        for cut in 0...out.count {
            out[..<cut].withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                let number: UInt32? = reader.readLittleEndian()
                let small = reader.readVarint()
                let large = reader.readVarint()
                let text = reader.readText()
                if cut == out.count {
                    #expect(number == 0xDEAD_BEEF)
                    #expect(small == 300)
                    #expect(large == .max)
                    #expect(text == "né")
                } else {
                    #expect(text == nil)
                }
            }
        }
    }

    @Test func tooWideVarint() {
        let bytes = [UInt8](repeating: 0xFF, count: 11)
        bytes.withUnsafeBytes {
            var reader = ByteReader($0)
            #expect(reader.readVarint() == nil)
        }
    }

    static let dates: [(Int64, CivilDate)] = [
        (0, CivilDate(year: 1970, month: 1, day: 1)),
        (837_571_465, CivilDate(year: 1996, month: 7, day: 17, hour: 2, minute: 44, second: 25)),
        (951_782_400, CivilDate(year: 2000, month: 2, day: 29)),
        (-1, CivilDate(year: 1969, month: 12, day: 31, hour: 23, minute: 59, second: 59)),
        (253_402_300_799, CivilDate(year: 9999, month: 12, day: 31, hour: 23, minute: 59, second: 59)),
    ]

    @Test(arguments: dates)
    func civilDates(_ seconds: Int64, _ date: CivilDate) {
        #expect(CivilDate(secondsSince1970: seconds) == date)
        #expect(date.secondsSince1970 == seconds)
        #expect(date.isValid)
    }

    @Test func invalidDates() {
        #expect(!CivilDate(year: 2001, month: 2, day: 29).isValid)
        #expect(!CivilDate(year: 2001, month: 13, day: 1).isValid)
        #expect(CivilDate(year: 2026, month: 11, day: 21).weekday == 6)
        // Far ends must not trap.
        _ = CivilDate(secondsSince1970: .max)
        _ = CivilDate(secondsSince1970: .min)
    }
}
