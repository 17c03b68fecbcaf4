import MailCore
import MailStore
import SieveCore
import SieveStorage
import Synchronization

/// Answers what scripts ask of the place where they run: of the user's mailboxes and their metadata, of lists, of
/// programs. Takes what they want to have noted.
final class DeliveryHost: SieveHost {
    private let recipient: DeliveryRecipient
    private let mailboxes: MailboxDirectory?
    /// What the user's scripts remember.
    private let memory: ScriptMemory
    private let lists: [String: ExternalList]
    private let programs: SieveProgramRunner
    private let context: SieveProgramContext
    private let time: ScriptTime
    /// Whether anybody waits for what the scripts do.
    private let interruption: ScriptInterruption
    /// Lines for the user's log.
    private let lines = Mutex<[String]>([])

    /// Of one message.
    private static let maximumLines = 100

    init(
        _ recipient: DeliveryRecipient, _ context: SieveProgramContext, _ options: SieveOptions,
        mailboxes: MailboxDirectory?, memory: ScriptMemory, until interruption: ScriptInterruption
    ) {
        // On the thread on which the scripts run.
        self.time = ScriptTime(options.maximumCPUTime)
        self.interruption = interruption
        self.memory = memory
        self.recipient = recipient
        self.context = context
        self.mailboxes = mailboxes
        self.programs = SieveProgramRunner(options.programs)
        self.lists = options.lists.mapValues { list in
            var list = list
            list.path = options.path(list.path, for: recipient) ?? ""
            return list
        }
    }

    /// What was noted so far.
    var notes: [String] { self.lines.withLock { $0 } }

    func note(_ line: String) {
        self.lines.withLock { if $0.count < Self.maximumLines { $0.append(line) } }
    }

    func reasonToEnd() -> String? {
        if self.interruption.isInterrupted { return "the run was interrupted" }
        return self.time.isOver ? "the script took too much CPU time with this message" : nil
    }

    /// For a run that was ended because nobody waits for it: its message must not be taken as its scripts failed.
    func checkInterruption() throws(StoreError) {
        if self.interruption.isInterrupted { throw StoreError(.temporary, "interrupted while scripts ran") }
    }

    // MARK: Mailboxes

    func mailboxExists(_ name: String) -> Bool { self.mailboxes?.mailboxExists(name) ?? false }

    func specialUseExists(_ use: String, mailbox: String?) -> Bool {
        self.mailboxes?.specialUseExists(use, mailbox: mailbox) ?? false
    }

    func mailboxIDExists(_ id: String) -> Bool { self.mailboxes?.mailboxIDExists(id) ?? false }

    func metadata(_ entry: String, mailbox: String?) -> [UInt8]? {
        guard let entry = MetadataEntry(entry) else { return nil }
        let owner: MetadataOwner
        if let mailbox {
            guard let name = self.recipient.account.spelling.name(of: mailbox) else { return nil }
            owner = .mailbox(name)
        } else {
            owner = .server
        }
        let account = self.recipient.account
        // A mailbox that is not there has none.
        let all = try? Suspended.wait { () async throws(StoreError) in try await account.metadata(of: owner) }
        return all?.first { $0.entry == entry }?.value
    }

    // MARK: Memory, lists, programs, log

    func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool {
        self.memory.isDuplicate(handle: handle, identity: identity, seconds: seconds, last: last)
    }

    func isListed(_ value: [UInt8], list: String) -> Bool? { self.lists[list]?.contains(value) }

    func members(of list: String) -> [[UInt8]]? { self.lists[list]?.members() }

    func run(_ call: SieveProgramCall, input: [UInt8]) -> (succeeded: Bool, output: [UInt8]) {
        do throws(StoreError) {
            let result: Result<SieveProgramRunner.Outcome, StoreError> = input.withUnsafeBytes { bytes in
                do throws(StoreError) {
                    return .success(try self.programs.run(call, bytes, for: self.context, until: self.interruption))
                } catch {
                    return .failure(error)
                }
            }
            let outcome = try result.get()
            if !outcome.succeeded {
                self.note(
                    "info: \(call.kind.rawValue): the program \"\(call.program)\" ended with \(outcome.complaint)")
            }
            return (outcome.succeeded, outcome.output)
        } catch {
            self.note("error: \(call.kind.rawValue): \(error.detail)")
            return (false, [])
        }
    }

    func log(_ text: String, of script: String, at position: SievePosition) {
        let shown = text.unicodeScalars.prefix(1000).map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) }
        self.note("\(script): line \(position.line), column \(position.column): debug: \(String(shown))")
    }
}

/// A list of values outside of scripts (RFC 6134).
public struct ExternalList: Sendable, Equatable {
    /// How members are written.
    public enum Form: Sendable, Equatable {
        /// One in a line; `#` begins a comment.
        case lines
        /// Pairs of lines, key and value, as Dovecot's file dict has them; the keys are members.
        case pairs
    }

    /// The file; empty: a list without members.
    public var path: String
    public var form: Form

    public init(path: String, form: Form) {
        self.path = path
        self.form = form
    }

    private static let maximumSize = 8 << 20

    /// ASCII letters count in any case, since most lists are of addresses. Waits for the disk.
    func contains(_ value: [UInt8]) -> Bool {
        guard !value.isEmpty else { return false }
        var isFound = false
        self.search { member in
            isFound = ASCII.equalsIgnoringCase(member, value)
            return !isFound
        }
        return isFound
    }

    /// All of them, or a first part that is more than scripts may send to; `nil`: the file cannot be read.
    func members() -> [[UInt8]]? {
        var members: [[UInt8]] = []
        let isReadable = self.search { member in
            if !member.isEmpty { members.append(Array(member)) }
            return members.count < 1000
        }
        return isReadable ? members : nil
    }

    /// Goes over the members while `body` wants more; `false`: the file cannot be read.
    @discardableResult
    private func search(_ body: (ArraySlice<UInt8>) -> Bool) -> Bool {
        if self.path.isEmpty { return true }
        guard let content = try? ScriptFile.read(self.path, limit: Self.maximumSize).octets else { return false }
        var isKey = true
        for line in content.split(separator: 0x0A, omittingEmptySubsequences: false) {
            var line = line
            if line.last == 0x0D { line = line.dropLast() }
            switch self.form {
            case .lines:
                while let last = line.last, last == 0x20 || last == 0x09 { line = line.dropLast() }
                line = line.drop { $0 == 0x20 || $0 == 0x09 }
                if line.first != UInt8(ascii: "#"), !body(line) { return true }
            case .pairs:
                if isKey {
                    let prefix = ["priv/", "shared/"].first { line.starts(with: $0.utf8) } ?? ""
                    if !body(line.dropFirst(prefix.utf8.count)) { return true }
                }
                isKey.toggle()
            }
        }
        return true
    }
}
