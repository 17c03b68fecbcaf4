import MailCore

extension SieveExtension {
    /// RFC 5435, with mailto (RFC 5436).
    static let enotify = SieveExtension(
        capability: "enotify",
        commands: [
            SieveDefinition(
                "notify", capability: "enotify",
                Signature(
                    tags: [
                        TagDefinition("from", argument: .string), TagDefinition("importance", argument: .string),
                        TagDefinition("options", argument: .stringList), TagDefinition("message", argument: .string),
                    ], positional: [PositionalArgument("the method", .string)])
            ) { compiler, arguments in
                guard let operation = NotifyOperation(arguments, &compiler) else { return }
                compiler.emit(operation)
            }
        ],
        tests: [
            SieveDefinition(
                "valid_notify_method", capability: "enotify",
                Signature(positional: [PositionalArgument("the methods", .stringList)])
            ) { compiler, arguments in
                compiler.emit(ValidNotifyMethodTest(methods: compiler.texts(arguments.strings(0))))
            },
            SieveDefinition(
                "notify_method_capability", capability: "enotify",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the method", .string), PositionalArgument("the capability", .string),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                guard let method = arguments.strings(0).first, let capability = arguments.strings(1).first else {
                    return
                }
                let texts = (compiler.text(method), compiler.text(capability))
                let keys = compiler.texts(arguments.strings(2))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(
                    NotifyCapabilityTest(method: texts.0, capability: texts.1, keys: keys, matcher: matcher))
            },
        ])
}

struct NotifyOperation: SieveOperation {
    private let method: SieveText
    private let from: SieveText?
    private let importance: SieveText?
    private let options: [SieveText]
    private let message: SieveText?
    private let copy: FilingCopy?

    /// `nil` after an error.
    init?(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        guard let literal = arguments.strings(0).first else { return nil }
        self.method = compiler.text(literal)
        if let octets = self.method.constant, MailtoURI(octets) == nil {
            compiler.error(
                literal.position, "\(quoted(octets)) is no method of notification; \"mailto:\" is the one there is")
        }
        self.from = arguments.string("from").map { compiler.text($0) }
        if let literal = arguments.string("from"), let octets = self.from?.constant,
            OutboundAddress.parse(octets) == nil
        {
            compiler.error(literal.position, "\(quoted(octets)) is no address from which mail can be sent")
        }
        self.importance = arguments.string("importance").map { compiler.text($0) }
        if let literal = arguments.string("importance"), let octets = self.importance?.constant,
            Self.importance(octets) == nil
        {
            compiler.error(literal.position, "the importance is \"1\", \"2\" or \"3\", not \(quoted(octets))")
        }
        let options = arguments.tags[TagGroup(name: "options")]?.strings ?? []
        self.options = compiler.texts(options)
        for (text, literal) in zip(self.options, options) {
            if let octets = text.constant, !Self.isOption(octets) {
                compiler.error(
                    literal.position, "\(quoted(octets)) is no option; they are written like \"name=value\"")
            }
        }
        self.message = arguments.string("message").map { compiler.text($0) }
        self.copy = FilingCopy(arguments, &compiler)
    }

    /// `name=value` (RFC 5435 section 3.5).
    private static func isOption(_ text: [UInt8]) -> Bool {
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")), let first = text.first,
            ASCII.isLetter(first) || ASCII.isDigit(first)
        else { return false }
        let isName = text[..<equals].allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || "._-".utf8.contains($0)
        }
        return isName && text[equals...].allSatisfy { $0 != 0 && $0 != 0x0A && $0 != 0x0D }
    }

    private static func importance(_ text: [UInt8]) -> Int? {
        guard text.count == 1, text[0] >= UInt8(ascii: "1"), text[0] <= UInt8(ascii: "3") else { return nil }
        return Int(text[0] - 0x30)
    }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        var notification = SieveNotification()
        notification.method = try self.method.octets(&run)
        guard MailtoURI(notification.method) != nil else {
            throw run.error("\(quoted(notification.method)) is no method of notification")
        }
        if let importance = self.importance {
            let text = try importance.octets(&run)
            guard let value = Self.importance(text) else {
                throw run.error("the importance is \"1\", \"2\" or \"3\", not \(quoted(text))")
            }
            notification.importance = value
        }
        if let from = self.from {
            let text = try from.octets(&run)
            guard OutboundAddress.parse(text) != nil else {
                throw run.error("\(quoted(text)) is no address from which mail can be sent")
            }
            notification.from = text
        }
        notification.options = try self.options.octets(&run)
        for option in notification.options where !Self.isOption(option) {
            throw run.error("\(quoted(option)) is no option; they are written like \"name=value\"")
        }
        if let message = self.message { notification.message = try message.octets(&run) }
        notification.copy = try self.copy?.value(&run)
        try run.add(.notify(notification), cancelsKeep: false)
    }
}

struct ValidNotifyMethodTest: SieveTest {
    let methods: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        try self.methods.octets(&run).allSatisfy { MailtoURI($0) != nil }
    }
}

/// RFC 5435 section 5: `online` of mail is not known.
struct NotifyCapabilityTest: SieveTest {
    let method: SieveText
    let capability: SieveText
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        guard MailtoURI(try self.method.octets(&run)) != nil else { return false }
        let capability = try self.capability.octets(&run)
        guard ASCII.equalsIgnoringCase(capability, "online".utf8) else { return false }
        return try self.matcher.matches([Array("maybe".utf8)], self.keys, &run)
    }
}

/// A `mailto:` URI (RFC 6068) as notifications use it (RFC 5436 section 2.3).
public struct MailtoURI: Sendable, Equatable {
    /// For the To field, in the form of RFC 5321.
    public private(set) var recipients: [String] = []
    /// For the Cc field.
    public private(set) var copies: [String] = []
    /// All who get the message; at least one.
    public var everybody: [String] { self.recipients + self.copies }
    /// Decoded; `Subject`, `Body` and header fields, as written.
    public private(set) var fields: [(name: String, value: [UInt8])] = []

    private static let maximumRecipients = 8
    private static let maximumFields = 16

    public static func == (a: MailtoURI, b: MailtoURI) -> Bool {
        a.recipients == b.recipients && a.copies == b.copies
            && a.fields.elementsEqual(b.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    /// `nil` for what is no such URI, has no recipient, or too many.
    public init?(_ uri: [UInt8]) {
        guard uri.count > 7, ASCII.equalsIgnoringCase(uri[..<7], "mailto:".utf8) else { return nil }
        let rest = uri[7...]
        let query = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        guard self.addRecipients(rest[..<query]) else { return nil }
        if query < rest.endIndex {
            for pair in rest[(query + 1)...].split(separator: UInt8(ascii: "&")) {
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")), let name = Self.decoded(pair[..<equals]),
                    let value = Self.decoded(pair[(equals + 1)...]), FieldName.isValid(name)
                else { return nil }
                if ASCII.equalsIgnoringCase(name, "to".utf8) || ASCII.equalsIgnoringCase(name, "cc".utf8) {
                    let isCopy = ASCII.equalsIgnoringCase(name, "cc".utf8)
                    guard self.addRecipients(pair[(equals + 1)...], areCopies: isCopy) else { return nil }
                    continue
                }
                guard self.fields.count < Self.maximumFields else { return nil }
                self.fields.append((String(decoding: name, as: UTF8.self), value))
            }
        }
        guard !self.everybody.isEmpty else { return nil }
    }

    private mutating func addRecipients(_ list: ArraySlice<UInt8>, areCopies: Bool = false) -> Bool {
        for text in list.split(separator: UInt8(ascii: ",")) {
            guard let decoded = Self.decoded(text), let address = OutboundAddress.parse(decoded),
                self.everybody.count < Self.maximumRecipients
            else { return false }
            if self.everybody.contains(address) { continue }
            if areCopies { self.copies.append(address) } else { self.recipients.append(address) }
        }
        return true
    }

    /// Percent-decoding; `nil` for a bad sequence or an octet that no URI has.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < text.endIndex, let high = ASCII.hexValue(text[index + 1]),
                    let low = ASCII.hexValue(text[index + 2])
                else { return nil }
                out.append(high << 4 | low)
                index += 3
                continue
            }
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "<"), byte != UInt8(ascii: ">"),
                byte != UInt8(ascii: "\"")
            else { return nil }
            out.append(byte)
            index += 1
        }
        return out
    }
}
