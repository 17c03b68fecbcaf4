import IMAPCore
import ServerCore

extension Session {
    /// UNAUTHENTICATE (RFC 8437): nothing of this session remains, another one goes on with the connection. Compression
    /// ends with the answer, TLS stays.
    func unauthenticate(_ tag: Tag) {
        self.machine.unauthenticated()
        let capabilities = self.capabilities
        self.write { $0.tagged(tag, .ok, .capability(capabilities), "Unauthenticated") }
        self.connection.stopCompression()
        self.connection.unauthenticated()
    }
}
