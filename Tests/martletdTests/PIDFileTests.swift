import Glibc
import TemporaryFiles
import Testing

@testable import martletd

@Suite struct PIDFileTests {
    private func failure(_ path: String, lowest: CInt = BoundSockets.lowestDescriptor) -> StartFailure? {
        do throws(StartFailure) {
            _ = try PIDFile(path, lowest: lowest)
            return nil
        } catch {
            return error
        }
    }

    @Test func oneDaemonHasIt() throws {
        try TemporaryDirectory.with { directory in
            let path = "\(directory)/master.pid"
            let file = try PIDFile(path)
            #expect(String(decoding: try TemporaryDirectory.contents(path), as: UTF8.self) == "\(getpid())\n")
            let second = self.failure(path)
            #expect(second?.text == "martletd is running already (\(path) is locked)")
            #expect(second?.status == 75)
            file.remove()
            #expect(self.failure(path) == nil)
        }
    }

    /// As with `ulimit -n 400`.
    @Test func withoutDescriptorsNoOtherDaemonIsBlamed() throws {
        try TemporaryDirectory.with { directory in
            let failure = self.failure("\(directory)/master.pid", lowest: .max)
            #expect(failure?.text.contains("running already") == false)
            #expect(failure?.text.contains("LimitNOFILE") == true)
            #expect(failure?.status == 71)
        }
    }

    @Test func whatCannotBeWrittenIsSaid() {
        #expect(self.failure("/nonexistent/master.pid")?.status == 73)
    }
}
