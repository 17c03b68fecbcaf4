import Glibc
import ServerConfig

/// Notices that certificate or key files were replaced, as certbot does every two months.
struct CertificateWatch {
    /// How often to look, in milliseconds.
    private static let interval: Int64 = 30_000

    private struct Stamp: Equatable {
        let device: UInt
        let inode: UInt
        let size: Int
        let seconds: Int
        let nanoseconds: Int
    }

    private let paths: [String]
    private var stamps: [Stamp?]
    /// When to look next, in milliseconds of the monotonic clock.
    private(set) var nextLook: Int64

    init(_ settings: Settings, now: Int64) {
        self.nextLook = now + Self.interval
        let tls = settings.tls
        let files =
            [tls.certificate, tls.privateKey, tls.clientAuthorities] + tls.localNames.flatMap { [$0.certificate, $0.privateKey] }
        self.paths = files.compactMap { $0?.path }
        self.stamps = []
        self.stamps = self.paths.map { Self.stamp($0) }
    }

    /// Whether a file is another than at the last look; `false` as long as it is not time for one.
    mutating func hasChanged(now: Int64) -> Bool {
        guard now >= self.nextLook else { return false }
        self.nextLook = now + Self.interval
        let stamps = self.paths.map { Self.stamp($0) }
        defer { self.stamps = stamps }
        return stamps != self.stamps
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
            seconds: Int(status.st_mtim.tv_sec), nanoseconds: Int(status.st_mtim.tv_nsec))
    }
}
