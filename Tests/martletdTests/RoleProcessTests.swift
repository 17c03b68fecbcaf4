import Glibc
import Testing

@testable import martletd

@Suite struct RoleProcessTests {
    /// posix_spawn answers why, and leaves errno alone.
    @Test func whyAProgramDoesNotStartIsTold() {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        errno = 0
        do throws(RoleProcess.Refusal) {
            _ = try RoleProcess.spawn(["martletd"], &actions, program: "/nonexistent/martletd")
            Issue.record("it has started")
        } catch {
            #expect(error == RoleProcess.Refusal(call: "posix_spawn", code: ENOENT))
            #expect(error.text == "posix_spawn: No such file or directory")
        }
    }
}
