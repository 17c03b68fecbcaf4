import Glibc

/// A path below an open directory, as octets ready for the `*at` system calls.
struct RelativePath: Sendable, Equatable {
    /// Ends in NUL.
    private var bytes: [UInt8]

    init(_ name: StaticString) {
        self.bytes = []
        self.bytes.reserveCapacity(name.utf8CodeUnitCount + 1)
        self.bytes.append(
            contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        self.bytes.append(0)
    }

    /// A name that the caller knows to hold no NUL.
    init(_ name: some Collection<UInt8>) {
        self.bytes = Array(name)
        self.bytes.append(0)
    }

    /// `folder/base` and `suffix` behind it.
    init(_ folder: Folder, _ base: some Collection<UInt8>, _ suffix: [UInt8] = []) {
        self.bytes = []
        self.bytes.reserveCapacity(base.count + suffix.count + 5)
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: folder.name.utf8Start, count: 3))
        self.bytes.append(0x2F)
        self.bytes.append(contentsOf: base)
        self.bytes.append(contentsOf: suffix)
        self.bytes.append(0)
    }

    /// `name` below this path.
    func appending(_ name: some Collection<UInt8>) -> RelativePath {
        var longer = self
        longer.bytes.removeLast()
        longer.bytes.append(0x2F)
        longer.bytes.append(contentsOf: name)
        longer.bytes.append(0)
        return longer
    }

    /// The octets of this path below an absolute one.
    func below(_ directory: [UInt8]) -> [UInt8] {
        var path = directory
        path.reserveCapacity(directory.count + 1 + self.bytes.count)
        path.append(0x2F)
        path.append(contentsOf: self.bytes.dropLast())
        return path
    }

    /// The three directories of a Maildir.
    enum Folder: Sendable {
        case new, cur, tmp

        var name: StaticString {
            switch self {
            case .new: "new"
            case .cur: "cur"
            case .tmp: "tmp"
            }
        }
    }

    /// The octets of the path, without the NUL.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        self.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0.dropLast())) }
    }

    /// The path for the log.
    var text: String { String(decoding: self.bytes.dropLast(), as: UTF8.self) }

    @inline(__always)
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        self.bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return body("") }
            return body(base.assumingMemoryBound(to: CChar.self))
        }
    }
}
