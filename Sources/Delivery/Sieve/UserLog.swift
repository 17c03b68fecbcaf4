import Glibc
import MailCore

/// The file in which users read what went wrong with their scripts.
///
/// Small: a full one becomes `.0` and a new one begins. Nothing depends on it, so faults of writing are passed
/// over. Runs under the caller's file ids.
enum UserLog {
    /// Octets at which the file is full; the figure that Pigeonhole's users know.
    static let maximumSize = 10 << 10

    static func append(_ lines: [String], to path: String, at seconds: Int64) {
        guard !lines.isEmpty else { return }
        // No link is followed: it might lead to what is not the user's to write.
        var descriptor = self.open(path)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        if status.st_size >= self.maximumSize, rename(path, path + ".0") == 0 {
            let fresh = self.open(path)
            guard fresh >= 0 else { return }
            Glibc.close(descriptor)
            descriptor = fresh
        }
        var text: [UInt8] = []
        let date = self.date(seconds)
        for line in lines {
            let entry = Array("\(date) \(line)\n".utf8)
            // One delivery does not fill more than a file.
            if text.count + entry.count > self.maximumSize { break }
            text.append(contentsOf: entry)
        }
        _ = text.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    private static func open(_ path: String) -> CInt {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o600)
    }

    /// `2026-11-21 14:03:07 UTC`
    private static func date(_ seconds: Int64) -> String {
        let date = CivilDate(secondsSince1970: seconds)
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(date.year)-\(two(date.month))-\(two(date.day)) "
            + "\(two(date.hour)):\(two(date.minute)):\(two(date.second)) UTC"
    }
}
