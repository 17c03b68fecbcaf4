import IMAPCore
import MIMECore
import MailCore
import MailStore

/// What a URL leads to: a message, or a part of one.
struct URLContent: Sendable {
    let octets: MessageOctets
    /// Header fields that were chosen; `nil` for a run of the message.
    private let chosen: [UInt8]?
    /// The part of `octets`, or of `chosen`, that is meant.
    private let range: Range<Int>
    /// The message's structure, once it was needed.
    private let table: PartTable?
    private let section: Section
    private let partial: IMAPURL.Partial?

    /// `nil` when the mailbox has no such message, or the message no such part.
    init?(
        _ url: IMAPURL, _ mailbox: any Mailbox, _ threads: StorageThreads
    ) async throws(StoreError) {
        let snapshot = mailbox.snapshot()
        if let validity = url.uidValidity, validity != snapshot.uidValidity.rawValue { return nil }
        guard let uid = UID(rawValue: url.uid), let record = snapshot.record(of: uid),
            let read = try await mailbox.octets(of: [record], limit: 1).first
        else { return nil }
        let octets: MessageOctets
        do throws(StoreError) {
            octets = try read.get()
        } catch {
            guard error.code != .expunged else { return nil }
            throw error
        }
        self.octets = octets
        var whole = 0..<octets.count
        var chosen: [UInt8]?
        var table: PartTable?
        if url.section != Section() {
            let parsed = try await threads.run { () throws(StoreError) -> PartTable in
                octets.withUnsafeBytes { PartTable($0) }
            }
            table = parsed
            switch octets.withUnsafeBytes({ url.section.content(of: $0, parsed) }) {
            case .none: return nil
            case .range(let range): whole = range
            case .octets(let fields):
                chosen = fields
                whole = 0..<fields.count
            }
        }
        self.table = table
        self.chosen = chosen
        self.section = url.section
        self.partial = url.partial
        let part = Self.range(url.partial, of: whole.count)
        self.range = whole.lowerBound + part.lowerBound..<whole.lowerBound + part.upperBound
    }

    private static func range(_ partial: IMAPURL.Partial?, of count: Int) -> Range<Int> {
        let first = min(count, Int(clamping: partial?.first ?? 0))
        return first..<first + min(count - first, partial?.count.map { Int(clamping: $0) } ?? .max)
    }

    var count: Int { self.range.count }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        if let chosen = self.chosen {
            return chosen.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[self.range])) }
        }
        return self.octets.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[self.range])) }
    }

    // MARK: Other forms (RFC 5524)

    /// What BODYSTRUCTURE says of the part; NIL for what is no part, such as a header.
    func structure(_ charset: WireCharset, _ threads: StorageThreads) async throws(StoreError) -> [UInt8] {
        guard self.section.kind == .full else { return Array("NIL".utf8) }
        let table = self.table
        let octets = self.octets
        let path = self.section.path
        return try await threads.run { () throws(StoreError) -> [UInt8] in
            octets.withUnsafeBytes { bytes in
                var wire: [UInt8] = []
                BodyStructure.append(path, of: Octets(bytes), table ?? PartTable(bytes), charset: charset, to: &wire)
                return wire
            }
        }
    }

    /// The part without its transfer encoding; `nil` when it is damaged or not known.
    func decoded(_ threads: StorageThreads) async throws(StoreError) -> DecodedURLContent? {
        // What is no part has no transfer encoding.
        guard self.section.kind == .full else { return nil }
        let table = self.table
        let octets = self.octets
        let path = self.section.path
        let partial = self.partial
        return try await threads.run { () throws(StoreError) -> DecodedURLContent? in
            octets.withUnsafeBytes { bytes in
                do throws(Transcoding.Failure) {
                    guard let transcoding = try Transcoding.decoded(path, of: bytes, table ?? PartTable(bytes)) else {
                        return nil
                    }
                    let range = Self.range(partial, of: transcoding.count)
                    var reader = transcoding.reader(first: range.lowerBound, count: range.count)
                    if reader.isSkipping { reader.skip(in: bytes) }
                    return DecodedURLContent(
                        reader: reader, count: range.count, containsNUL: transcoding.containsNUL)
                } catch {
                    return nil
                }
            }
        }
    }
}

/// What a URL leads to, to be read without its transfer encoding.
struct DecodedURLContent: Sendable {
    var reader: Transcoding.Reader
    let count: Int
    let containsNUL: Bool
}
