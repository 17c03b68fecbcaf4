import IMAPCore
import MIMECore
import MailStore

/// A message that is fetched from its octets, with its structure when an item needs it.
struct FetchedMessage: Sendable {
    let octets: MessageOctets
    let table: PartTable?

    /// Parsing of smaller messages is not worth a change of thread.
    private static let inlineSize = 128 * 1024

    /// Parses the message where an item needs its structure, a large one on a storage thread.
    init(_ octets: MessageOctets, _ plan: FetchPlan, _ threads: StorageThreads) async throws(StoreError) {
        self.octets = octets
        guard plan.items.contains(where: Self.needsTable) else {
            self.table = nil
            return
        }
        if octets.count <= Self.inlineSize {
            self.table = octets.withUnsafeBytes { PartTable($0) }
        } else {
            self.table = try await threads.run { () throws(StoreError) -> PartTable in
                octets.withUnsafeBytes { PartTable($0) }
            }
        }
    }

    private static func needsTable(_ item: FetchPlan.Item) -> Bool {
        guard item.source != .record else { return false }
        guard let (section, _) = item.item.section else { return true }
        return !(section.path.isEmpty && section.kind == .full)
    }

    /// The content of a section; `nil` when the message has no such part.
    func content(_ section: Section) -> Section.Content? {
        guard let table = self.table else { return .range(0..<self.octets.count) }
        return self.octets.withUnsafeBytes { section.content(of: $0, table) }
    }

    /// Appends the wire form of ENVELOPE, BODY or BODYSTRUCTURE.
    func appendStructure(_ item: FetchItem, to out: inout [UInt8]) {
        guard let table = self.table else { return }
        self.octets.withUnsafeBytes { bytes in
            let message = Octets(bytes)
            switch item {
            case .envelope: Envelope.append(message[table.root.header], to: &out)
            case .bodyStructure: BodyStructure.append(message, table, to: &out)
            case .body: BodyStructure.appendBody(message, table, to: &out)
            case .uid, .flags, .internalDate, .size, .modSeq, .rfc822, .rfc822Header, .rfc822Text, .section:
                break
            }
        }
    }
}
