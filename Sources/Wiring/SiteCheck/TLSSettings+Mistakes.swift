public import ServerConfig
import TLSFiles

extension TLSSettings {
    /// What martletd would refuse to start for: in certificates, their keys, and the words for OpenSSL.
    public var mistakes: [String] {
        guard self.mode != .no, let certificate = self.certificate, let key = self.privateKey else { return [] }
        var pairs = [Self.pair(certificate, key)]
        for name in self.localNames {
            pairs.append(Self.pair(name.certificate ?? certificate, name.privateKey ?? key))
        }
        var language = TLSMaterial.Language(cipherList: self.cipherList, curveList: self.curveList)
        language.minimumVersion = self.minimumProtocol == .tls13 ? .tls13 : .tls12
        language.cipherSuites = self.cipherSuites
        language.preference = self.preferredCiphers == .server ? .server : .client
        return TLSMaterial.mistakes(in: pairs, language).map(\.description)
    }

    private static func pair(_ certificate: FileSetting, _ key: FileSetting) -> TLSMaterial.Pair {
        TLSMaterial.Pair(
            certificate: certificate.contents, privateKey: key.contents, certificateFile: certificate.path,
            keyFile: key.path)
    }
}
