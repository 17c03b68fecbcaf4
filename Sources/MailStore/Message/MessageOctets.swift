import Glibc
import Synchronization

/// A whole message in RFC 5322 form (CRLF line ends), in memory or in a mapped private file.
///
/// Immutable, so safe to read from any thread.
public final class MessageOctets: @unchecked Sendable {
    // Proof of Sendable: `storage` is never written after `init`, and a mapped file is private to us and
    // unlinked, so nobody can truncate it under the map.
    private enum Storage {
        case memory([UInt8])
        /// What follows the first octets, as many as the second value says.
        case rest([UInt8], from: Int)
        case mapped(UnsafeRawBufferPointer)
        /// Memory of somebody else's.
        case held(UnsafeRawBufferPointer, any AnyObject & Sendable)
    }

    private let storage: Storage

    /// Maps of this process. The kernel gives a process 65 530 at most, and without one memory cannot grow either.
    private static let maps = Atomic<Int>(0)
    static let maximumMaps = 16_384

    public init(_ bytes: consuming [UInt8]) { self.storage = .memory(bytes) }

    /// The octets from `start` on, without copying them. Precondition: `start` is within `bytes`.
    public init(_ bytes: consuming [UInt8], from start: Int) {
        precondition(start >= 0 && start <= bytes.count)
        self.storage = .rest(bytes, from: start)
    }

    /// Maps the first `count` octets of an unlinked file that no one else can open. The descriptor stays the
    /// caller's. Refused while the process has 16 384 such maps.
    public init(mapping descriptor: CInt, count: Int) throws(StoreError) {
        guard count > 0 else {
            self.storage = .memory([])
            return
        }
        guard Self.maps.add(1, ordering: .relaxed).newValue <= Self.maximumMaps else {
            Self.maps.subtract(1, ordering: .relaxed)
            errno = ENOMEM
            throw StoreError.ofServer("map a message")
        }
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            Self.maps.subtract(1, ordering: .relaxed)
            throw StoreError.ofServer("map a message")
        }
        self.storage = .mapped(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Octets that lie in memory, mapped perhaps, for as long as `owner` is referred to, and never change there.
    public init(_ octets: UnsafeRawBufferPointer, heldBy owner: any AnyObject & Sendable) {
        self.storage = .held(octets, owner)
    }

    deinit {
        if case .mapped(let buffer) = self.storage {
            munmap(UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count)
            Self.maps.subtract(1, ordering: .relaxed)
        }
    }

    /// Octets, so RFC822.SIZE (RFC 9051 section 2.3.4).
    public var count: Int {
        switch self.storage {
        case .memory(let bytes): bytes.count
        case .rest(let bytes, let start): bytes.count - start
        case .mapped(let buffer), .held(let buffer, _): buffer.count
        }
    }

    /// The octets; the pointer is valid inside `body` only.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self.storage {
        case .memory(let bytes):
            let result: Swift.Result<Result, Failure> = bytes.withUnsafeBytes { buffer in
                do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
            }
            return try result.get()
        case .rest(let bytes, let start):
            let result: Swift.Result<Result, Failure> = bytes.withUnsafeBytes { buffer in
                do throws(Failure) {
                    return .success(try body(UnsafeRawBufferPointer(rebasing: buffer[start...])))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        case .mapped(let buffer):
            return try body(buffer)
        case .held(let buffer, let owner):
            return try withExtendedLifetime(owner) { () throws(Failure) in try body(buffer) }
        }
    }
}
