import Glibc
import TemporaryFiles

/// What this process has open.
enum OpenFiles {
    /// Descriptors of a temporary directory of its own name, and of what is below it.
    static func count(in directory: String) -> Int {
        let name = directory.split(separator: "/").last ?? ""
        return TemporaryDirectory.names("/proc/self/fd").count { descriptor in
            var path = [CChar](repeating: 0, count: Int(PATH_MAX))
            let length = readlink("/proc/self/fd/\(descriptor)", &path, path.count)
            guard length > 0 else { return false }
            return String(decoding: path[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(name)
        }
    }
}
