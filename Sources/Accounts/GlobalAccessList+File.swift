import Glibc
import MailStore

extension GlobalAccessList {
    /// From a file; one that cannot be read gives nobody but owners rights.
    static func read(_ path: String) -> GlobalAccessList {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .unreadable }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while text.count <= GlobalAccessList.maximumTextSize {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return GlobalAccessList(text: text) }
            if count < 0 {
                guard errno == EINTR else { return .unreadable }
                continue
            }
            text += buffer[..<count]
        }
        return .unreadable
    }
}
