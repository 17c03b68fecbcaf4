import MIMECore
import Testing

/// The octets of a transcoding, read in one go.
private func read(_ message: [UInt8], _ transcoding: Transcoding, first: Int = 0, count: Int = .max) -> [UInt8] {
    message.withUnsafeBytes { bytes in
        var reader = transcoding.reader(first: first, count: count)
        var out: [UInt8] = []
        while reader.next(bytes, into: &out) {}
        return out
    }
}

private func decoded(_ message: [UInt8], _ path: [Int]) throws(Transcoding.Failure) -> Transcoding? {
    let result = message.withUnsafeBytes { bytes in
        Result { () throws(Transcoding.Failure) in try Transcoding.decoded(path, of: bytes, PartTable(bytes)) }
    }
    return try result.get()
}

private let mixed = crlf(
    """
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Transfer-Encoding: quoted-printable

    a=3Db
    --b
    Content-Type: message/rfc822

    Content-Transfer-Encoding: base64
    Subject: inner

    AAEC
    --b--

    """)

@Suite struct TranscodingTests {
    @Test func partsWithoutEncoding() throws {
        #expect(read(mixed, try #require(try decoded(mixed, [1]))) == Array("a=b".utf8))
        let inner = try #require(try decoded(mixed, [2, 1]))
        #expect(read(mixed, inner) == [0, 1, 2])
        #expect(inner.containsNUL)
        #expect(inner.count == 3)
        #expect(try decoded(mixed, [3]) == nil)
    }

    @Test func messageInsideIsDecodedWithItsHeader() throws {
        let message = try #require(try decoded(mixed, [2]))
        let expected = Array("Subject: inner\r\nContent-Transfer-Encoding: binary\r\n\r\n".utf8) + [0, 1, 2]
        #expect(read(mixed, message) == expected)
        #expect(message.count == expected.count)
    }

    @Test func everyRunIsTheSameRunOfTheWhole() throws {
        for path in [[], [1], [2], [2, 1]] {
            let transcoding = try #require(try decoded(mixed, path))
            let whole = read(mixed, transcoding)
            #expect(whole.count == transcoding.count)
            for first in 0...whole.count + 1 {
                for count in [1, 2, 5, whole.count] {
                    let start = min(first, whole.count)
                    let end = min(whole.count, start + count)
                    #expect(read(mixed, transcoding, first: first, count: count) == Array(whole[start..<end]))
                }
            }
        }
    }

    @Test func failures() {
        let unknown = Array("Content-Transfer-Encoding: x-uue\r\n\r\nabc".utf8)
        #expect(throws: Transcoding.Failure.unknownEncoding) { try decoded(unknown, [1]) }
        #expect(throws: Transcoding.Failure.unknownEncoding) { try decoded(unknown, []) }
        let damaged = Array("Content-Transfer-Encoding: base64\r\n\r\nab!d".utf8)
        #expect(throws: Transcoding.Failure.damaged) { try decoded(damaged, [1]) }
    }

    /// An encoding that multiparts cannot have says nothing about the parts inside.
    @Test func encodingOfMultipartIsPassedOver() throws {
        let message = crlf(
            """
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: x-odd

            --b

            text
            --b--
            """)
        #expect(read(message, try #require(try decoded(message, []))) == message)
    }

    @Test func partialFarInsideALargeBody() throws {
        var message = Array("Content-Transfer-Encoding: base64\r\n\r\n".utf8)
        for _ in 0..<20_000 { message += Array("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU2Nzg5\r\n".utf8) }
        let transcoding = try #require(try decoded(message, [1]))
        #expect(transcoding.count == 720_000)
        var reader = transcoding.reader(first: 700_001, count: 10)
        var out: [UInt8] = []
        message.withUnsafeBytes { bytes in
            reader.skip(in: bytes)
            while reader.next(bytes, into: &out) {}
        }
        #expect(text(out) == "RSTUVWXYZ0")
    }

    // MARK: Messages with octets that text cannot hold

    private func stored(_ message: [UInt8]) -> [UInt8]? {
        message.withUnsafeBytes { bytes in Transcoding.storable(bytes, PartTable(bytes)) }
            .map { transcoding in
                let out = read(message, transcoding)
                #expect(out.count == transcoding.count)
                return out
            }
    }

    @Test func textStaysAsItIs() {
        #expect(self.stored(Array("Subject: x\n\nbare\nlines\r\n".utf8)) == nil)
        #expect(self.stored(Array("Content-Transfer-Encoding: binary\r\n\r\nlines\r\n".utf8)) == nil)
        #expect(self.stored([]) == nil)
    }

    @Test func binaryPartsBecomeBase64() throws {
        var message = crlf(
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: binary

            --b
            Content-Transfer-Encoding: binary
            Content-Type: a/b


            """)
        let body = (0..<200).map { UInt8($0) }
        message += body + crlf("\n--b\n\ntext\n--b--\n")
        let out = try #require(self.stored(message))
        #expect(out.withUnsafeBytes { !$0.contains(0) })
        #expect(text(out).contains("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAwQF"))
        #expect(text(out).contains("boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"))
        #expect(text(out).split(separator: "\r\n").allSatisfy { $0.utf8.count <= 76 })
        #expect(read(out, try #require(try decoded(out, [1]))) == body)
        #expect(read(out, try #require(try decoded(out, [2]))) == Array("text".utf8))
    }

    @Test(arguments: ["a\0b", "a\nb", "a\rb", "a\r", "\n", "\0"])
    func whatComesBackIsWhatCame(_ body: String) throws {
        let message = Array("Content-Transfer-Encoding: binary\r\n\r\n\(body)".utf8)
        let out = try #require(self.stored(message))
        #expect(read(out, try #require(try decoded(out, [1]))) == Array(body.utf8))
    }

    /// Of a message that is none in MIME, BODYSTRUCTURE would show another encoding than the one it was stored with.
    @Test func encodedMessagesSayThatTheyAreMIME() throws {
        let plain = try #require(self.stored(Array("Subject: x\r\n\r\na\0b".utf8)))
        #expect(
            text(plain)
                == "Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n")
        #expect(bodyStructure(plain).contains("\"base64\" 6"))
        let outer = "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n"
        let inside = try #require(self.stored(Array("\(outer)\r\na\0b".utf8)))
        #expect(
            text(inside) == "\(outer)MIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi")
        #expect(bodyStructure(inside).contains("\"base64\" 4"))
    }
}
