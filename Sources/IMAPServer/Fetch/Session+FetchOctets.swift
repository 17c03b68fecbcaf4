import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Octets of messages that are read at once.
    private static let bodyLimit = 1 << 20
    /// Octets of a response that are written at once.
    static let slice = 64 * 1024

    /// Answers what only the messages themselves say.
    func fetchMessages(
        _ batch: ArraySlice<(index: Int, record: MessageRecord)>, _ writer: FetchWriter,
        _ outcome: inout FetchOutcome
    ) async throws(ConnectionError) {
        var rest = batch
        while !rest.isEmpty {
            guard let mailbox = self.selected?.mailbox else { return }
            let messages: [Result<MessageOctets, StoreError>]
            do throws(StoreError) {
                messages = try await mailbox.octets(of: rest.map(\.record), limit: Self.bodyLimit)
            } catch {
                self.note(error, &outcome)
                return
            }
            var group = Array(rest.prefix(messages.count))
            var answers: [(position: Int, message: FetchedMessage)] = []
            var isOver = false
            for (position, result) in zip(group.indices, messages) {
                do throws(StoreError) {
                    let message = try await FetchedMessage(
                        try result.get(), writer.plan, self.options.store.threads)
                    answers.append((position, message))
                } catch {
                    self.note(error, &outcome)
                    isOver = self.endsAtOnce(outcome)
                }
                if isOver { break }
            }
            if writer.plan.marking == .onceRead {
                let uids = answers.lazy.filter { $0.message.failure == nil }.map { group[$0.position].record.uid }
                await self.markSeen(Array(uids), in: &group, writer)
            }
            for (position, message) in answers {
                let (index, record) = group[position]
                if let failure = message.failure {
                    if outcome.undecoded != .unknownEncoding { outcome.undecoded = failure }
                    writer.writeWithoutOctets(record, at: index, into: &self.connection.output)
                } else {
                    try await self.write(message, record, at: index, writer)
                }
            }
            if isOver { return }
            // A store that reads nothing must not make this loop for ever.
            rest = rest.dropFirst(max(1, messages.count))
        }
    }

    /// Writes the response of a message from its octets.
    private func write(
        _ message: FetchedMessage, _ record: MessageRecord, at index: Int, _ writer: FetchWriter
    ) async throws(ConnectionError) {
        var response = writer.selected.beginFetch(record, at: index, into: &self.connection.output)
        for item in writer.plan.items {
            guard item.source != .record else {
                writer.writeRecordItem(item.item, record, &response, &self.connection.output)
                continue
            }
            if case .preview = item.item {
                let preview = await message.preview(self.options.store.threads)
                response.preview(preview, into: &self.connection.output)
                continue
            }
            if item.item.binaryPath != nil {
                try await self.writeBinary(message, item, &response)
                continue
            }
            guard let (section, partial) = item.item.section else {
                let wire = await message.structure(item.item, writer.charset, self.options.store.threads)
                response.wire(item.item.structureName, wire, into: &self.connection.output)
                continue
            }
            response.beginOctets(item.name, into: &self.connection.output)
            switch await message.content(section, writer.charset, self.options.store.threads) {
            case .none: self.connection.output.append("NIL")
            case .octets(let octets):
                let range = partial.range(of: octets.count)
                self.connection.output.appendLiteral(octets[range])
                self.count(section, range.count)
            case .range(let range):
                let part = partial.range(of: range.count)
                let start = range.lowerBound + part.lowerBound
                try await self.stream(message.octets, start..<start + part.count)
                self.count(section, part.count)
            }
        }
        writer.writeNewFlags(record, &response, &self.connection.output)
        response.end(into: &self.connection.output)
        try await self.connection.flushIfLarge()
    }

    /// Writes octets of a message as a literal, slice by slice.
    private func stream(_ octets: MessageOctets, _ range: Range<Int>) async throws(ConnectionError) {
        self.connection.output.appendLiteralHeader(UInt64(range.count))
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + Self.slice)
            octets.withUnsafeBytes {
                self.connection.output.appendSendable(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            start = end
            try await self.connection.flushIfLarge()
        }
    }

    private func count(_ section: Section, _ octets: Int) {
        if section.isHeader {
            self.statistics.headerCount += 1
            self.statistics.headerBytes += UInt64(octets)
        } else {
            self.statistics.bodyCount += 1
            self.statistics.bodyBytes += UInt64(octets)
        }
    }
}

extension FetchItem {
    var structureName: StaticString {
        switch self {
        case .envelope: "ENVELOPE"
        case .body: "BODY"
        case .bodyStructure: "BODYSTRUCTURE"
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .rfc822,
            .rfc822Header, .rfc822Text, .section, .binary, .binarySize:
            preconditionFailure("not an item of structure")
        }
    }
}
