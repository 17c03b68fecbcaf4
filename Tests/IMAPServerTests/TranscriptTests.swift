import Glibc
import Testing
import TranscriptKit

/// Holds the daemon's IMAP conversations with the server alone, over a store in memory.
@Suite struct TranscriptTests {
    static let all: [Transcript] = {
        let root = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 }
        let folder = root + "/DaemonTests/Transcripts/imap"
        var transcripts: [Transcript] = []
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".txt") else { continue }
            do {
                let transcript = try Transcript(name: "imap/\(name)", text: read("\(folder)/\(name)"))
                // The daemon's tests hold the others: those that deliver by LMTP and those about the real store.
                if transcript.protocols.isEmpty, !transcript.needsDaemon { transcripts.append(transcript) }
            } catch {
                Issue.record("\(error)")
            }
        }
        return transcripts.sorted { $0.name < $1.name }
    }()

    private static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test(arguments: all)
    func holds(_ transcript: Transcript) async throws {
        let server = try await TestServer.start()
        let names = [
            "user": "tim", "user2": "tom", "pass": "pass",
            "plain": "AHRpbQBwYXNz", "user64": "dGlt", "pass64": "cGFzcw==",
        ]
        let problem = try await server.client { transcript.hold(ports: ["imap": $0], names: names) }
        if let problem { Issue.record("\(problem)") }
        await server.stop()
    }
}
