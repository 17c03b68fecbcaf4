import MailCore

/// Why a backup cannot be read further.
public struct BackupError: Error, Sendable, Hashable {
    public enum Code: Sendable, Hashable {
        /// It does not begin like one.
        case noBackup
        /// A later release wrote it, in a version of the format that is unknown here.
        case newer(UInt32)
        /// Octets were changed or are missing.
        case damaged
        /// It ends too early.
        case truncated
    }

    public var code: Code
    /// Octets from its beginning up to where it is wrong.
    public var offset: UInt64

    public init(_ code: Code, offset: UInt64) {
        self.code = code
        self.offset = offset
    }

    /// For an administrator.
    public var text: String {
        switch self.code {
        case .noBackup: "this is no backup of martlet"
        case .newer(let version):
            "the backup has version \(version) of the format; this release reads up to \(BackupHead.version)"
        case .damaged: "the backup is damaged at octet \(self.offset)"
        case .truncated: "the backup is cut short: it ends at octet \(self.offset)"
        }
    }
}

/// Reads a backup from octets as they come, in pieces of any size. Holds one frame at most.
public struct BackupReader: Sendable {
    private enum State: Sendable, Hashable {
        case mark
        /// The head must come first.
        case first
        case frames
        case ended
    }

    private var state = State.mark
    private var buffer: [UInt8] = []
    private var start = 0
    private var sum: UInt32 = 0
    /// Octets of the backup before the next frame.
    public private(set) var offset: UInt64 = 0

    public init() {}

    /// Takes octets.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if self.start > 0 {
            self.buffer.removeFirst(self.start)
            self.start = 0
        }
        self.buffer.append(contentsOf: bytes)
    }

    /// Whether the last item was the end.
    public var isAtEnd: Bool { self.state == .ended }

    /// Octets that came behind what was read; after the end, those of something else.
    public mutating func takeRest() -> [UInt8] {
        defer {
            self.buffer = []
            self.start = 0
        }
        return Array(self.buffer[self.start...])
    }

    /// The next item; `nil` when more octets are needed, and after the end.
    public mutating func next() throws(BackupError) -> BackupItem? {
        switch self.state {
        case .ended: return nil
        case .mark:
            let known = min(BackupWriter.mark.count, self.buffer.count - self.start)
            guard self.buffer[self.start..<self.start + known].elementsEqual(BackupWriter.mark.prefix(known)) else {
                throw BackupError(.noBackup, offset: 0)
            }
            guard known == BackupWriter.mark.count else { return nil }
            self.advance(known)
            self.state = .first
            return try self.next()
        case .first, .frames: return try self.frame()
        }
    }

    /// To be called when no octets are left: throws when the backup is not whole.
    public func finish() throws(BackupError) {
        guard self.state != .ended else { return }
        throw BackupError(.truncated, offset: self.offset + UInt64(self.buffer.count - self.start))
    }

    private mutating func advance(_ count: Int) {
        self.start += count
        self.offset += UInt64(count)
    }

    private mutating func frame() throws(BackupError) -> BackupItem? {
        let available = self.buffer.count - self.start
        guard available >= 4 else { return nil }
        let start = self.start
        let before = self.sum
        let length = self.buffer.withUnsafeBytes {
            Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
        }
        guard length <= BackupWriter.maximumPayload else { throw BackupError(.damaged, offset: self.offset) }
        guard available >= length + 9 else { return nil }
        let (sum, isIntact, kind) = self.buffer.withUnsafeBytes { bytes in
            let sum = CRC32C.continued(before, UnsafeRawBufferPointer(rebasing: bytes[start..<start + 5 + length]))
            let stored = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 5 + length, as: UInt32.self))
            return (sum, sum == stored, bytes[start + 4])
        }
        guard isIntact else { throw BackupError(.damaged, offset: self.offset) }
        let isFirst = self.state == .first
        if isFirst {
            // The version decides what the rest means, so it is looked at before.
            let version = self.buffer.withUnsafeBytes { bytes -> UInt32? in
                guard kind == BackupItem.Kind.begin.rawValue, length >= 4 else { return nil }
                return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 5, as: UInt32.self))
            }
            guard let version else { throw BackupError(.noBackup, offset: self.offset) }
            guard version <= BackupHead.version else { throw BackupError(.newer(version), offset: self.offset) }
        }
        let item = self.buffer.withUnsafeBytes { bytes -> BackupItem? in
            guard let kind = BackupItem.Kind(rawValue: kind), (kind == .begin) == isFirst else { return nil }
            return BackupItem(kind: kind, UnsafeRawBufferPointer(rebasing: bytes[start + 5..<start + 5 + length]))
        }
        guard let item else { throw BackupError(.damaged, offset: self.offset) }
        self.sum = sum
        self.advance(length + 9)
        self.state = .frames
        if case .end = item { self.state = .ended }
        return item
    }
}
