import AdminCommands
import Glibc
import LMTPCore
import ServerConfig
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct AdminClientTests {
    /// Listens and answers nobody, as the supervisor while the mail role is not there.
    private static func listen(_ path: String) -> CInt? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0, Glibc.listen(descriptor, 8) == 0 else { return nil }
        return descriptor
    }

    @Test func aDaemonThatSaysNothingIsGivenUp() async throws {
        let directory = try TemporaryDirectory()
        var settings = Settings()
        settings.general.baseDirectory = directory.path
        settings.logging.path = "/var/log/mail.martlet"
        let listener = try #require(Self.listen(settings.adminSocketPath))
        defer { close(listener) }
        let client = try #require(try AdminClient.connect(settings, patience: 50))
        let error = await #expect(throws: AdminError.self) {
            var output = TerminalOutput(nil)
            _ = try await client.run(["who"], &output)
        }
        #expect(error?.exit == .temporary)
        #expect(error?.message.contains("does not answer") == true, "\(error?.message ?? "")")
        #expect(error?.message.hasSuffix("/var/log/mail.martlet") == true, "\(error?.message ?? "")")
    }

    @Test func deliveriesAreGivenUpToo() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/deliver"
        let listener = try #require(Self.listen(path))
        defer { close(listener) }
        let link = try DeliverLink(path, patience: 50)
        let error = #expect(throws: DeliverFailure.self) {
            try link.deliver(
                LocalDelivery(user: "anna", mailbox: nil, answersRejection: false),
                DeliverEnvelope(
                    sender: nil, hasSender: false, recipient: EnvelopeAddress(localPart: "anna", domain: nil),
                    original: nil), from: STDIN_FILENO)
        }
        #expect(error?.exit == .temporary)
        #expect(error?.text.contains("does not answer") == true, "\(error?.text ?? "")")
    }

    @Test func withoutADaemonThereIsNone() throws {
        let directory = try TemporaryDirectory()
        var settings = Settings()
        settings.general.baseDirectory = directory.path
        let nobody = try AdminClient.connect(settings, patience: 50)
        #expect(nobody == nil)
    }
}
