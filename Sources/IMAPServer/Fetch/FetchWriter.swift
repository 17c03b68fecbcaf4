import Glibc
import IMAPCore
import MIMECore
import MailCore
import MailStore

/// Writes FETCH responses that need no more than a record and a cache.
///
/// A class, so that the asynchronous functions that pass it on hold one reference and not its fields.
final class FetchWriter {
    let plan: FetchPlan
    var selected: SelectedMailbox
    /// UIDs that this command made \Seen: their flags are told along.
    var becameSeen = UIDSet()
    /// Whether the MODSEQ goes along with them (RFC 7162 section 3.2.4).
    var tellsModSeq = false
    /// Whether the UID goes along with them, as it must for those who know MODSEQ (RFC 7162 section 3.2.4).
    var tellsUID = false
    /// By UID, when the plan asks for them.
    var traits: [UID: MessageTraits] = [:]
    /// In what form headers are shown.
    var charset = WireCharset.ascii
    var statistics = SessionStatistics()
    private var scratch: [UInt8] = []

    init(_ plan: FetchPlan, _ selected: SelectedMailbox) {
        self.plan = plan
        self.selected = selected
    }

    /// Writes the whole response of a message. `false`, with nothing written, when `cache` lacks something.
    func write(
        _ record: MessageRecord, at index: Int, _ cache: MessageCache.View?, into out: inout [UInt8]
    ) -> Bool {
        let start = out.count
        let before = self.statistics
        var response = self.selected.beginFetch(record, at: index, into: &out)
        for item in self.plan.items {
            switch item.source {
            case .record: self.writeRecordItem(item.item, record, &response, &out)
            case .cache:
                guard let cache, self.writeCacheItem(item, cache, &response, &out) else {
                    out.removeLast(out.count - start)
                    self.statistics = before
                    return false
                }
            case .message:
                out.removeLast(out.count - start)
                self.statistics = before
                return false
            }
        }
        self.writeNewFlags(record, &response, &out)
        response.end(into: &out)
        return true
    }

    /// The flags of a message that this command made \Seen, unless it tells them anyway.
    func writeNewFlags(_ record: MessageRecord, _ response: inout FetchResponse, _ out: inout [UInt8]) {
        guard self.becameSeen.contains(record.uid) else { return }
        if self.tellsUID { self.writeRecordItem(.uid, record, &response, &out) }
        if !self.plan.hasFlags { self.writeRecordItem(.flags, record, &response, &out) }
        if self.tellsModSeq { self.writeRecordItem(.modSeq, record, &response, &out) }
    }

    /// Writes what is known of a message whose octets are of no use for the rest.
    func writeWithoutOctets(_ record: MessageRecord, at index: Int, into out: inout [UInt8]) {
        let items = self.plan.items.filter { $0.source == .record }
        guard !items.isEmpty else { return }
        var response = self.selected.beginFetch(record, at: index, into: &out)
        for item in items { self.writeRecordItem(item.item, record, &response, &out) }
        response.end(into: &out)
    }

    func writeRecordItem(
        _ item: FetchItem, _ record: MessageRecord, _ response: inout FetchResponse, _ out: inout [UInt8]
    ) {
        switch item {
        case .uid: response.uid(record.uid, into: &out)
        case .flags:
            response.flags(
                record.flags, isRecent: self.selected.isRecent(record.uid),
                keywords: self.selected.keywords(record), into: &out)
        case .internalDate:
            response.internalDate(MessageDate(secondsSince1970: record.internalDate), into: &out)
        case .size: response.size(UInt64(record.size), into: &out)
        case .modSeq: response.modSeq(record.modSeq, into: &out)
        case .saveDate:
            guard let traits = self.traits[record.uid] else { return }
            response.saveDate(MessageDate(secondsSince1970: traits.saveDate), into: &out)
        case .emailID:
            if let traits = self.traits[record.uid] { response.objectID(traits.emailID, into: &out) }
        case .threadID:
            if let id = self.traits[record.uid]?.threadID { response.objectID(id, into: &out) }
        case .preview, .envelope, .body, .bodyStructure, .rfc822, .rfc822Header, .rfc822Text, .section, .binary,
            .binarySize:
            preconditionFailure("not an item of the record")
        }
    }

    private func writeCacheItem(
        _ item: FetchPlan.Item, _ cache: MessageCache.View, _ response: inout FetchResponse,
        _ out: inout [UInt8]
    ) -> Bool {
        switch item.item {
        case .envelope:
            guard let envelope = cache.envelope, self.charset == .ascii || !cache.hasEightBitHeader else {
                return false
            }
            response.wire("ENVELOPE", envelope, into: &out)
        case .bodyStructure:
            guard let structure = cache.bodyStructure, self.charset == .ascii || !cache.mayHaveUTF8Structure else {
                return false
            }
            response.wire("BODYSTRUCTURE", structure, into: &out)
        case .body:
            self.scratch.removeAll(keepingCapacity: true)
            guard self.charset == .ascii || !cache.mayHaveUTF8Structure else { return false }
            guard cache.appendBody(to: &self.scratch) else { return false }
            response.wire("BODY", self.scratch, into: &out)
        case .section(let section):
            self.scratch.removeAll(keepingCapacity: true)
            guard let fields = item.fields, cache.appendHeaderFields(fields, to: &self.scratch) else {
                return false
            }
            if self.charset == .ascii, cache.hasEightBitHeader { self.scratch = self.scratch.downgradedHeader }
            response.beginOctets(item.name, into: &out)
            let range = section.partial.range(of: self.scratch.count)
            out.appendLiteral(self.scratch[range])
            self.statistics.headerCount += 1
            self.statistics.headerBytes += UInt64(range.count)
        case .preview: response.preview(cache.preview, into: &out)
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .rfc822, .rfc822Header,
            .rfc822Text, .binary, .binarySize:
            return false
        }
        return true
    }
}

extension [UInt8] {
    /// Header fields for a client that did not ask for UTF-8.
    var downgradedHeader: [UInt8] {
        guard self.contains(where: { $0 >= 0x80 }) else { return self }
        var out: [UInt8] = []
        self.withUnsafeBytes { HeaderDowngrade.append(Octets($0), to: &out) }
        return out
    }
}

extension FetchSection.Partial? {
    /// The octets of a section of `count` that are asked for; empty behind its end.
    func range(of count: Int) -> Range<Int> {
        guard let self else { return 0..<count }
        let first = min(Int(clamping: self.first), count)
        return first..<first + min(Int(clamping: self.count), count - first)
    }
}

extension [UInt8] {
    /// Appends a literal with its octets; see `appendSendable`.
    mutating func appendLiteral(_ octets: ArraySlice<UInt8>) {
        self.appendLiteralHeader(UInt64(octets.count))
        octets.withUnsafeBytes { self.appendSendable($0) }
    }

    /// Appends octets of a message. NUL may not stand in a literal; 0x80 replaces it, which keeps the length.
    mutating func appendSendable(_ octets: UnsafeRawBufferPointer) {
        let start = self.count
        self.append(contentsOf: octets)
        guard let base = octets.baseAddress, memchr(base, 0, octets.count) != nil else { return }
        for i in start..<self.count where self[i] == 0 { self[i] = 0x80 }
    }
}
