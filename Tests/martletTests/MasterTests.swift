import AdminCommands
import Glibc
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct MasterTests {
    private func refusal(_ path: String) -> AdminError? {
        do throws(AdminError) {
            _ = try Master(file: path)
            return nil
        } catch {
            return error
        }
    }

    /// Its number is that of a process which is no daemon.
    @Test func nobodyIsSignalledForAStaleFile() throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/master.pid"
            try TemporaryDirectory.write(Array("\(getpid())\n".utf8), to: path)
            let refusal = self.refusal(path)
            #expect(refusal?.exit == .unavailable)
            #expect(refusal?.message.contains("\(path) is stale") == true)
        }
    }

    @Test func aDaemonHoldsItsFile() throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/master.pid"
            let held = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(held) }
            #expect(flock(held, LOCK_EX | LOCK_NB) == 0)
            #expect(self.refusal(path)?.exit == .temporary)
            try TemporaryDirectory.write(Array("\(getpid())\n".utf8), to: path)
            let master = try Master(file: path)
            try master.signal(0)
            #expect(flock(held, LOCK_UN) == 0)
            try master.waitForEnd()
        }
    }

    @Test func withoutAFileNoneRuns() {
        #expect(
            self.refusal("/nonexistent/master.pid")
                == AdminError(.unavailable, "the daemon is not running (no /nonexistent/master.pid)"))
    }
}
