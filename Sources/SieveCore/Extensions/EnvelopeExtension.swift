import MailCore

extension SieveExtension {
    /// RFC 5228 section 5.4.
    static let envelope = SieveExtension(
        capability: "envelope",
        tests: [
            SieveDefinition(
                "envelope", capability: "envelope",
                Signature(
                    shared: [.matchType, .comparator, .addressPart],
                    positional: [
                        PositionalArgument("the envelope parts", .stringList),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                var fields: [EnvelopeTest.Field] = []
                for literal in arguments.strings(0) {
                    let text = compiler.text(literal)
                    let name = String(decoding: text.octets.map(ASCII.lowercased), as: UTF8.self)
                    switch name {
                    case "from": fields.append(.from)
                    case "to": fields.append(.to)
                    default:
                        compiler.error(
                            literal.position,
                            "the envelope has no part \(quoted(text.octets)), only \"from\" and \"to\"")
                    }
                }
                let keys = compiler.texts(arguments.strings(1))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(
                    EnvelopeTest(
                        fields: fields, keys: keys, matcher: matcher, part: compiler.addressPart(arguments)))
            }
        ])
}

struct EnvelopeTest: SieveTest {
    enum Field: Sendable { case from, to }

    let fields: [Field]
    let keys: [SieveText]
    let matcher: any SieveMatcher
    let part: AddressPartDefinition

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var values: [[UInt8]] = []
        for field in self.fields {
            switch field {
            case .from:
                if let sender = run.environment.sender {
                    if let value = self.part.part(sender) { values.append(value) }
                } else {
                    // The null sender is the empty string, whatever part is asked for.
                    values.append([])
                }
            case .to:
                if let recipient = run.environment.recipient, let value = self.part.part(recipient) {
                    values.append(value)
                }
            }
        }
        return try self.matcher.matches(values, self.keys, &run)
    }
}
