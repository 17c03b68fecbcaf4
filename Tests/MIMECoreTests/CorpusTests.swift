import Glibc
import MIMECore
import Testing

/// Every message of the shared corpus, which is not part of the package: skipped where it is absent.
@Suite struct CorpusTests {
    static let directory: String = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/") + "/../shared/corpus/mime"
    }()

    static let files: [String] = {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".eml") { names.append(name) }
        }
        return names.sorted()
    }()

    /// The file with CRLF line ends, as the store hands messages in.
    static func read(_ name: String) -> [UInt8] {
        guard let file = fopen(directory + "/" + name, "r") else { return [] }
        defer { fclose(file) }
        var raw: [UInt8] = []
        while true {
            let byte = getc(file)
            guard byte >= 0 else { break }
            if byte == 0x0A, raw.last != 0x0D { raw.append(0x0D) }
            raw.append(UInt8(truncatingIfNeeded: byte))
        }
        return raw
    }

    @Test(.enabled(if: !files.isEmpty, "no ../shared/corpus beside the package"))
    func everyMessageParses() {
        for name in Self.files {
            let message = Self.read(name)
            #expect(!message.isEmpty, "\(name)")
            CacheTests.check(message, name)
            let parts = table(message)
            #expect(parts.root.bodyEnd == message.count, "\(name)")
            for part in parts.parts {
                #expect(part.bodyStart <= part.bodyEnd && part.bodyEnd <= message.count, "\(name)")
                let lines = message[part.body].count { $0 == 0x0A }
                #expect(part.lineCount == lines, "\(name)")
            }
            message.withUnsafeBytes { bytes in
                let search = MessageText(bytes, parts)
                #expect(!search.textContains(SearchNeedle("no message has this text".utf8)), "\(name)")
                #expect(search.textContains(SearchNeedle("".utf8)), "\(name)")
            }
        }
    }
}
