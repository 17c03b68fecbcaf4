import IMAPCore
import MIMECore
import MailStore

/// A message that is fetched from its octets, with its structure when an item needs it.
struct FetchedMessage: Sendable {
    let octets: MessageOctets
    let table: PartTable?
    /// The decoded sections of BINARY and BINARY.SIZE by their paths; `nil` where the message has no such part.
    private let transcodings: [[Int]: Transcoding?]
    /// Why one of them cannot be had.
    let failure: Transcoding.Failure?

    /// Parsing of smaller messages is not worth a change of thread.
    private static let inlineSize = 128 * 1024

    /// Parses the message where an item needs its structure, a large one on a storage thread.
    init(_ octets: MessageOctets, _ plan: FetchPlan, _ threads: StorageThreads) async throws(StoreError) {
        self.octets = octets
        let paths = Set(plan.items.compactMap(\.item.binaryPath))
        guard plan.items.contains(where: Self.needsTable) else {
            self.table = nil
            self.transcodings = [:]
            self.failure = nil
            return
        }
        let parsed: Parsed
        if octets.count <= Self.inlineSize {
            parsed = Parsed(octets, paths)
        } else {
            parsed = try await threads.run { () throws(StoreError) -> Parsed in Parsed(octets, paths) }
        }
        self.table = parsed.table
        self.transcodings = parsed.transcodings
        self.failure = parsed.failure
    }

    private struct Parsed: Sendable {
        let table: PartTable
        var transcodings: [[Int]: Transcoding?] = [:]
        var failure: Transcoding.Failure?

        init(_ octets: MessageOctets, _ paths: Set<[Int]>) {
            self.table = octets.withUnsafeBytes { PartTable($0) }
            for path in paths {
                do throws(Transcoding.Failure) {
                    self.transcodings[path] = .some(
                        try octets.withUnsafeBytes { (bytes) throws(Transcoding.Failure) in
                            try Transcoding.decoded(path, of: bytes, self.table)
                        })
                } catch {
                    // What is not known weighs more than what is broken.
                    if self.failure != .unknownEncoding { self.failure = error }
                }
            }
        }
    }

    /// A section of BINARY; `nil` when the message has no such part.
    func decoded(_ path: [Int]) -> Transcoding? { self.transcodings[path] ?? nil }

    /// A reader of a decoded section that has passed over what comes before a partial's first octet.
    func reader(
        _ transcoding: Transcoding, _ range: Range<Int>, _ threads: StorageThreads
    ) async -> Transcoding.Reader {
        let reader = transcoding.reader(first: range.lowerBound, count: range.count)
        guard reader.isSkipping, range.lowerBound > Self.inlineSize else { return reader }
        let octets = self.octets
        do throws(StoreError) {
            return try await threads.run { () throws(StoreError) -> Transcoding.Reader in
                var skipping = reader
                octets.withUnsafeBytes { skipping.skip(in: $0) }
                return skipping
            }
        } catch {
            // No thread to be had: the reader skips as it goes.
            return reader
        }
    }

    private static func needsTable(_ item: FetchPlan.Item) -> Bool {
        guard item.source != .record else { return false }
        guard let (section, _) = item.item.section else { return true }
        return !(section.path.isEmpty && section.kind == .full)
    }

    /// Work on the message that takes time: of a large one on a storage thread, or here when there is none to be had.
    private func work<Result: Sendable>(
        _ threads: StorageThreads, octets: Int, _ body: @escaping @Sendable (FetchedMessage) -> Result
    ) async -> Result {
        guard octets > Self.inlineSize else { return body(self) }
        do throws(StoreError) {
            return try await threads.run { () throws(StoreError) -> Result in body(self) }
        } catch {
            return body(self)
        }
    }

    /// The content of a section; `nil` when the message has no such part. Headers are in `charset`; whole messages,
    /// whose sizes clients compare, are as they are.
    func content(
        _ section: Section, _ charset: WireCharset, _ threads: StorageThreads
    ) async -> Section.Content? {
        guard let table = self.table else { return .range(0..<self.octets.count) }
        // Only fields of a header are looked at one by one.
        let range = section.isHeader ? section.range(in: table, messageSize: self.octets.count) : nil
        return await self.work(threads, octets: range?.count ?? 0) { $0.content(section, charset) }
    }

    private func content(_ section: Section, _ charset: WireCharset) -> Section.Content? {
        guard let table = self.table else { return .range(0..<self.octets.count) }
        return self.octets.withUnsafeBytes { bytes in
            guard let content = section.content(of: bytes, table) else { return nil }
            guard section.isHeader, charset == .ascii else { return content }
            switch content {
            case .octets(let octets): return .octets(octets.downgradedHeader)
            case .range(let range):
                let header = Octets(bytes)[range]
                guard header.containsEightBit else { return content }
                var out: [UInt8] = []
                HeaderDowngrade.append(header, to: &out)
                return .octets(out)
            }
        }
    }

    /// The preview, as the cache would have it.
    func preview(_ threads: StorageThreads) async -> [UInt8]? {
        await self.work(threads, octets: self.octets.count) { $0.makePreview() }
    }

    private func makePreview() -> [UInt8]? {
        guard let table = self.table else { return nil }
        return self.octets.withUnsafeBytes { Preview.make($0, table, converter: .system) }
    }

    /// The wire form of ENVELOPE, BODY or BODYSTRUCTURE.
    func structure(_ item: FetchItem, _ charset: WireCharset, _ threads: StorageThreads) async -> [UInt8] {
        await self.work(threads, octets: self.octets.count) { message in
            var wire: [UInt8] = []
            message.appendStructure(item, charset, to: &wire)
            return wire
        }
    }

    private func appendStructure(_ item: FetchItem, _ charset: WireCharset, to out: inout [UInt8]) {
        guard let table = self.table else { return }
        self.octets.withUnsafeBytes { bytes in
            let message = Octets(bytes)
            switch item {
            case .envelope: Envelope.append(message[table.root.header], charset: charset, to: &out)
            case .bodyStructure: BodyStructure.append(message, table, charset: charset, to: &out)
            case .body: BodyStructure.appendBody(message, table, charset: charset, to: &out)
            case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .rfc822,
                .rfc822Header, .rfc822Text, .section, .binary, .binarySize:
                break
            }
        }
    }
}

extension FetchItem {
    /// The path of an item of BINARY.
    var binaryPath: [Int]? {
        switch self {
        case .binary(let binary): binary.path
        case .binarySize(let path): path
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .envelope,
            .body, .bodyStructure, .rfc822, .rfc822Header, .rfc822Text, .section:
            nil
        }
    }
}
