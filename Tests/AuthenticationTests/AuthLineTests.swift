import Authentication
import Testing

struct AuthLineTests {
    @Test func escapesEveryOctet() {
        let all = (0...255).map { UInt8($0) }
        var writer = AuthLineWriter()
        writer.begin("X")
        writer.field(all)
        writer.field("")
        writer.field("a\tb\nc\rd\u{1}e\0f")
        writer.end()
        let bytes = writer.take()
        #expect(bytes.filter { $0 == 0x0A }.count == 1)
        #expect(bytes.filter { $0 == 0x09 }.count == 3)
        let line = AuthLine(bytes.dropLast())
        #expect(line.fields == [[0x58], all, [], Array("a\tb\nc\rd\u{1}e\0f".utf8)])
    }

    @Test func knowsTheEscapesOfTheProtocol() {
        var writer = AuthLineWriter()
        writer.field("\0\u{1}\t\r\n")
        #expect(writer.take() == Array("\t\u{1}0\u{1}1\u{1}t\u{1}r\u{1}n".utf8))
        #expect(AuthLine(Array("a\u{1}xb\u{1}".utf8)).fields == [Array("axb".utf8)])
    }

    @Test func readsParameters() {
        let line = AuthLine(Array("AUTH\t7\tPLAIN\tservice=smtp\tnologin\trip=::1\tx=a=b\tnologin=2\t".utf8))
        #expect(line.number(1) == 7)
        #expect(line.number(2) == nil)
        #expect(line.number(9) == nil)
        #expect(
            line.parameters(from: 3) == ["service": "smtp", "nologin": "", "rip": "::1", "x": "a=b"])
        #expect(line.parameters(from: 100).isEmpty)
        #expect(AuthLine(Array("USER\t4294967296".utf8)).number(1) == nil)
    }

    @Test func splitsTheSameAtEveryOffset() {
        let input = Array("VERSION\t1\t2\n\nCPID\t9\nrest".utf8)
        for cut in 0...input.count {
            var splitter = AuthLineSplitter()
            var lines: [String] = []
            for part in [input[..<cut], input[cut...]] {
                #expect(splitter.feed(part) { lines.append(String(decoding: $0, as: UTF8.self)) })
            }
            #expect(lines == ["VERSION\t1\t2", "", "CPID\t9"])
        }
    }

    @Test func refusesLongLines() {
        let line = [UInt8](repeating: 0x61, count: AuthLine.maximumLength - 1)
        var splitter = AuthLineSplitter()
        var count = 0
        #expect(splitter.feed(line + [0x0A]) { _ in count += 1 })
        #expect(count == 1)
        #expect(!splitter.feed(line + [0x61]) { _ in count += 1 })
        var second = AuthLineSplitter()
        #expect(!second.feed(line + [0x61, 0x0A]) { _ in count += 1 })
        #expect(count == 1)
    }
}
