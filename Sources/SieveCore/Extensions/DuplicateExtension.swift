extension SieveExtension {
    /// RFC 7352.
    static let duplicate = SieveExtension(
        capability: "duplicate", tests: [duplicateTest(capability: "duplicate", value: "uniqueid")])

    /// What Pigeonhole had before RFC 7352: `:value` in place of `:uniqueid`.
    static let dovecotDuplicate = SieveExtension(
        capability: "vnd.dovecot.duplicate", successor: "duplicate",
        tests: [duplicateTest(capability: "vnd.dovecot.duplicate", value: "value")])

    /// - Parameter value: the tag before a string that is itself what is looked for.
    private static func duplicateTest(capability: String, value: String) -> SieveDefinition {
        SieveDefinition(
            "duplicate", capability: capability,
            Signature(
                tags: [
                    TagDefinition("handle", argument: .string),
                    TagDefinition("header", group: identity, argument: .string),
                    TagDefinition(value, group: identity, argument: .string),
                    TagDefinition("seconds", argument: .number), TagDefinition("last"),
                ])
        ) { compiler, arguments in
            let tag = arguments.tags[identity]
            var source = DuplicateTest.Identity.header(SieveText(Array("message-id".utf8)))
            if let literal = tag?.strings.first {
                if tag?.name == value {
                    source = .value(compiler.text(literal))
                } else if let name = compiler.headerNames([literal]).first {
                    source = .header(name)
                }
            }
            compiler.emit(
                DuplicateTest(
                    handle: arguments.string("handle").map { compiler.text($0) }, identity: source,
                    seconds: arguments.tags[TagGroup(name: "seconds")]?.number, last: arguments.has("last")))
        }
    }

    private static let identity = TagGroup(name: "identity")
}

struct DuplicateTest: SieveTest {
    enum Identity: Sendable {
        case header(SieveText)
        case value(SieveText)
    }

    let handle: SieveText?
    let identity: Identity
    let seconds: UInt64?
    let last: Bool

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var handle: [UInt8] = []
        if let text = self.handle { handle = try text.octets(&run) }
        let identity: [UInt8]
        switch self.identity {
        case .value(let text): identity = try text.octets(&run)
        case .header(let text):
            let name = try text.octets(&run)
            try run.spend(run.message.fields.count)
            // A message without that header is no duplicate of any, nor is one where no header can have that name
            // (RFC 7352 section 3.1).
            guard FieldName.isValid(name), let body = run.message.bodies(name).first else { return false }
            identity = run.message.decoded(body)
        }
        let longest = run.policy.maximumDuplicatePeriod
        var seconds = self.seconds.map { Int64(clamping: $0) } ?? run.policy.duplicatePeriod
        if longest > 0 { seconds = min(seconds, longest) }
        try run.spend(1000)
        return run.host.isDuplicate(handle: handle, identity: identity, seconds: seconds, last: self.last)
    }
}
