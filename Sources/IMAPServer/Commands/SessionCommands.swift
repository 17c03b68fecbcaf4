import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// ID (RFC 2971).
    func id(_ tag: Tag, _ parameters: IDParameters) async throws(ConnectionError) {
        if !parameters.fields.isEmpty {
            let text = parameters.fields.map { field in
                "\(logText(field.name))=\(field.value.map(logText) ?? "NIL")"
            }
            self.logDebug("ID sent: \(text.joined(separator: ", "))")
        }
        self.write { $0.id([("name", "Martlet")]) }
        try await self.finish(tag, "ID completed")
    }

    /// ENABLE (RFC 5161). Names that mean nothing here are passed over.
    func enable(_ tag: Tag, _ names: [[UInt8]]) async throws(ConnectionError) {
        var enabled: [StaticString] = []
        for (name, known) in [("CONDSTORE", "CONDSTORE"), ("QRESYNC", "QRESYNC")] as [(String, StaticString)]
        where names.contains(where: { $0.elementsEqual(name.utf8) }) {
            enabled.append(known)
            if name == "QRESYNC" { self.knowsQuickResync = true }
        }
        self.write { $0.enabled(enabled) }
        if !enabled.isEmpty { self.enableCondStore() }
        try await self.finish(tag, "Enabled")
    }

    /// NAMESPACE (RFC 2342).
    func namespace(_ tag: Tag) async throws(ConnectionError) {
        let encoding = self.names.encoding
        var personal: [ResponseEncoder.Namespace] = []
        var other: [ResponseEncoder.Namespace] = []
        var shared: [ResponseEncoder.Namespace] = []
        for namespace in self.account?.namespaces ?? [] {
            let entry = ResponseEncoder.Namespace(
                prefix: WireMailboxName(namespace.prefix, encoding), separator: namespace.separator)
            switch namespace.kind {
            case .personal: personal.append(entry)
            case .otherUsers: other.append(entry)
            case .shared: shared.append(entry)
            }
        }
        self.write { $0.namespace(personal: personal, other: other, shared: shared) }
        try await self.finish(tag, "Namespace completed")
    }
}

private func logText(_ bytes: [UInt8]) -> String {
    String(
        decoding: bytes.prefix(100).map { $0 < 0x20 || $0 >= 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
}
