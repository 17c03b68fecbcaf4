import IMAPCore
import MIMECore
import MailCore
import MailStore

extension Session {
    /// Octets that are copied at once.
    private static let catenatedSlice = 64 * 1024

    /// Appends what URLs lead to (RFC 4469 section 3), without marking anything \\Seen.
    func catenate(_ urls: [[UInt8]], to assembly: MessageAssembly) async -> Refusal? {
        for text in urls {
            do throws(StoreError) {
                guard let url = IMAPURL(text), url.server == nil, url.authorization == nil,
                    let content = try await self.content(of: url)
                else { return (.badURL(text), "URL leads to no message of this account") }
                let limit = self.settings.maximumMessageSize
                guard limit == 0 || assembly.count + UInt64(content.count) <= limit else {
                    return (.tooBig, "Message is too large")
                }
                var start = 0
                while start < content.count {
                    let end = min(content.count, start + Self.catenatedSlice)
                    content.withUnsafeBytes { assembly.take(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
                    start = end
                    try await assembly.drain()
                    await Task.yield()
                }
            } catch {
                self.logFault(error)
                return error.response
            }
        }
        return nil
    }

    /// The octets that a URL leads to within the account; `nil` when it leads to nothing there.
    ///
    /// A URL without mailbox is one of the selected mailbox.
    func content(of url: IMAPURL) async throws(StoreError) -> URLContent? {
        guard let wire = url.mailbox else {
            guard let mailbox = self.selected?.mailbox else { return nil }
            return try await URLContent(url, mailbox, self.options.store.threads)
        }
        guard let account = self.account, let text = String(validating: wire, as: UTF8.self),
            let exact = self.names.name(inURL: text)
        else { return nil }
        let name = try await account.resolve(exact)
        if let selected = self.selected?.mailbox, selected.name == name, !selected.isDeleted {
            return try await URLContent(url, selected, self.options.store.threads)
        }
        let mailbox: any Mailbox
        do throws(StoreError) {
            mailbox = try await account.open(name, .readOnly, onChange: {})
        } catch {
            switch error.code {
            case .notFound, .cannot, .noPermission: return nil
            default: throw error
            }
        }
        let content: Result<URLContent?, StoreError>
        do throws(StoreError) {
            content = .success(try await URLContent(url, mailbox, self.options.store.threads))
        } catch {
            content = .failure(error)
        }
        mailbox.close()
        return try content.get()
    }
}

/// What a URL leads to: a message, or a part of one.
struct URLContent: Sendable {
    let octets: MessageOctets
    /// Header fields that were chosen; `nil` for a run of the message.
    private let chosen: [UInt8]?
    /// The part of `octets`, or of `chosen`, that is meant.
    private let range: Range<Int>
    /// The message's structure, once it was needed.
    let table: PartTable?

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
        let first = min(whole.count, Int(url.partial?.first ?? 0))
        let count = min(whole.count - first, url.partial?.count.map(Int.init) ?? .max)
        self.range = whole.lowerBound + first..<whole.lowerBound + first + count
    }

    var count: Int { self.range.count }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        if let chosen = self.chosen {
            return chosen.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[self.range])) }
        }
        return self.octets.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[self.range])) }
    }
}
