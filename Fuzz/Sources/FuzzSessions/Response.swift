import MailCore

/// One response of an IMAP server, held to the grammar's outer form: words, strings and lists, one space apart.
struct Response {
    enum Kind: Equatable {
        case tagged(tag: [UInt8], status: [UInt8])
        case continuation
        case untagged
    }

    indirect enum Value: Equatable {
        case word([UInt8])
        case string([UInt8])
        case list([Value])

        var text: String {
            switch self {
            case .word(let text), .string(let text): String(decoding: text, as: UTF8.self)
            case .list: "(...)"
            }
        }
    }

    let kind: Kind
    /// Of an untagged response that is no text.
    private(set) var values: [Value] = []
    let octets: [UInt8]

    var number: Int? { self.values.first.flatMap { Int($0.text) } }
    var name: String {
        let place = self.number == nil ? 0 : 1
        return place < self.values.count ? self.values[place].text.uppercased() : ""
    }

    /// Reads one response; `nil` at the end of the stream.
    init?(_ socket: Socket) {
        var parts: [(text: [UInt8], literal: [UInt8])] = []
        var all: [UInt8] = []
        while true {
            guard var line = socket.line() else { return nil }
            all += line
            need(line.suffix(2) == [0x0D, 0x0A], "a line without CRLF: \(Self.show(all))")
            line.removeLast(2)
            need(!line.contains { $0 == 0 || $0 == 0x0D }, "NUL or CR in a line: \(Self.show(all))")
            guard parts.count > 0 || !Self.isText(line), let size = Self.literalSize(line) else {
                parts.append((line, []))
                break
            }
            guard let literal = socket.octets(size) else { return nil }
            all += literal
            parts.append((line, literal))
        }
        self.octets = all
        let first = parts[0].text
        if first.first == UInt8(ascii: "+") {
            self.kind = .continuation
        } else if first.starts(with: [UInt8(ascii: "*"), 0x20]) {
            self.kind = .untagged
            if !Self.isText(first) { self.values = Self.values(parts, all) }
        } else {
            let words = first.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
            need(words.count >= 2 && !words[0].isEmpty, "no response: \(Self.show(all))")
            let status = Array(words[1])
            need(["OK", "NO", "BAD"].contains { status.elementsEqual($0.utf8) }, "no status: \(Self.show(all))")
            self.kind = .tagged(tag: Array(words[0]), status: status)
        }
    }

    static func show(_ octets: [UInt8]) -> String { String(decoding: octets.prefix(600), as: UTF8.self) }

    /// Untagged status responses have free text.
    private static func isText(_ line: [UInt8]) -> Bool {
        ["* OK", "* NO", "* BAD", "* BYE", "* PREAUTH"].contains { line.starts(with: $0.utf8) } || line.first != 0x2A
    }

    /// The size at the end of a line that a literal follows.
    private static func literalSize(_ line: [UInt8]) -> Int? {
        guard line.last == UInt8(ascii: "}"), let brace = line.lastIndex(of: UInt8(ascii: "{")) else { return nil }
        return Int(String(decoding: line[(brace + 1)...].dropLast(), as: UTF8.self))
    }

    private static func values(_ parts: [(text: [UInt8], literal: [UInt8])], _ all: [UInt8]) -> [Value] {
        var stack: [[Value]] = [[]]
        func add(_ value: Value) { stack[stack.count - 1].append(value) }
        for (index, part) in parts.enumerated() {
            var text = part.text[...]
            if index == 0 { text = text.dropFirst(2) }
            let hasLiteral = index < parts.count - 1
            if hasLiteral, let brace = text.lastIndex(of: UInt8(ascii: "{")) {
                text = text[..<brace]
                if text.last == UInt8(ascii: "~") { text = text.dropLast() }
            }
            while let byte = text.first {
                switch byte {
                case 0x20:
                    text = text.dropFirst()
                    need(!text.isEmpty || hasLiteral, "a space at the end: \(self.show(all))")
                    need(text.first != 0x20, "two spaces: \(self.show(all))")
                case UInt8(ascii: "("):
                    stack.append([])
                    text = text.dropFirst()
                case UInt8(ascii: ")"):
                    need(stack.count > 1, "a ) too many: \(self.show(all))")
                    let list = stack.removeLast()
                    add(.list(list))
                    text = text.dropFirst()
                case UInt8(ascii: "\""):
                    text = text.dropFirst()
                    var string: [UInt8] = []
                    var isClosed = false
                    while let next = text.popFirst() {
                        if next == UInt8(ascii: "\"") {
                            isClosed = true
                            break
                        }
                        if next == UInt8(ascii: "\\") {
                            guard let escaped = text.popFirst() else { break }
                            need(escaped == UInt8(ascii: "\\") || escaped == UInt8(ascii: "\""), self.show(all))
                            string.append(escaped)
                        } else {
                            string.append(next)
                        }
                    }
                    need(isClosed, "a string without end: \(self.show(all))")
                    add(.string(string))
                default:
                    var word: [UInt8] = []
                    var brackets = 0
                    // What stands in brackets belongs to the word: BODY[HEADER.FIELDS (A B)]<0>.
                    while let next = text.first, brackets > 0 || (next != 0x20 && next != 0x28 && next != 0x29) {
                        if next == UInt8(ascii: "[") { brackets += 1 }
                        if next == UInt8(ascii: "]") { brackets -= 1 }
                        word.append(next)
                        text = text.dropFirst()
                    }
                    add(.word(word))
                }
            }
            if hasLiteral { add(.string(part.literal)) }
        }
        need(stack.count == 1, "a ) is missing: \(self.show(all))")
        return stack[0]
    }
}
