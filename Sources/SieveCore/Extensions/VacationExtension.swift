import MailCore

extension SieveExtension {
    /// RFC 5230.
    static let vacation = SieveExtension(
        capability: "vacation",
        commands: [
            SieveDefinition(
                "vacation", capability: "vacation",
                Signature(
                    tags: [
                        TagDefinition("days", group: period, argument: .number),
                        TagDefinition("seconds", group: period, argument: .number, capability: "vacation-seconds"),
                        TagDefinition("subject", argument: .string), TagDefinition("from", argument: .string),
                        TagDefinition("addresses", argument: .stringList), TagDefinition("mime"),
                        TagDefinition("handle", argument: .string),
                    ], positional: [PositionalArgument("the reason", .string)])
            ) { compiler, arguments in
                guard let operation = VacationOperation(arguments, arguments.tags[period], &compiler) else { return }
                compiler.emit(operation)
            }
        ])

    private static let period = TagGroup(name: "period")

    /// RFC 6131.
    static let vacationSeconds = SieveExtension(capability: "vacation-seconds", implies: ["vacation"])
}

struct VacationOperation: SieveOperation {
    private enum Period: Sendable { case unsaid, days(UInt64), seconds(UInt64) }

    private let period: Period
    private let subject: SieveText?
    private let from: SieveText?
    private let addresses: [SieveText]
    private let isMIME: Bool
    private let handle: SieveText?
    private let reason: SieveText
    private let copy: FilingCopy?

    /// `nil` after an error.
    init?(_ arguments: SieveArguments, _ period: SieveArguments.Tag?, _ compiler: inout ScriptCompiler) {
        guard let reason = arguments.strings(0).first else { return nil }
        switch (period?.name, period?.number) {
        case ("days", .some(let number)): self.period = .days(number)
        case ("seconds", .some(let number)): self.period = .seconds(number)
        default: self.period = .unsaid
        }
        self.subject = arguments.string("subject").map { compiler.text($0) }
        self.from = arguments.string("from").map { compiler.text($0) }
        if let literal = arguments.string("from"), let octets = self.from?.constant,
            OutboundAddress.parse(octets) == nil
        {
            compiler.error(literal.position, "\(quoted(octets)) is no address from which mail can be sent")
        }
        let addresses = arguments.tags[TagGroup(name: "addresses")]?.strings ?? []
        self.addresses = compiler.texts(addresses)
        for (text, literal) in zip(self.addresses, addresses) {
            if let octets = text.constant, OutboundAddress.parse(octets) == nil {
                compiler.error(literal.position, "\(quoted(octets)) is no mail address")
            }
        }
        self.isMIME = arguments.has("mime")
        self.handle = arguments.string("handle").map { compiler.text($0) }
        self.reason = compiler.text(reason)
        self.copy = FilingCopy(arguments, &compiler)
    }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let settings = run.policy.vacation
        var vacation = SieveVacation()
        switch self.period {
        case .unsaid: vacation.seconds = settings.defaultPeriod
        case .days(let days): vacation.seconds = Int64(clamping: min(days, 36_500) * 86_400)
        case .seconds(let seconds): vacation.seconds = Int64(clamping: seconds)
        }
        vacation.seconds = max(vacation.seconds, settings.minimumPeriod)
        if settings.maximumPeriod > 0 { vacation.seconds = min(vacation.seconds, settings.maximumPeriod) }
        if let subject = self.subject { vacation.subject = try subject.octets(&run) }
        if let from = self.from {
            let text = try from.octets(&run)
            guard OutboundAddress.parse(text) != nil else {
                throw run.error("\(quoted(text)) is no address from which mail can be sent")
            }
            vacation.from = String(decoding: text, as: UTF8.self)
        }
        for address in try self.addresses.octets(&run) {
            if let address = OutboundAddress.parse(address) { vacation.addresses.append(address) }
        }
        vacation.isMIME = self.isMIME
        vacation.reason = try self.reason.octets(&run)
        if let handle = self.handle {
            vacation.handle = try handle.octets(&run)
        } else {
            // Two replies that say the same are the same (RFC 5230 section 4.2).
            vacation.handle =
                (vacation.subject ?? []) + [0] + Array((vacation.from ?? "").utf8) + [0, self.isMIME ? 1 : 0]
                + vacation.reason
        }
        vacation.copy = try self.copy?.value(&run)
        try run.add(.vacation(vacation), cancelsKeep: false)
    }
}

/// `:fcc` of vacation and notify (RFC 8580): where a copy of what is sent is filed.
struct FilingCopy: Sendable {
    private let place: FilingPlace
    private let flags: [SieveText]

    /// `nil`: there is no such tag, or an error was noted.
    init?(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        guard let literal = arguments.string("fcc") else {
            for name in ["create", "flags", "specialuse", "mailboxid"] where arguments.has(name) {
                compiler.error(arguments.position, "the tag \(quoted(":" + name)) needs \":fcc\" too")
            }
            return nil
        }
        guard let place = FilingPlace(literal, arguments, &compiler) else { return nil }
        self.place = place
        self.flags = compiler.texts(arguments.tags[TagGroup(name: "flags")]?.strings ?? [])
    }

    func value(_ run: inout SieveRun) throws(SieveRuntimeError) -> SieveFileInto {
        var place = try self.place.value(&run)
        place.flags = FlagWords.flags(try self.flags.octets(&run))
        return place
    }
}

extension SieveExtension {
    /// RFC 8580.
    static let fcc = SieveExtension(
        capability: "fcc",
        tags: ["vacation", "notify"].flatMap {
            [
                ($0, TagDefinition("fcc", argument: .string, capability: "fcc")),
                ($0, TagDefinition("create", capability: "mailbox")),
                ($0, TagDefinition("flags", argument: .stringList, capability: "imap4flags")),
                ($0, TagDefinition("specialuse", argument: .string, capability: "special-use")),
                ($0, TagDefinition("mailboxid", argument: .string, capability: "mailboxid")),
            ]
        })
}
