import MIMECore
import MailCore

extension SieveDefinition {
    /// RFC 5228 section 5.
    static let baseTests = [allOf, anyOf, not, `true`, `false`, address, exists, header, size]

    /// RFC 5228 section 5.7.
    private static let header = SieveDefinition(
        "header",
        Signature(
            shared: [.matchType, .comparator],
            positional: [
                PositionalArgument("the header names", .stringList),
                PositionalArgument("the keys", .stringList),
            ])
    ) { compiler, arguments in
        let source = compiler.fieldSource(arguments, names: arguments.strings(0))
        let keys = compiler.texts(arguments.strings(1))
        guard let source, let matcher = compiler.matcher(arguments) else { return }
        compiler.emit(HeaderTest(source: source, keys: keys, matcher: matcher))
    }

    /// RFC 5228 section 5.5.
    private static let exists = SieveDefinition(
        "exists", Signature(positional: [PositionalArgument("the header names", .stringList)])
    ) { compiler, arguments in
        guard let source = compiler.fieldSource(arguments, names: arguments.strings(0)) else { return }
        compiler.emit(ExistsTest(source: source))
    }

    /// RFC 5228 section 5.9.
    private static let size = SieveDefinition(
        "size",
        Signature(
            tags: [TagDefinition("over", group: sizeRelation), TagDefinition("under", group: sizeRelation)],
            required: [sizeRelation], positional: [PositionalArgument("the limit", .number)])
    ) { compiler, arguments in
        compiler.emit(
            SizeTest(
                relation: arguments.tags[sizeRelation]?.name == "over" ? .over : .under,
                limit: arguments.number(0)))
    }

    private static let sizeRelation = TagGroup(name: "size relation")

    /// RFC 5228 section 5.1.
    private static let address = SieveDefinition(
        "address",
        Signature(
            shared: [.matchType, .comparator, .addressPart],
            positional: [
                PositionalArgument("the header names", .stringList),
                PositionalArgument("the keys", .stringList),
            ])
    ) { compiler, arguments in
        let source = compiler.fieldSource(arguments, names: arguments.strings(0))
        for (name, literal) in zip(source?.names ?? [], arguments.strings(0)) {
            guard let octets = name.constant, FieldName.isValid(octets), !AddressTest.allows(octets) else { continue }
            compiler.error(
                literal.position, "the header \(quoted(octets)) holds no addresses; use \"header\" instead")
        }
        let keys = compiler.texts(arguments.strings(1))
        guard let source, let matcher = compiler.matcher(arguments) else { return }
        compiler.emit(
            AddressTest(source: source, keys: keys, matcher: matcher, part: compiler.addressPart(arguments)))
    }
}

struct HeaderTest: SieveTest {
    let source: FieldSource
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let values = try self.source.bodies(&run).map { $0.decodedField(run) }
        return try self.matcher.matches(values, self.keys, &run)
    }
}

struct ExistsTest: SieveTest {
    let source: FieldSource

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let names = try self.source.names.octets(&run)
        if run.isWatched, self.source.mime == nil {
            run.noteComparison(names.filter(run.message.hasField), names)
        }
        for name in names {
            if let mime = self.source.mime {
                if try mime.bodies(name, &run).isEmpty { return false }
                continue
            }
            try run.spend(run.message.fields.count)
            if !run.message.hasField(name) { return false }
        }
        return true
    }
}

struct SizeTest: SieveTest {
    enum Relation: Sendable { case over, under }

    let relation: Relation
    let limit: UInt64

    func evaluate(_ run: inout SieveRun) -> Bool {
        if run.isWatched {
            run.noteComparison([Array(String(run.message.size).utf8)], [Array(String(self.limit).utf8)])
        }
        return switch self.relation {
        case .over: run.message.size > self.limit
        case .under: run.message.size < self.limit
        }
    }
}

struct AddressTest: SieveTest {
    let source: FieldSource
    let keys: [SieveText]
    let matcher: any SieveMatcher
    let part: AddressPartDefinition

    /// Headers whose body is an address list, and some outside of the standards that hold one.
    private static let addressHeaders: Set<String> = [
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc",
        "resent-bcc",
        "resent-sender", "resent-reply-to", "return-path", "delivered-to", "envelope-to", "x-envelope-from",
        "x-envelope-to", "x-original-to", "x-original-from", "errors-to", "disposition-notification-to",
        "return-receipt-to", "return-receipt-requested", "read-receipt-to", "x-confirm-reading-to",
        "registered-mail-reply-requested-by", "mail-followup-to", "mail-reply-to", "apparently-to", "approved",
        "for-approval", "for-handling", "for-comment", "abuse-reports-to", "x-complaints-to", "x-report-abuse-to",
        "x-admin", "x-beenthere", "x-forwarded-to", "x-forwarded-for", "x-sieve-redirected-from", "list-post",
        "original-recipient", "final-recipient", "original-from",
    ]

    static func allows(_ name: [UInt8]) -> Bool {
        self.addressHeaders.contains(String(decoding: name.map(ASCII.lowercased), as: UTF8.self))
    }

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var source = self.source
        if source.mime == nil {
            // Names that were not known before: what holds no addresses has none.
            source.names = try source.names.octets(&run).filter(Self.allows).map { SieveText($0) }
        }
        var values: [[UInt8]] = []
        for body in try source.bodies(&run) {
            for address in body.addresses {
                if let value = self.part.part(address, run.policy) { values.append(value) }
            }
        }
        return try self.matcher.matches(values, self.keys, &run)
    }
}
