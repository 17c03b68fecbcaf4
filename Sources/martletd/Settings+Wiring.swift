import Logging
import MailCore
import ServerConfig
import ServerCore

extension LoggingSettings {
    var destinations: LogDestinations {
        let error = LogDestination(path: self.path)
        let info = self.infoPath.isEmpty ? error : LogDestination(path: self.infoPath)
        let debug = self.debugPath.isEmpty ? info : LogDestination(path: self.debugPath)
        return LogDestinations(error: error, info: info, debug: debug)
    }

    var minimumLevel: Logger.Level { self.writesDebug ? .debug : .info }
}

extension TrustedProxies {
    convenience init(_ limits: LimitsSettings) {
        self.init(timeout: limits.proxyTimeout) { limits.isProxy($0) }
    }

    func replace(_ limits: LimitsSettings) {
        self.replace(timeout: limits.proxyTimeout) { limits.isProxy($0) }
    }
}

extension LimitsSettings {
    fileprivate func isProxy(_ address: PeerAddress) -> Bool {
        guard let host = IPNetwork(address.text) else { return false }
        return self.proxyNetworks.contains { $0.contains(host) }
    }
}

extension ServerConfig.TLSSettings {
    /// The context of these settings; `nil` when TLS is off.
    func makeContext(ticketKeys: TLSTicketKeys) throws(TLSError) -> TLSContext? {
        guard self.mode != .no, let certificate = self.certificate, let key = self.privateKey else {
            return nil
        }
        var identities = [Self.identity(certificate, key, [])]
        for name in self.localNames {
            identities.append(
                Self.identity(name.certificate ?? certificate, name.privateKey ?? key, name.names))
        }
        var policy = TLSPolicy()
        policy.minimumVersion = self.minimumProtocol == .tls13 ? .tls13 : .tls12
        policy.cipherList = self.cipherList
        policy.cipherSuites = self.cipherSuites
        policy.curveList = self.curveList
        policy.cipherPreference = self.preferredCiphers == .server ? .server : .client
        return try TLSContext(identities: identities, policy: policy, ticketKeys: ticketKeys)
    }

    private static func identity(_ certificate: FileSetting, _ key: FileSetting, _ names: [String])
        -> TLSIdentity
    {
        TLSIdentity(
            names: names, certificate: certificate.contents, privateKey: key.contents,
            certificateFile: certificate.path, keyFile: key.path)
    }
}
