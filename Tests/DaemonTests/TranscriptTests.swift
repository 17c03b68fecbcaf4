import Synchronization
import Testing
import TranscriptKit

/// Holds every conversation under `Transcripts/` with a running daemon, each with accounts of its own.
@Suite(.serialized) struct TranscriptTests {
    static let all: [Transcript] = load()

    static func load() -> [Transcript] {
        let root = Daemon.packageRoot + "/Tests/DaemonTests/Transcripts"
        var transcripts: [Transcript] = []
        for group in ["imap", "pop3", "lmtp", "sharing", "packs", "events"] {
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

    /// With a daemon that does not work at all, each would wait until it gives up.
    private static let mostFailures = 15
    private static let failures = Atomic<Int>(0)

    @Test(arguments: all)
    func holds(_ transcript: Transcript) throws {
        guard Self.failures.load(ordering: .relaxed) < Self.mostFailures else {
            Issue.record("not held: \(Self.mostFailures) failed before")
            return
        }
        let isSharing = transcript.name.hasPrefix("sharing/")
        let site: Daemon.Site =
            switch transcript.name.prefix(while: { $0 != "/" }) {
            case "sharing": .sharing
            case "packs": .packs
            case "events": .events
            default: .plain
            }
        let daemon = try Daemon.shared(site)
        if let problem = transcript.hold(ports: daemon.ports, names: daemon.nextAccounts(isSharing ? 3 : 2)) {
            Self.failures.add(1, ordering: .relaxed)
            Issue.record("\(problem)")
        }
    }
}
