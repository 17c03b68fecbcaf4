import Testing
import TranscriptKit

/// Holds every conversation under `Transcripts/` with a running daemon, each with accounts of its own.
@Suite(.serialized) struct TranscriptTests {
    static let all: [Transcript] = load()

    static func load() -> [Transcript] {
        let root = Daemon.packageRoot + "/Tests/DaemonTests/Transcripts"
        var transcripts: [Transcript] = []
        for group in ["imap", "pop3", "lmtp"] {
            for file in Daemon.fileNames(in: "\(root)/\(group)") where file.hasSuffix(".txt") {
                let text = Daemon.readText("\(root)/\(group)/\(file)")
                do {
                    transcripts.append(try Transcript(name: "\(group)/\(file)", text: text))
                } catch {
                    // A file that cannot be read fails as a test of its own.
                    Issue.record("\(error)")
                }
            }
        }
        return transcripts
    }

    @Test(arguments: all)
    func holds(_ transcript: Transcript) throws {
        let daemon = try Daemon.shared()
        if let problem = transcript.hold(ports: daemon.ports, names: daemon.nextAccounts()) {
            Issue.record("\(problem)")
        }
    }
}
