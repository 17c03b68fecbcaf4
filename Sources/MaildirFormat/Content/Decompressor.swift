import CDecompress
import Glibc
import MailStore

/// Reads an open file that another server has compressed, a piece at a time.
///
/// Several streams behind each other are one message, as their tools have it; what follows that is no stream is
/// left out.
struct Decompressor: ~Copyable {
    /// What a file's first octets say it is compressed with.
    struct Kind: Equatable {
        fileprivate let number: CInt

        /// Octets to look at.
        static let length = Int(MARTLET_MAGIC_LENGTH)

        /// `nil` for octets that begin no compressed stream.
        init?(_ start: [UInt8]) {
            let number = martlet_compression_kind(start, start.count)
            guard number != CInt(MARTLET_PLAIN) else { return nil }
            self.number = number
        }
    }

    /// What `next` found.
    enum Piece {
        /// As many octets of the buffer.
        case octets(Int)
        case end
        /// The file is cut short or broken here.
        case damage
    }

    private var stream: OpaquePointer
    private let kind: Kind
    private let descriptor: CInt
    private var input: [UInt8] = []
    /// What of `input` is used.
    private var offset = 0
    private var isAtEnd = false
    /// Between two streams.
    private var isBetween = false

    private static let chunk = 65_536

    /// - Parameter descriptor: of the file, at its start; stays the caller's.
    init(_ kind: Kind, _ descriptor: CInt, _ path: RelativePath) throws(StoreError) {
        self.stream = try Self.makeStream(kind, path)
        self.kind = kind
        self.descriptor = descriptor
    }

    deinit { martlet_decompressor_free(self.stream) }

    private static func makeStream(_ kind: Kind, _ path: RelativePath) throws(StoreError) -> OpaquePointer {
        var why: CInt = 0
        if let made = martlet_decompressor_make(kind.number, &why) { return made }
        guard why == CInt(MARTLET_NO_LIBRARY), let name = martlet_compression_library(kind.number) else {
            throw StoreError(.temporary, "\(path.text): no memory to decompress it")
        }
        throw StoreError(
            .temporary,
            "\(path.text) is compressed and needs the library \(String(cString: name)), which is not installed")
    }

    /// Fills `buffer`, of at least 65,536 octets, with what comes next.
    mutating func next(_ buffer: UnsafeMutableRawBufferPointer, _ path: RelativePath) throws(StoreError) -> Piece {
        guard let out = buffer.baseAddress else { return .damage }
        while true {
            if self.offset == self.input.count, !self.isAtEnd {
                self.input = try FileContent.read(self.descriptor, count: Self.chunk, path)
                self.offset = 0
                self.isAtEnd = self.input.isEmpty
            }
            if self.isBetween {
                guard try self.beginAnother(path) else { return .end }
            }
            var used = 0
            var made = 0
            let offset = self.offset
            let stream = self.stream
            let result = self.input.withUnsafeBytes { bytes -> CInt in
                let start = bytes.baseAddress.map { $0 + offset }
                return martlet_decompress(
                    stream, start?.assumingMemoryBound(to: UInt8.self), bytes.count - offset, &used,
                    out.assumingMemoryBound(to: UInt8.self), buffer.count, &made)
            }
            self.offset += used
            if result == CInt(MARTLET_END) { self.isBetween = true }
            // What came before the damage is there all the same; the damage is met again at the next call.
            if made > 0 { return .octets(made) }
            if result == CInt(MARTLET_DAMAGED) { return .damage }
            if self.isBetween { continue }
            if self.isAtEnd { return martlet_decompressor_may_end(self.stream) != 0 ? .end : .damage }
            // Neither octets taken nor given, with both to be had: it would never end.
            if used == 0, self.offset < self.input.count { return .damage }
        }
    }

    /// Begins the stream after the one that has ended; `false` when none follows.
    private mutating func beginAnother(_ path: RelativePath) throws(StoreError) -> Bool {
        // The start of the next may lie on both sides of what was read last.
        if !self.isAtEnd, self.input.count - self.offset < Kind.length {
            let more = try FileContent.read(self.descriptor, count: Self.chunk, path)
            self.isAtEnd = more.isEmpty
            self.input = Array(self.input[self.offset...]) + more
            self.offset = 0
        }
        guard Kind(Array(self.input[self.offset...].prefix(Kind.length))) == self.kind else { return false }
        let following = try Self.makeStream(self.kind, path)
        martlet_decompressor_free(self.stream)
        self.stream = following
        self.isBetween = false
        return true
    }
}
