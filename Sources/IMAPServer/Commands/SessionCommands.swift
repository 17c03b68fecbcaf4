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
        func field(_ name: String) -> String? {
            parameters.fields.first { ASCII.equalsIgnoringCase($0.name, name.utf8) }?.value.map(logText)
        }
        if let name = field("name") {
            MailActor.current?.client = [name, field("version")].compactMap { $0 }.joined(separator: " ")
        }
        self.write { $0.id([("name", "Martlet")]) }
        try await self.finish(tag, "ID completed")
    }

    /// ENABLE (RFC 5161). Names that mean nothing here are passed over.
    func enable(_ tag: Tag, _ names: [[UInt8]]) async throws(ConnectionError) {
        var enabled: [StaticString] = []
        var asksForModSeq = false
        func asks(for name: StaticString) -> Bool {
            let isAsked = names.contains { asked in
                name.withUTF8Buffer { ASCII.equalsIgnoringCase(asked, $0) }
            }
            if isAsked { enabled.append(name) }
            return isAsked
        }
        if asks(for: "CONDSTORE") { asksForModSeq = true }
        if asks(for: "QRESYNC") {
            asksForModSeq = true
            self.knowsQuickResync = true
        }
        if asks(for: "IMAP4rev2") { self.knowsRev2 = true }
        if asks(for: "UTF8=ACCEPT") { self.acceptsUTF8 = true }
        let wantsUIDsOnly = asks(for: "UIDONLY")
        if self.knowsRev2 || self.acceptsUTF8 {
            self.names.encoding = .utf8
            self.parser.checksUTF8 = true
        }
        self.write { $0.enabled(enabled) }
        if wantsUIDsOnly { self.useUIDsOnly() }
        if asksForModSeq { self.enableCondStore() }
        try await self.finish(tag, "Enabled")
    }

    /// LANGUAGE (RFC 5255 section 3.2).
    func language(_ tag: Tag, _ ranges: [[UInt8]]) async throws(ConnectionError) {
        guard !ranges.isEmpty else {
            self.write { $0.language(ServerLanguage.allCases) }
            return try await self.finish(tag, "Supported languages listed")
        }
        guard let language = ServerLanguage(ranges: ranges) else {
            return try await self.refuse(tag, .cannot, "None of these languages is supported")
        }
        // Its texts are those of i-default.
        self.write { $0.language([language]) }
        try await self.finish(tag, "Language chosen")
    }

    /// NAMESPACE (RFC 2342).
    func namespace(_ tag: Tag) async throws(ConnectionError) {
        let encoding = self.names.encoding
        var personal: [ResponseEncoder.Namespace] = []
        var other: [ResponseEncoder.Namespace] = []
        var shared: [ResponseEncoder.Namespace] = []
        for namespace in self.account?.namespaces ?? [] where !namespace.isHidden {
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
