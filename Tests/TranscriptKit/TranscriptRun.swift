extension Transcript {
    /// Holds the conversation with servers on this machine.
    ///
    /// - Parameter ports: the port of each protocol (`imap`, `pop3`, `lmtp`).
    /// - Parameter names: what `$name` stands for at the beginning.
    /// - Returns: what went wrong, with the last lines of the conversation; `nil` when all matched.
    package func hold(ports: [String: UInt16], names: [String: String]) -> LineSocket.Failure? {
        var run = TranscriptRun(transcript: self, ports: ports, names: names)
        do {
            for step in self.steps { try run.take(step) }
            return nil
        } catch {
            let tail: String = run.log.suffix(30).joined(separator: "\n")
            return LineSocket.Failure(description: "\(error)\n\(tail)")
        }
    }
}

/// One conversation under way.
private struct TranscriptRun {
    let transcript: Transcript
    let ports: [String: UInt16]
    var names: [String: String]
    var sockets: [Int: LineSocket] = [:]
    /// Lines passed over since a connection's last command other than IDLE.
    var passedOver: [Int: [[UInt8]]] = [:]
    var forbidden: [Int: [(pattern: Pattern, text: String, line: Int)]] = [:]
    var log: [String] = []

    init(transcript: Transcript, ports: [String: UInt16], names: [String: String]) {
        self.transcript = transcript
        self.ports = ports
        self.names = names
    }

    var name: String { self.transcript.name }

    mutating func socket(_ number: Int) throws -> LineSocket {
        if let known = self.sockets[number] { return known }
        let spoken = self.transcript.protocols[number] ?? String(self.name.prefix { $0 != "/" })
        let new = try LineSocket(port: self.ports[spoken] ?? 0)
        self.sockets[number] = new
        return new
    }

    mutating func read(_ number: Int, within milliseconds: Int = 15_000) throws -> [UInt8]? {
        guard let line = try self.socket(number).readLine(within: milliseconds) else { return nil }
        let text = String(decoding: line, as: UTF8.self)
        self.log.append("S\(number): \(text)")
        for rule in self.forbidden[number] ?? [] {
            var scratch = self.names
            if rule.pattern.matches(line, &scratch) {
                throw LineSocket.Failure(
                    description: "\(self.name):\(rule.line): must not appear: \(rule.text)\ngot: \(text)")
            }
        }
        return line
    }

    mutating func take(_ step: Transcript.Step) throws {
        switch step {
        case .send(let number, let template, _):
            self.forbidden[number] = []
            let bytes = Self.counted(Self.substitute(template, self.names))
            self.log.append("C\(number): \(String(decoding: bytes, as: UTF8.self))")
            if !Self.isIdle(bytes) { self.passedOver[number] = [] }
            try self.socket(number).send(bytes)
        case .forbid(let number, let pattern, let line):
            self.forbidden[number, default: []].append((Pattern(pattern), pattern, line))
        case .expect(let number, let text, let line):
            try self.await(text, number, line)
        case .expectOrKnown(let number, let text, let line):
            let pattern = Pattern(text)
            let known = self.passedOver[number] ?? []
            if let place = known.firstIndex(where: { pattern.matches($0, &self.names) }) {
                self.passedOver[number]?.remove(at: place)
            } else {
                try self.await(text, number, line)
            }
        case .expectNext(let number, let text, let line):
            guard let got = try self.read(number), Pattern(text).matches(got, &self.names) else {
                throw LineSocket.Failure(description: "\(self.name):\(line): not next: \(text)")
            }
        case .silence(let number, let milliseconds, let line):
            if let got = try self.read(number, within: milliseconds) {
                throw LineSocket.Failure(
                    description: "\(self.name):\(line): unasked: \(String(decoding: got, as: UTF8.self))")
            }
            guard try !self.socket(number).hasEnded else {
                throw LineSocket.Failure(description: "\(self.name):\(line): the connection ended")
            }
        case .ascending(let lower, let higher, let line):
            guard let low = self.names[lower].flatMap({ UInt64($0) }),
                let high = self.names[higher].flatMap({ UInt64($0) }), low < high
            else {
                let values = "\(self.names[lower] ?? "unbound") and \(self.names[higher] ?? "unbound")"
                throw LineSocket.Failure(
                    description: "\(self.name):\(line): not $\(lower) < $\(higher): \(values)")
            }
        case .close(let number):
            self.sockets[number] = nil
            self.forbidden[number] = []
        case .end(let number, let line):
            while try self.read(number) != nil {}
            guard try self.socket(number).hasEnded else {
                throw LineSocket.Failure(description: "\(self.name):\(line): the connection lives on")
            }
        }
    }

    private mutating func await(_ text: String, _ number: Int, _ line: Int) throws {
        let pattern = Pattern(text)
        while true {
            guard let got = try self.read(number) else {
                throw LineSocket.Failure(description: "\(self.name):\(line): never came: \(text)")
            }
            if pattern.matches(got, &self.names) { return }
            self.passedOver[number, default: []].append(got)
        }
    }

    private static func isIdle(_ command: [UInt8]) -> Bool { command.suffix(7).elementsEqual(" IDLE\r\n".utf8) }

    /// Replaces `{#` at the first line's end by the count of the block that follows, which a CRLF ends.
    static func counted(_ bytes: [UInt8]) -> [UInt8] {
        guard let end = bytes.firstIndex(of: 0x0D), let mark = bytes[..<end].lastIndex(of: UInt8(ascii: "{")),
            mark + 1 < end, bytes[mark + 1] == UInt8(ascii: "#"), bytes.count >= end + 4
        else { return bytes }
        return bytes[...mark] + Array(String(bytes.count - end - 4).utf8) + bytes[(mark + 2)...]
    }

    /// Replaces `$name` by its bound text; other dollars stay.
    static func substitute(_ template: [UInt8], _ names: [String: String]) -> [UInt8] {
        var out: [UInt8] = []
        var rest = template[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                out.append(byte)
                continue
            }
            let name = rest.prefix { ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 }
            if let value = names[String(decoding: name, as: UTF8.self)] {
                out.append(contentsOf: value.utf8)
                rest = rest.dropFirst(name.count)
            } else {
                out.append(byte)
            }
        }
        return out
    }
}
