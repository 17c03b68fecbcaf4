import Logging
import MailCore
import MailStore
import POP3Core
import ServerConfig
import ServerCore

extension POP3Session {
    /// Octets of a message that are encoded before the client's pace is asked for.
    private static let pieceSize = 32 * 1024

    /// Read with one message for the commands that follow it.
    private static let readAheadMessages = 16
    /// Octets of them all.
    private static let readAheadOctets = 128 * 1024

    /// Messages whose unique-ids are asked for at once.
    private static let detailsAtOnce = 256

    /// Listed messages after which other sessions of the loop get their turn.
    private static let turn = 2048

    /// LIST without a number.
    func listSizes() async throws(ConnectionError) {
        guard let maildrop = self.state.maildrop else { return }
        self.reply(.ok("\(maildrop.count) messages:"))
        for index in maildrop.sizes.indices {
            if index % Self.turn == Self.turn - 1 { await Task.yield() }
            guard !maildrop.isDeleted(index) else { continue }
            POP3Listing.encode(index + 1, size: maildrop.sizes[index], into: &self.connection.output)
            try await self.connection.flushIfLarge()
        }
        POP3Listing.end(into: &self.connection.output)
    }

    /// UIDL without a number.
    func listUniqueIDs() async throws(ConnectionError) {
        guard let maildrop = self.state.maildrop, let snapshot = self.snapshot else { return }
        let form = UniqueIDForm(self.settings.pop3.uidlFormat)
        self.reply(.ok())
        var known: [MessageDetails?] = []
        var first = 0
        for index in 0..<min(snapshot.count, maildrop.sizes.count) {
            if index % Self.turn == Self.turn - 1 { await Task.yield() }
            if index == first + known.count, let mailbox = self.mailbox {
                // What cannot be read at once is asked for one by one.
                let records = (index..<min(index + Self.detailsAtOnce, snapshot.count)).map { snapshot[$0] }
                known = (try? await mailbox.details(of: records)) ?? []
                first = index
            }
            guard !maildrop.isDeleted(index) else { continue }
            let id: UniqueID
            if index - first < known.count, let details = known[index - first] {
                id = self.uniqueID(details, snapshot[index].uid, snapshot.uidValidity, form)
            } else {
                id = await self.uniqueID(of: snapshot[index].uid, snapshot.uidValidity, form)
                // Clients take messages with other unique-ids for new ones. A list has begun, so that an error cannot be
                // told any more; a list without an end can.
                if self.mailbox?.isRetired ?? false { throw ConnectionError(.closed, "The account is being moved.") }
            }
            POP3Listing.encode(index + 1, uniqueID: id.bytes, into: &self.connection.output)
            try await self.connection.flushIfLarge()
        }
        POP3Listing.end(into: &self.connection.output)
    }

    /// UIDL of one message.
    func answerUniqueID(_ index: Int) async {
        guard let snapshot = self.snapshot, index < snapshot.count else { return }
        let form = UniqueIDForm(self.settings.pop3.uidlFormat)
        let id = await self.uniqueID(of: snapshot[index].uid, snapshot.uidValidity, form)
        if self.mailbox?.isRetired ?? false { return self.reply(.error(.temporary, "The account is being moved.")) }
        self.reply(.ok("\(index + 1) " + String(decoding: id.bytes, as: UTF8.self)))
    }

    private func uniqueID(
        _ details: MessageDetails, _ uid: UID, _ uidValidity: UIDValidity, _ form: UniqueIDForm
    ) -> UniqueID {
        if let override = details.pop3UIDL, let id = UniqueID(override.utf8) { return id }
        return form.uniqueID(uid: uid, uidValidity, guid: details.guid)
    }

    /// What a former server told clients wins, so that they do not fetch everything again.
    private func uniqueID(of uid: UID, _ uidValidity: UIDValidity, _ form: UniqueIDForm) async -> UniqueID {
        do throws(StoreError) {
            if let details = try await self.mailbox?.details(of: uid) {
                return self.uniqueID(details, uid, uidValidity, form)
            }
        } catch {
            // The message is gone; its number stays taken until the end, and so does its unique-id.
            self.options.logger.debug("\(self.label): unique-id of UID \(uid.rawValue): \(error)")
        }
        return form.uniqueID(uid: uid, uidValidity, guid: nil)
    }

    /// RETR, and TOP with the number of lines.
    func send(_ index: Int, lines: Int?) async throws(ConnectionError) {
        guard let mailbox = self.mailbox, let snapshot = self.snapshot, index < snapshot.count else { return }
        let record = snapshot[index]
        // Answers to earlier commands need not wait for the disk.
        if self.readAhead[index] == nil { try await self.connection.flush() }
        let octets: MessageOctets
        do throws(StoreError) {
            octets = try await self.octets(of: index, in: snapshot, mailbox)
        } catch {
            switch error.code {
            case .expunged, .notFound: self.reply(.error("Message \(index + 1) is gone."))
            case .alreadyExists, .noPermission, .cannot, .overQuota, .tooBig, .limit, .inUse, .diskFull,
                .temporary, .damaged:
                self.options.logger.error(
                    "\(self.label): Reading UID \(record.uid.rawValue) failed: \(error)"
                )
                self.reply(.error(.temporary, "Message \(index + 1) cannot be read now."))
            }
            return
        }
        let length =
            lines.map { wanted in
                octets.withUnsafeBytes { TopLines.length(of: $0, lines: wanted) }
            } ?? octets.count
        self.reply(lines == nil ? .ok("\(length) octets") : .ok())
        var stuffer = DotStuffer()
        var from = 0
        while from < length {
            let end = min(length, from + Self.pieceSize)
            octets.withUnsafeBytes { bytes in
                stuffer.encode(
                    UnsafeRawBufferPointer(rebasing: bytes[from..<end]), into: &self.connection.output)
            }
            from = end
            try await self.connection.flushIfLarge()
        }
        stuffer.finish(into: &self.connection.output)
        if lines == nil {
            self.counters.retrieveCount += 1
            self.counters.retrieveOctets += UInt64(length)
            if !self.settings.pop3.leavesFlags, !record.flags.contains(.seen) {
                self.retrieved.insert(record.uid)
            }
        } else {
            self.counters.topCount += 1
            self.counters.topOctets += UInt64(length)
        }
    }

    /// The octets of one message. When the client has sent more commands already, or has just asked for the message
    /// before, those behind it are read in the same turn of a storage thread, since they come next nearly always.
    private func octets(
        of index: Int, in snapshot: MessageOrder, _ mailbox: any Mailbox
    ) async throws(StoreError) -> MessageOctets {
        let isNext = index == self.followingIndex
        self.followingIndex = index + 1
        if let known = self.readAhead.removeValue(forKey: index) { return try known.get() }
        let readsAhead = isNext || self.connection.withInput { !$0.isEmpty }
        let end = readsAhead ? min(snapshot.count, index + Self.readAheadMessages) : index + 1
        let found = try await mailbox.octets(of: (index..<end).map { snapshot[$0] }, limit: Self.readAheadOctets)
        guard let first = found.first else { throw StoreError(.expunged) }
        self.readAhead = [:]
        for (distance, octets) in found.enumerated().dropFirst() { self.readAhead[index + distance] = octets }
        return try first.get()
    }

    /// QUIT: only here messages are removed (RFC 1939 section 6).
    func quit(removing indices: [Int]) async {
        guard !indices.isEmpty, let mailbox = self.mailbox, let snapshot = self.snapshot else {
            self.reply(.ok("Logging out."))
            return
        }
        var uids = UIDSet()
        for index in indices where index < snapshot.count { uids.insert(snapshot[index].uid) }
        do throws(StoreError) {
            // Those that another session has removed meanwhile are as gone as this client wants them.
            _ = try await mailbox.remove(uids)
            self.counters.removed = indices.count
            self.reply(.ok("Logging out, messages deleted."))
        } catch {
            self.options.logger.error(
                "\(self.label): Removing messages failed: \(error)")
            self.reply(.error(.temporary, "Logging out, some messages were not deleted."))
        }
    }

    /// What is left to do however the session ends.
    func finish() async {
        guard let mailbox = self.mailbox else { return }
        if !self.retrieved.isEmpty {
            do throws(StoreError) {
                _ = try await mailbox.store(FlagChange(.add, .seen), self.retrieved, unchangedSince: nil)
            } catch {
                self.options.logger.warning(
                    "\(self.label): Setting \\Seen failed: \(error)")
            }
        }
        mailbox.close()
        self.mailbox = nil
    }
}

/// `pop3_uidl_format`, read once for many messages.
struct UniqueIDForm {
    /// `nil` for the default, which needs no expansion.
    private let expansion: Expansion?

    init(_ format: String) {
        guard format != POP3Settings().uidlFormat, case .success(let expansion) = Expansion.parse(format)
        else {
            self.expansion = nil
            return
        }
        self.expansion = expansion
    }

    /// The default form where the format gives what is no unique-id.
    func uniqueID(uid: UID, _ uidValidity: UIDValidity, guid: String?) -> UniqueID {
        let plain = UniqueID(uid: uid.rawValue, uidValidity: uidValidity.rawValue)
        guard let expansion = self.expansion else { return plain }
        let text = expansion.expand { name in
            switch name {
            case "uid": String(uid.rawValue)
            case "uidvalidity": String(uidValidity.rawValue)
            case "guid": guid
            default: nil
            }
        }
        return UniqueID(text.utf8) ?? plain
    }
}
