import MIMECore
import MailCore

extension SieveExtension {
    /// Notifications before RFC 5435 (draft-martin-sieve-notify), by mail.
    ///
    /// ```
    /// notify :method "mailto" :options "me@example.org" :message "$from$: $subject$";
    /// denotify :matches "list-*" :low;
    /// ```
    static let formerNotify = SieveExtension(
        capability: "notify", successor: "enotify",
        commands: [
            SieveDefinition(
                "notify", capability: "notify",
                Signature(
                    tags: [
                        TagDefinition("method", argument: .string), TagDefinition("id", argument: .string),
                        TagDefinition("options", argument: .stringList), TagDefinition("message", argument: .string),
                    ] + priorities)
            ) { compiler, arguments in
                guard let operation = FormerNotifyOperation(arguments, &compiler) else { return }
                compiler.emit(operation)
            },
            SieveDefinition(
                "denotify", capability: "notify",
                Signature(
                    tags: priorities, shared: [.matchType, .comparator],
                    positional: [PositionalArgument("the identifier", .string, isOptional: true)],
                    takesTagsAnywhere: true)
            ) { compiler, arguments in
                let key = arguments.strings(0).first.map { compiler.text($0) }
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(
                    DenotifyOperation(key: key, matcher: matcher, importance: FormerPriority.importance(arguments)))
            },
        ])

    private static let priorities = ["low", "normal", "high"].map { TagDefinition($0, group: FormerPriority.group) }
}

private enum FormerPriority {
    static let group = TagGroup(name: "priority")

    /// `nil` when the script says nothing of it.
    static func importance(_ arguments: SieveArguments) -> Int? {
        switch arguments.tags[self.group]?.name {
        case "high": 1
        case "normal": 2
        case "low": 3
        default: nil
        }
    }
}

struct FormerNotifyOperation: SieveOperation {
    private let method: SieveText?
    private let identifier: SieveText?
    private let addresses: [SieveText]
    private let message: SieveText
    private let importance: Int

    private static let maximumMessage = 16_384

    /// `nil` after an error.
    init?(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        let method = arguments.string("method")
        self.method = method.map { compiler.text($0) }
        if let method, let octets = self.method?.constant, !Self.isMail(octets) {
            compiler.diagnostics.warning(
                method.position, "\(quoted(octets)) is no method of notification here; nobody will be notified")
        }
        self.identifier = arguments.string("id").map { compiler.text($0) }
        let options = arguments.tags[TagGroup(name: "options")]?.strings ?? []
        guard !options.isEmpty else {
            compiler.error(arguments.position, "\"notify\" needs \":options\" with the addresses to notify")
            return nil
        }
        self.addresses = compiler.texts(options)
        for (address, literal) in zip(self.addresses, options) {
            if let octets = address.constant, OutboundAddress.parse(octets) == nil {
                compiler.error(literal.position, "\(quoted(octets)) is no address to which mail can be sent")
            }
        }
        self.message =
            arguments.string("message").map { compiler.text($0) } ?? SieveText(Array("$from$: $subject$".utf8))
        self.importance = FormerPriority.importance(arguments) ?? 2
    }

    private static func isMail(_ method: [UInt8]) -> Bool { ASCII.equalsIgnoringCase(method, "mailto".utf8) }

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        if let method = try self.method?.octets(&run), !Self.isMail(method) { return }
        var notification = SieveNotification()
        notification.isFormer = true
        notification.importance = self.importance
        notification.identifier = try self.identifier?.octets(&run)
        var uri = Array("mailto:".utf8)
        for (index, text) in try self.addresses.octets(&run).enumerated() {
            guard let address = OutboundAddress.parse(text) else {
                throw run.error("\(quoted(text)) is no address to which mail can be sent")
            }
            if index > 0 { uri.append(UInt8(ascii: ",")) }
            for octet in address.utf8 {
                if ASCII.isLetter(octet) || ASCII.isDigit(octet) || "@.-_".utf8.contains(octet) {
                    uri.append(octet)
                } else {
                    uri.append(UInt8(ascii: "%"))
                    uri.appendHex(octet)
                }
            }
        }
        guard MailtoURI(uri) != nil else { throw run.error("too many addresses to notify") }
        notification.method = uri
        notification.message = try self.substituted(try self.message.octets(&run), &run)
        try run.add(.notify(notification), cancelsKeep: false)
    }

    /// Puts what the message has in the place of `$from$`, `$env-from$`, `$subject$` and `$text$` or `$text[20]$`.
    private func substituted(_ text: [UInt8], _ run: inout SieveRun) throws(SieveRuntimeError) -> [UInt8] {
        var out: [UInt8] = []
        var rest = text[...]
        while let octet = rest.first, out.count < Self.maximumMessage {
            if octet == UInt8(ascii: "$"), let end = rest.dropFirst().firstIndex(of: octet),
                let value = try self.value(of: rest[(rest.startIndex + 1)..<end], &run)
            {
                out += value
                rest = rest[(end + 1)...]
            } else {
                out.append(octet)
                rest = rest.dropFirst()
            }
        }
        try run.spend(text.count + out.count)
        return Array(out.prefix(Self.maximumMessage))
    }

    private func value(
        of name: ArraySlice<UInt8>, _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> [UInt8]? {
        let word = String(decoding: name.map(ASCII.lowercased), as: UTF8.self)
        switch word {
        case "from", "subject":
            try run.spend(run.message.fields.count)
            return run.message.bodies(Array(word.utf8)).first.map { run.message.decoded($0) } ?? []
        case "env-from": return Array((run.environment.sender?.quoted ?? "").utf8)
        case "text": return try self.bodyText(&run)
        default:
            guard word.hasPrefix("text["), word.hasSuffix("]"), let count = Int(word.dropFirst(5).dropLast()),
                count >= 0
            else { return nil }
            var text = try self.bodyText(&run).prefix(count)
            // Whole characters only.
            while let last = text.last, last >= 0x80, String(validating: text, as: UTF8.self) == nil {
                text.removeLast()
            }
            return Array(text)
        }
    }

    /// The first text of the body.
    private func bodyText(_ run: inout SieveRun) throws(SieveRuntimeError) -> [UInt8] {
        let view = try run.mimeView()
        for (index, part) in view.table.parts.enumerated() {
            guard case .text = part.kind else { continue }
            try run.spend(part.body.count)
            return Array(view.content(of: index).prefix(Self.maximumMessage))
        }
        return []
    }
}

/// Takes earlier notifications of the same run back.
struct DenotifyOperation: SieveOperation {
    /// `nil`: whatever their identifiers are.
    let key: SieveText?
    let matcher: any SieveMatcher
    /// `nil`: of any importance.
    let importance: Int?

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let captures = run.suspendCaptures()
        defer { run.resumeCaptures(captures) }
        var removed: [Int] = []
        for (index, action) in run.result.actions.enumerated() {
            guard case .notify(let notification) = action.kind, notification.isFormer,
                self.importance == nil || notification.importance == self.importance
            else { continue }
            if let key = self.key {
                guard let identifier = notification.identifier,
                    try self.matcher.matches([identifier], [key], &run)
                else { continue }
            }
            removed.append(index)
        }
        for index in removed.reversed() { run.result.actions.remove(at: index) }
    }
}
