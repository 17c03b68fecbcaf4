import Testing
import TranscriptKit

/// A client that believes what it is told, and notices when that makes no sense.
private final class Mirror {
    struct Contradiction: Error, CustomStringConvertible {
        var description: String
    }

    private let socket: LineSocket
    private var tag = 0
    /// UIDs by sequence number; `nil` where not yet told.
    private(set) var uids: [UInt32?] = []
    /// Flags by UID, as last told.
    private(set) var flags: [UInt32: String] = [:]
    private var log: [String] = []

    init(port: UInt16, user: String) throws {
        self.socket = try LineSocket(port: port)
        try self.run("LOGIN \(user) pass")
        try self.run("SELECT INBOX")
        try self.run("FETCH 1:* (UID FLAGS)")
    }

    func run(_ command: String, literal: String = "", mayExpunge: Bool = true) throws {
        self.tag += 1
        let tag = "t\(self.tag)"
        self.log.append("C: \(tag) \(command)")
        try self.socket.send(Array("\(tag) \(command)\r\n\(literal)".utf8))
        while let line = try self.socket.readLine(within: 5000) {
            let text = String(decoding: line, as: UTF8.self)
            self.log.append("S: \(text)")
            if text.hasPrefix(tag + " ") {
                guard !text.hasPrefix(tag + " BAD") else { throw self.contradiction("refused") }
                return
            }
            try self.take(text, mayExpunge)
        }
        throw self.contradiction("no answer")
    }

    private func contradiction(_ text: String) -> Contradiction {
        Contradiction(description: "\(text)\n\(self.log.suffix(25).joined(separator: "\n"))")
    }

    private func take(_ line: String, _ mayExpunge: Bool) throws {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count >= 3, words[0] == "*", let number = Int(words[1]) else { return }
        switch words[2] {
        case "EXISTS":
            guard number >= self.uids.count else { throw self.contradiction("EXISTS shrinks") }
            while self.uids.count < number { self.uids.append(nil) }
        case "EXPUNGE":
            guard mayExpunge else { throw self.contradiction("EXPUNGE where it must not be") }
            guard (1...max(1, self.uids.count)).contains(number), !self.uids.isEmpty else {
                throw self.contradiction("EXPUNGE of nothing")
            }
            if let uid = self.uids.remove(at: number - 1) { self.flags[uid] = nil }
        case "FETCH":
            guard (1...max(1, self.uids.count)).contains(number), !self.uids.isEmpty else {
                throw self.contradiction("FETCH of nothing")
            }
            try self.takeFetch(number, String(words[3]))
        default: break
        }
    }

    private func takeFetch(_ number: Int, _ text: String) throws {
        guard let uid = Self.value(of: "UID ", in: text).flatMap({ UInt32($0) }) else {
            throw self.contradiction("FETCH without UID")
        }
        if let known = self.uids[number - 1], known != uid {
            throw self.contradiction("message \(number) was UID \(known)")
        }
        self.uids[number - 1] = uid
        if let start = text.firstRange(of: "FLAGS (") {
            let rest = text[start.upperBound...]
            let words = rest.prefix { $0 != ")" }.split(separator: " ").filter { $0 != "\\Recent" }
            self.flags[uid] = words.sorted().joined(separator: " ")
        }
    }

    private static func value(of name: String, in text: String) -> String? {
        guard let start = text.firstRange(of: name) else { return nil }
        return String(text[start.upperBound...].prefix { $0.isNumber })
    }

    /// UIDs and flags, after everything is known.
    func state() throws -> [String] {
        try self.run("NOOP")
        return self.uids.map { uid in uid.map { "\($0) \(self.flags[$0] ?? "?")" } ?? "?" }
    }
}

extension String {
    /// The first occurrence of `text`, without Foundation.
    fileprivate func firstRange(of text: String) -> Range<String.Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(text) { return start..<self.index(start, offsetBy: text.count) }
            start = self.index(after: start)
        }
        return nil
    }
}

/// SplitMix64, so that a seed says it all.
private struct Dice {
    var state: UInt64
    mutating func roll(_ bound: Int) -> Int {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}

private func step(_ client: Mirror, _ dice: inout Dice) throws {
    let count = client.uids.count
    let flag = ["\\Seen", "\\Flagged", "\\Deleted", "\\Answered", "$One", "$Two"][dice.roll(6)]
    let sign = ["+", "-", ""][dice.roll(3)]
    let silent = dice.roll(2) == 0 ? ".SILENT" : ""
    let first = count == 0 ? 1 : dice.roll(count) + 1
    let last = count == 0 ? 1 : min(count, first + dice.roll(4))
    switch dice.roll(12) {
    case 0, 1, 2: try client.run("APPEND INBOX (\(flag)) {3+}", literal: "abc\r\n")
    case 3 where count > 0:
        try client.run("STORE \(first):\(last) \(sign)FLAGS\(silent) (\(flag))", mayExpunge: false)
    case 4: try client.run("UID STORE \(first):* \(sign)FLAGS\(silent) (\(flag))")
    case 5 where count > 0: try client.run("FETCH \(first):\(last) (UID FLAGS)", mayExpunge: false)
    case 6: try client.run("UID FETCH 1:* (FLAGS)")
    case 7: try client.run("EXPUNGE")
    case 8: try client.run("SEARCH UNSEEN", mayExpunge: false)
    case 9 where count > 0: try client.run("COPY \(first) INBOX")
    case 10 where count > 0 && dice.roll(3) == 0: try client.run("MOVE \(first):\(last) INBOX")
    default: try client.run("NOOP")
    }
}

/// Several sessions in one mailbox do what they like; each one's numbers stay consistent, and at the end all
/// agree. A failing seed fails again.
@Test(arguments: 1...20 as ClosedRange<UInt64>)
func sessionsAgree(seed: UInt64) async throws {
    let server = try await TestServer.start()
    let problem = try await server.client { port -> String? in
        var dice = Dice(state: seed)
        do {
            let clients = [
                try Mirror(port: port, user: "tim"), try Mirror(port: port, user: "tim"),
                try Mirror(port: port, user: "tim"),
            ]
            for _ in 0..<150 { try step(clients[dice.roll(clients.count)], &dice) }
            let states = try clients.map { client in
                // New messages are told by EXISTS alone; what they are is for the client to ask.
                try client.run("NOOP")
                try client.run("UID FETCH 1:* (FLAGS)")
                return try client.state()
            }
            if states[0] != states[1] || states[1] != states[2] { return "sessions disagree: \(states)" }
            let fresh = try Mirror(port: port, user: "tim").state()
            return fresh == states[0] ? nil : "a new session sees other: \(fresh) \(states[0])"
        } catch {
            return "\(error)"
        }
    }
    if let problem { Issue.record("seed \(seed): \(problem)") }
    await server.stop()
}

/// What a session is told without asking is all it needs: no FETCH before the comparison.
@Test(arguments: 101...110 as ClosedRange<UInt64>)
func tellingIsEnough(seed: UInt64) async throws {
    let server = try await TestServer.start()
    let problem = try await server.client { port -> String? in
        var dice = Dice(state: seed)
        do {
            let actor = try Mirror(port: port, user: "tim")
            for _ in 0..<10 { try actor.run("APPEND INBOX {3+}", literal: "abc\r\n") }
            let watcher = try Mirror(port: port, user: "tim")
            let other = try Mirror(port: port, user: "tim")
            for _ in 0..<100 {
                let client = dice.roll(2) == 0 ? actor : other
                let first = 1 + dice.roll(max(1, client.uids.count))
                let flag = ["\\Seen", "\\Deleted", "$One"][dice.roll(3)]
                guard first <= client.uids.count else { continue }
                switch dice.roll(4) {
                case 0: try client.run("STORE \(first) +FLAGS.SILENT (\(flag))", mayExpunge: false)
                case 1: try client.run("STORE \(first) FLAGS (\(flag))", mayExpunge: false)
                case 2: try client.run(dice.roll(3) == 0 ? "EXPUNGE" : "NOOP")
                default: try watcher.run("NOOP")
                }
            }
            let told = try watcher.state()
            let fresh = try Mirror(port: port, user: "tim").state()
            return told == fresh ? nil : "told: \(told)\nis: \(fresh)"
        } catch {
            return "\(error)"
        }
    }
    if let problem { Issue.record("seed \(seed): \(problem)") }
    await server.stop()
}
