import Glibc
import Testing

/// Holds every conversation under `Transcripts/` with a running daemon, each with accounts of its own.
@Suite(.serialized) struct TranscriptTests {
    static let all: [Transcript] = load()

    static func load() -> [Transcript] {
        let root = Daemon.packageRoot + "/Tests/DaemonTests/Transcripts"
        var transcripts: [Transcript] = []
        for group in ["imap", "pop3", "lmtp"] {
            for file in Daemon.fileNames(in: "\(root)/\(group)") where file.hasSuffix(".txt") {
                let text = Daemon.readText("\(root)/\(group)/\(file)")
                do {
                    transcripts.append(try Transcript(name: "\(group)/\(file)", text: text))
                } catch {
                    // A file that cannot be read fails as a test of its own.
                    Issue.record("\(error)")
                }
            }
        }
        return transcripts
    }

    @Test(arguments: all)
    func holds(_ transcript: Transcript) throws {
        let daemon = try Daemon.shared()
        var names = daemon.nextAccounts()
        let port = daemon.port(for: transcript.name)
        var sockets: [Int: LineSocket] = [:]
        var forbidden: [Int: [(pattern: Pattern, text: String, line: Int)]] = [:]
        var log: [String] = []

        func socket(_ number: Int) throws -> LineSocket {
            if let known = sockets[number] { return known }
            let new = try LineSocket(port: port)
            sockets[number] = new
            return new
        }

        func read(_ number: Int, _ milliseconds: Int = 5000) throws -> [UInt8]? {
            guard let line = try socket(number).readLine(within: milliseconds) else { return nil }
            let text = String(decoding: line, as: UTF8.self)
            log.append("S\(number): \(text)")
            for rule in forbidden[number] ?? [] {
                var scratch = names
                if rule.pattern.matches(line, &scratch) {
                    throw LineSocket.Failure(
                        description: "\(transcript.name):\(rule.line): must not appear: \(rule.text)\ngot: \(text)")
                }
            }
            return line
        }

        do {
            for step in transcript.steps {
                switch step {
                case .send(let number, let template, _):
                    forbidden[number] = []
                    let bytes = Self.substitute(template, names)
                    log.append("C\(number): \(String(decoding: bytes, as: UTF8.self))")
                    try socket(number).send(bytes)
                case .forbid(let number, let pattern, let line):
                    forbidden[number, default: []].append((Pattern(pattern), pattern, line))
                case .expect(let number, let text, let line):
                    let pattern = Pattern(text)
                    while true {
                        guard let got = try read(number) else {
                            throw LineSocket.Failure(description: "\(transcript.name):\(line): never came: \(text)")
                        }
                        if pattern.matches(got, &names) { break }
                    }
                case .expectNext(let number, let text, let line):
                    guard let got = try read(number), Pattern(text).matches(got, &names) else {
                        throw LineSocket.Failure(description: "\(transcript.name):\(line): not next: \(text)")
                    }
                }
            }
        } catch {
            let tail: String = log.suffix(30).joined(separator: "\n")
            Issue.record("\(error)\n\(tail)")
        }
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
