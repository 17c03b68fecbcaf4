import MIMECore
import Testing

@testable import SieveCore

/// A script that an RFC gives as an example, a message for it, and what it decides by the RFC's words.
struct RFCExample: Sendable, CustomTestStringConvertible {
    /// Number and section.
    var place: String
    var script: String
    var mail: String
    var decisions: [String]
    var sender: String
    var recipient: String
    var now: MessageDate
    var host: ExampleHost
    var policy: SievePolicy

    init(
        _ place: String, _ script: String, mail: String = "From: a@example.com\nSubject: x\n\nbody\n",
        sender: String = "sender@example.com", recipient: String = "user@example.org",
        now: MessageDate = MessageDate(secondsSince1970: 1_795_258_800, zoneOffsetMinutes: 60),
        host: ExampleHost = ExampleHost(), policy: SievePolicy = SievePolicy(), _ decisions: String...
    ) {
        self.place = place
        self.script = script
        self.mail = mail
        self.sender = sender
        self.recipient = recipient
        self.now = now
        self.host = host
        self.policy = policy
        self.decisions = decisions
    }

    var testDescription: String { self.place }

    /// Runs it, and compares.
    func check() throws {
        let compilation = SieveCompiler().compile(Array(self.script.utf8), name: "example", included: self.host)
        let script = try #require(compilation.script, "\(self.place): \(compilation.diagnostics)")
        #expect(compilation.diagnostics.isEmpty, "\(self.place): \(compilation.diagnostics)")
        var environment = SieveEnvironment(
            sender: SieveAddress(envelope: self.sender), recipient: SieveAddress(envelope: self.recipient))
        environment.now = self.now
        environment.host = self.host
        environment.policy = self.policy
        let message = crlf(self.mail)
        let result = message.withUnsafeBytes {
            script.run(SieveMessage(Octets($0)), environment, limits: SieveLimits())
        }
        var out = result.actions.map { describe($0.kind) }
        if let error = result.error { out.append("error: \(error.text)") }
        if result.keepsImplicitly {
            out.append("implicit keep" + (result.flags.isEmpty ? "" : " (\(result.flags.joined(separator: " ")))"))
        }
        #expect(out == self.decisions, "\(self.place)")
    }
}

/// A place that knows what an example needs.
struct ExampleHost: SieveHost, SieveScriptSource {
    var mailboxes: Set<String> = []
    /// Mailboxes by their special uses.
    var uses: [String: String] = [:]
    var ids: Set<String> = []
    /// Members of lists.
    var lists: [String: [String]] = [:]
    /// By mailbox (empty: the server) and entry.
    var metadata: [String: String] = [:]
    var items: [String: String] = [:]
    /// Identities that were seen, behind their handles and a slash.
    var seen: Set<String> = []
    /// Included scripts, `personal/name`.
    var scripts: [String: String] = [:]

    func mailboxExists(_ name: String) -> Bool { self.mailboxes.contains(name) }
    func specialUseExists(_ use: String, mailbox: String?) -> Bool {
        self.uses[use].map { mailbox == nil || $0 == mailbox } ?? false
    }
    func mailboxIDExists(_ id: String) -> Bool { self.ids.contains(id) }
    func isListed(_ value: [UInt8], list: String) -> Bool? {
        self.lists[list].map { $0.contains(String(decoding: value, as: UTF8.self)) }
    }
    func members(of list: String) -> [[UInt8]]? { self.lists[list].map { $0.map { Array($0.utf8) } } }
    func metadata(_ entry: String, mailbox: String?) -> [UInt8]? {
        self.metadata["\(mailbox ?? "") \(entry)"].map { Array($0.utf8) }
    }
    func environmentItem(_ name: String) -> [UInt8]? { self.items[name].map { Array($0.utf8) } }
    func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool {
        self.seen.contains(String(decoding: handle, as: UTF8.self) + "/" + String(decoding: identity, as: UTF8.self))
    }
    func source(of name: SieveScriptName) -> [UInt8]? {
        self.scripts["\(name.location.rawValue)/\(name.name)"].map { Array($0.utf8) }
    }
}
