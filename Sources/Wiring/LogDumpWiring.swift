import IndexedStore
import VolumeLog

/// The log cannot be read.
public struct LogDumpError: Error, Sendable {
    public enum Code: Sendable, Hashable {
        case noPermission
        /// There is no such directory.
        case notFound
        case other
    }

    public let code: Code
    public let text: String

    public init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }

    init(_ error: any Error) {
        switch (error as? VolumeLogError)?.code {
        case .permissionDenied: self.code = .noPermission
        case .fileNotFound: self.code = .notFound
        case nil, .locked, .stopped, .diskFull, .exhausted, .sourceUnreadable, .payloadTooLarge, .damaged,
            .noSuchRecord, .unsupportedVersion, .inputOutput, .readOnly, .other:
            self.code = .other
        }
        self.text = "\(error)"
    }
}

/// The records of a volume's log as rows of texts.
public enum LogDumpWiring {
    public struct Row: Sendable {
        public var values: [String]
        /// Whether it stands for something that cannot be read.
        public var isDamage: Bool
    }

    public static let columns = LogDump.columns

    /// The numbers of the log's segments in order, with a last 0 for files in which nothing can be read.
    public static func segments(directory: String) throws(LogDumpError) -> [UInt32] {
        do {
            let reader = try LogReader(directory: directory)
            return reader.segments.map(\.number) + (reader.unreadable.isEmpty ? [] : [0])
        } catch {
            throw LogDumpError(error)
        }
    }

    /// What is in one segment, from a sequence number on.
    public static func rows(directory: String, segment: UInt32, from first: UInt64) throws(LogDumpError) -> [Row] {
        var rows: [Row] = []
        do {
            try LogDump.run(directory: directory, segment: segment, from: LogSequence(rawValue: first)) { row in
                rows.append(Self.row(row))
                return true
            }
        } catch {
            throw LogDumpError(error)
        }
        return rows
    }

    private static func row(_ row: LogDump.Row) -> Row {
        Row(
            values: [
                row.sequence == 0 ? "" : "\(row.sequence)", Self.hexadecimal(row.segment), "\(row.offset)",
                "\(row.octets)", row.kind, row.account, row.mailbox, row.text,
            ], isDamage: row.kind == "damage" || row.kind == "unreadable")
    }

    private static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
