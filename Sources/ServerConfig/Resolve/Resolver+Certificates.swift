internal import MailCore

/// Certificates, also those of their own for some names.
extension Resolver {
    /// What TLS needs. A file that a mistake was about is not missed.
    mutating func finishCertificates(at place: SourcePlace) {
        let tls = self.settings.tls
        guard tls.mode != .no, !self.out.hasError(about: "ssl") else { return }
        if tls.certificate == nil, !self.out.hasErrorNaming("ssl_server_cert_file") {
            self.out.error(
                place,
                "ssl = \(tls.mode.rawValue) needs a certificate; write ssl_server_cert_file = /path, or ssl = no")
        }
        if tls.privateKey == nil, !self.out.hasErrorNaming("ssl_server_key_file") {
            self.out.error(
                place, "ssl = \(tls.mode.rawValue) needs a key; write ssl_server_key_file = /path, or ssl = no")
        }
    }

    mutating func localName(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let names = SettingSyntax.words(name).map { SettingSyntax.lowercased($0) }
        var local = LocalNameSettings(names: names)
        let title = "local_name \(name)"
        if names.isEmpty {
            self.out.error(place, "local_name without a name; write local_name imap.example.org { }")
        }
        for statement in inner {
            if case .assignment(let value) = statement.content {
                self.out.assign(
                    statement.name, value, at: statement.place, to: &local, rows: Schema.localName,
                    block: "\(title)\n\(self.blockCount)")
            } else {
                self.out.unknown(
                    statement.name, at: statement.place, among: Schema.localName.map(\.name), block: title,
                    isBlock: .block)
            }
        }
        for row in Schema.localName where row.text(local).isEmpty {
            if !inner.contains(where: { s in s.name == row.name || row.aliases.contains { $0.name == s.name }
            }) {
                self.out.error(place, "\(title) has no \(row.name); write both certificate and key")
            }
        }
        self.settings.tls.localNames.append(local)
    }
}
