import MailCore

extension SieveExtension {
    /// RFC 5228 section 4.1.
    static let fileInto = SieveExtension(
        capability: "fileinto",
        commands: [
            SieveDefinition(
                "fileinto", capability: "fileinto",
                Signature(positional: [PositionalArgument("the mailbox", .string)])
            ) { compiler, arguments in
                for literal in arguments.strings(0) {
                    guard let place = FilingPlace(literal, arguments, &compiler) else { continue }
                    compiler.emit(
                        FileIntoOperation(
                            place: place, flags: ActionFlags(arguments, &compiler), isCopy: arguments.has("copy")))
                }
            }
        ])
}

struct FileIntoOperation: SieveOperation {
    let place: FilingPlace
    let flags: ActionFlags
    let isCopy: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        var place = try self.place.value(&run)
        place.flags = try self.flags.value(&run)
        try run.add(.fileInto(place), cancelsKeep: !self.isCopy)
    }
}

/// A mailbox that a command names, with the tags that say more of it.
struct FilingPlace: Sendable {
    let mailbox: SieveText
    let creates: Bool
    let specialUse: SieveText?
    let mailboxID: SieveText?

    /// `nil` after an error.
    init?(_ literal: StringLiteral, _ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        self.mailbox = compiler.text(literal)
        if let octets = self.mailbox.constant, MailboxText.parse(octets) == nil {
            compiler.error(literal.position, "\(quoted(octets)) is no name of a mailbox")
            return nil
        }
        self.creates = arguments.has("create")
        self.specialUse = arguments.string("specialuse").map { compiler.text($0) }
        self.mailboxID = arguments.string("mailboxid").map { compiler.text($0) }
        if let use = arguments.string("specialuse"), let octets = self.specialUse?.constant,
            !SpecialUseText.isValid(octets)
        {
            compiler.error(use.position, "\(quoted(octets)) is no special use; they are named like \"\\Junk\"")
            return nil
        }
    }

    func value(_ run: inout SieveRun) throws(SieveRuntimeError) -> SieveFileInto {
        let text = try self.mailbox.octets(&run)
        guard let name = MailboxText.parse(text) else {
            throw run.error("\(quoted(text)) is no name of a mailbox")
        }
        var place = SieveFileInto(mailbox: name)
        place.creates = self.creates
        if let use = self.specialUse {
            let octets = try use.octets(&run)
            guard SpecialUseText.isValid(octets) else {
                throw run.error("\(quoted(octets)) is no special use; they are named like \"\\Junk\"")
            }
            place.specialUse = String(decoding: octets, as: UTF8.self)
        }
        if let id = self.mailboxID { place.mailboxID = String(decoding: try id.octets(&run), as: UTF8.self) }
        return place
    }
}

/// The name of a special use.
enum SpecialUseText {
    /// `\Junk`, also one that is not registered (RFC 6154 section 6, use-attr).
    static func isValid(_ octets: [UInt8]) -> Bool {
        octets.count > 1 && octets.count <= 64 && octets.first == UInt8(ascii: "\\")
            && octets.dropFirst().allSatisfy(ASCII.isAtomCharacter)
    }
}

/// A mailbox name as a user writes it.
enum MailboxText {
    /// `nil` for what no server takes: empty, not UTF-8, with control characters, or very long.
    static func parse(_ octets: [UInt8]) -> String? {
        guard !octets.isEmpty, octets.count <= 1000, let text = String(validating: octets, as: UTF8.self),
            octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return text
    }
}
