import IMAPServer
import MailCore

/// An IMAP client that believes what the server says and notices when it contradicts itself.
final class ModelClient {
    let name: String
    private let socket: Socket
    private var commands = 0
    /// The UID of each message in the order of the sequence numbers, `nil` where it has not been told; `nil` while no
    /// mailbox is selected.
    private(set) var view: [UInt32?]?
    private(set) var isClosed = false
    private(set) var hasQResync = false
    private var isSelecting = false
    /// Commands refused one behind the other, after some of which the server has enough.
    private var refusals = 0
    private var pending: [UInt32?]?

    init(_ name: String, port: UInt16, user: String) {
        self.name = name
        self.socket = Socket(port: port)
        guard let greeting = Response(self.socket) else { fail("no greeting") }
        need(greeting.octets.starts(with: "* OK".utf8))
        need(self.run("LOGIN \(user) p", allows: .everything) == "OK", "no login")
    }

    private static let mostRefusals = IMAPSessionSettings().maximumBadCommands

    /// What may come while a command is answered.
    enum Allowance {
        /// Sequence numbers must stay (RFC 9051 section 7.5.1).
        case noExpunge
        case everything
    }

    /// Runs one command to its tagged answer, which is returned; `nil` when the server said BYE. `literal` answers each
    /// continuation request.
    @discardableResult
    func run(_ command: String, allows allowance: Allowance, literals: [[UInt8]] = []) -> String? {
        guard !self.isClosed else { return nil }
        self.commands += 1
        let tag = "\(self.name)\(self.commands)"
        let verb = command.split(separator: " ").first.map { $0.uppercased() } ?? ""
        self.isSelecting = verb == "SELECT" || verb == "EXAMINE"
        if self.isSelecting { self.pending = [] }
        var waiting = literals[...]
        self.socket.send(Array("\(tag) \(command)\r\n".utf8))
        var responses = 0
        while true {
            guard let response = Response(self.socket) else { fail("closed without BYE behind \(command)") }
            responses += 1
            need(responses < 20_000, "an answer without end to \(command)")
            switch response.kind {
            case .continuation:
                let literal = waiting.popFirst()
                if verb == "IDLE" {
                    self.socket.send(Array("DONE\r\n".utf8))
                } else {
                    self.socket.send((literal ?? [0x2A]) + [0x0D, 0x0A])
                }
            case .untagged:
                self.take(response, command, allowance)
                if response.octets.starts(with: "* BYE".utf8) {
                    self.isClosed = true
                    if self.refusals >= Self.mostRefusals { return nil }
                    need(verb == "LOGOUT", "BYE behind \(command): \(Response.show(response.octets))")
                }
            case .tagged(let got, let status):
                need(got.elementsEqual(tag.utf8), "the tag \(tag) was answered as \(Response.show(response.octets))")
                let text = String(decoding: status, as: UTF8.self)
                self.refusals = text == "BAD" ? self.refusals + 1 : 0
                self.finish(verb, text)
                return self.isClosed ? nil : text
            }
        }
    }

    private func finish(_ verb: String, _ status: String) {
        if self.isSelecting {
            // One that fails leaves no mailbox selected.
            self.view = status == "OK" ? self.pending : status == "BAD" ? self.view : nil
            self.pending = nil
            self.isSelecting = false
        }
        if status == "OK", verb == "CLOSE" || verb == "UNSELECT" { self.view = nil }
    }

    func noteEnabled() { self.hasQResync = true }

    /// Where a message can be whose UID was not asked for yet: behind all known smaller ones, before all larger ones.
    private static func unknownPlace(of uid: UInt32, in view: [UInt32?]) -> Int? {
        let lowest = view.lastIndex { $0.map { $0 < uid } ?? false } ?? -1
        let end = view.firstIndex { $0.map { $0 > uid } ?? false } ?? view.count
        return lowest < end ? (lowest + 1..<end).first { view[$0] == nil } : nil
    }

    private func take(_ response: Response, _ command: String, _ allowance: Allowance) {
        func wrong(_ what: String) -> Never {
            fail("\(what) behind \(command): \(Response.show(response.octets)), view \(self.current ?? [])")
        }
        switch response.name {
        case "EXISTS":
            guard let count = response.number, var view = self.current else { wrong("EXISTS without a mailbox") }
            if count < view.count { wrong("fewer messages") }
            view += [UInt32?](repeating: nil, count: count - view.count)
            self.current = view
        case "EXPUNGE":
            guard let number = response.number, var view = self.current else { wrong("EXPUNGE without a mailbox") }
            if case .noExpunge = allowance { wrong("EXPUNGE where numbers must stay") }
            if self.hasQResync { wrong("EXPUNGE with QRESYNC") }
            if number < 1 || number > view.count { wrong("EXPUNGE of no message") }
            view.remove(at: number - 1)
            self.current = view
        case "VANISHED":
            if case .list = response.values[1] { return }
            guard var view = self.current else { wrong("VANISHED without a mailbox") }
            if case .noExpunge = allowance { wrong("VANISHED where numbers must stay") }
            if !self.hasQResync { wrong("VANISHED without QRESYNC") }
            for uid in Self.uids(response.values[1].text) {
                if let place = view.firstIndex(of: uid) {
                    view.remove(at: place)
                } else if let place = Self.unknownPlace(of: uid, in: view) {
                    view.remove(at: place)
                } else {
                    wrong("VANISHED of no message")
                }
            }
            self.current = view
        case "FETCH":
            guard let number = response.number, var view = self.current else { wrong("FETCH without a mailbox") }
            if number < 1 || number > view.count { wrong("FETCH of no message") }
            guard case .list(let items) = response.values[2], items.count % 2 == 0 else { wrong("no pairs") }
            for index in stride(from: 0, to: items.count, by: 2) where items[index].text.uppercased() == "UID" {
                guard let uid = UInt32(items[index + 1].text), uid > 0 else { wrong("no UID") }
                if let known = view[number - 1], known != uid { wrong("another UID than \(known)") }
                view[number - 1] = uid
            }
            let known = view.compactMap { $0 }
            if known != known.sorted() || Set(known).count != known.count { wrong("UIDs do not ascend") }
            self.current = view
        case "SEARCH", "SORT":
            guard !command.hasPrefix("UID") else { return }
            for value in response.values.dropFirst() {
                if case .list = value { continue }
                guard let number = Int(value.text), number >= 1, number <= self.current?.count ?? 0 else {
                    wrong("a number of no message")
                }
            }
        default: break
        }
    }

    private var current: [UInt32?]? {
        get { self.isSelecting ? self.pending : self.view }
        set { if self.isSelecting { self.pending = newValue } else { self.view = newValue } }
    }

    private static func uids(_ set: String) -> [UInt32] {
        set.split(separator: ",").flatMap { range -> [UInt32] in
            let ends = range.split(separator: ":").compactMap { UInt32($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last - first < 100_000 else {
                fail("no set of UIDs: \(set)")
            }
            return Array(first...last)
        }
    }
}
