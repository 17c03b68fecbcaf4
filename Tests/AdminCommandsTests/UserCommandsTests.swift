import Testing

@testable import AdminCommands

@Suite struct UserCommandsTests {
    @Test(
        arguments: [
            (nil, "the log of the daemon says why, in lines with `auth:`"),
            ("", "the log of the daemon says why, in lines with `auth:`"), ("disk on fire", "disk on fire"),
        ] as [(String?, String)])
    func aReasonIsNeverEmpty(_ text: String?, _ reason: String) { #expect(UserCommands.reason(text) == reason) }
}
