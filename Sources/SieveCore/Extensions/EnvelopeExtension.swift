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
                    guard let octets = text.constant else {
                        fields.append(.named(text))
                        continue
                    }
                    if let field = EnvelopeTest.Field(octets) {
                        fields.append(field)
                    } else {
                        compiler.error(
                            literal.position,
                            "the envelope has no part \(quoted(octets)), only \"from\" and \"to\"")
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
    enum Field: Sendable {
        case from, to, originalTo, authenticated
        /// Not known before the script runs.
        case named(SieveText)

        init?(_ name: [UInt8]) {
            switch String(decoding: name.map(ASCII.lowercased), as: UTF8.self) {
            case "from": self = .from
            case "to": self = .to
            case "orig_to": self = .originalTo
            case "auth": self = .authenticated
            default: return nil
            }
        }
    }

    let fields: [Field]
    let keys: [SieveText]
    let matcher: any SieveMatcher
    let part: AddressPartDefinition

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        // RFC 6785 section 4.6.
        guard run.environment.hasEnvelope else { throw run.error("there is no envelope after the delivery") }
        var values: [[UInt8]] = []
        for var field in self.fields {
            if case .named(let text) = field {
                let name = try text.octets(&run)
                guard let known = Field(name) else { throw run.error("the envelope has no part \(quoted(name))") }
                field = known
            }
            switch field {
            case .from:
                if let sender = run.environment.sender {
                    self.add(sender, to: &values, run)
                } else if !self.matcher.counts {
                    // The null sender is the empty string, whatever part is asked for; but it is no address that counts
                    // (RFC 5231 section 4.2).
                    values.append([])
                }
            case .to: self.add(run.environment.recipient, to: &values, run)
            case .originalTo: self.add(run.environment.originalRecipient, to: &values, run)
            case .authenticated:
                if let user = run.environment.authenticatedUser { values.append(Array(user.utf8)) }
            case .named: break
            }
        }
        return try self.matcher.matches(values, self.keys, &run)
    }

    private func add(_ address: SieveAddress?, to values: inout [[UInt8]], _ run: SieveRun) {
        guard var address else { return }
        if address.domain == nil, self.part.name != "all" {
            // Other than in a header, a path may be a local part alone (`<postmaster>`, RFC 5321 section 4.1.1.3).
            if self.part.name == "domain" { return }
            address.domain = []
        }
        if let value = self.part.part(address, run.policy) { values.append(value) }
    }
}
