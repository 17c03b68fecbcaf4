import Glibc

/// Takes in a message of unknown length piece by piece: small ones in memory, larger ones in an unlinked file.
///
/// Line ends become CRLF on the way: a bare LF gets its CR, a lone CR stays as it is. Not thread-safe: one
/// session fills one spool.
public struct MessageSpool: ~Copyable, Sendable {
    private let directory: String
    private let threads: StorageThreads
    /// Octets held in memory before they go to the file. May be lowered for a message that is kept beside others.
    public var memoryLimit: Int
    /// Whether line ends become CRLF. Set it before the first octet.
    public var convertsLineEnds = true
    private var buffer: [UInt8] = []
    private var descriptor: CInt = -1
    private var spilled = 0
    private var lastWasCR = false

    /// - Parameters:
    ///   - directory: where a file is made when the message outgrows memory.
    ///   - memoryLimit: octets held in memory before they go to the file.
    public init(directory: String, threads: StorageThreads, memoryLimit: Int = 262_144) {
        self.directory = directory
        self.threads = threads
        self.memoryLimit = memoryLimit
    }

    deinit { if self.descriptor >= 0 { Glibc.close(self.descriptor) } }

    /// Octets held in memory now.
    public var held: Int { self.buffer.count }

    /// Octets taken so far, in canonical form.
    public var count: Int { self.spilled + self.buffer.count }

    /// Takes more octets. Suspends only when the memory limit is reached and the file is written.
    public mutating func append(_ bytes: [UInt8]) async throws(StoreError) {
        bytes.withUnsafeBytes { self.take($0) }
        if self.buffer.count >= self.memoryLimit { try await self.spill() }
    }

    /// Takes more octets without suspending. Call `drain()` after each run of at most some hundred KiB.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        guard self.convertsLineEnds else {
            self.buffer.append(contentsOf: bytes)
            return
        }
        var start = 0
        var from = 0
        while from < bytes.count,
            let hit = memchr(base + from, 0x0A, bytes.count - from)
        {
            let position = UnsafeRawPointer(hit) - base
            let precededByCR = position > 0 ? bytes[position - 1] == 0x0D : self.lastWasCR
            if !precededByCR {
                self.buffer.append(contentsOf: bytes[start..<position])
                self.buffer.append(0x0D)
                start = position
            }
            from = position + 1
        }
        self.buffer.append(contentsOf: bytes[start..<bytes.count])
        self.lastWasCR = bytes[bytes.count - 1] == 0x0D
    }

    /// Writes what is held to the file when the memory limit is reached.
    public mutating func drain() async throws(StoreError) {
        if self.buffer.count >= self.memoryLimit { try await self.spill() }
    }

    /// Ends the message.
    public consuming func finish() async throws(StoreError) -> IncomingMessage {
        guard self.descriptor >= 0 else {
            return IncomingMessage(MessageOctets(self.buffer))
        }
        if !self.buffer.isEmpty { try await self.spill() }
        return IncomingMessage(try MessageOctets(mapping: self.descriptor, count: self.spilled))
    }

    private mutating func spill() async throws(StoreError) {
        let piece = self.buffer
        let directory = self.directory
        let known = self.descriptor
        self.descriptor = try await self.threads.run { () throws(StoreError) -> CInt in
            var descriptor = known
            if descriptor < 0 { descriptor = try UnlinkedFile.make(in: directory) }
            do throws(StoreError) {
                try Self.write(piece, to: descriptor)
            } catch {
                if known < 0 { Glibc.close(descriptor) }
                throw error
            }
            return descriptor
        }
        self.spilled += piece.count
        self.buffer.removeAll(keepingCapacity: true)
    }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) throws(StoreError) {
        var offset = 0
        while offset < bytes.count {
            let written = bytes.withUnsafeBytes { buffer -> Int in
                guard let base = buffer.baseAddress else { return 0 }
                return Glibc.write(descriptor, base + offset, buffer.count - offset)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw StoreError.ofServer("write spool file") }
            offset += written
        }
    }
}
