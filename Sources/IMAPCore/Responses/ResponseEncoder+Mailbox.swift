public import MailCore

extension ResponseEncoder {
    /// `* 23 EXISTS`.
    public mutating func exists(_ count: Int) { self.numbered(UInt64(max(0, count)), "EXISTS") }

    /// `* 1 RECENT`.
    public mutating func recent(_ count: Int) { self.numbered(UInt64(max(0, count)), "RECENT") }

    /// `* 44 EXPUNGE`.
    public mutating func expunge(_ number: SequenceNumber) {
        self.numbered(UInt64(number.rawValue), "EXPUNGE")
    }

    /// `* VANISHED 405,407,410:412`: messages that the client knew are gone. Nothing for an empty set.
    public mutating func vanished(_ uids: UIDSet) { self.vanished("* VANISHED ", uids) }

    /// `* VANISHED (EARLIER) 405,407`: messages were gone before the client selected the mailbox (RFC 7162 section
    /// 3.2.10.1). Nothing for an empty set.
    public mutating func vanishedEarlier(_ uids: UIDSet) { self.vanished("* VANISHED (EARLIER) ", uids) }

    private mutating func vanished(_ start: StaticString, _ uids: UIDSet) {
        guard !uids.isEmpty else { return }
        self.bytes.append(start)
        uids.encode(into: &self.bytes)
        self.endLine()
    }

    /// `* FLAGS (...)`
    public mutating func flags(_ flags: MessageFlags, keywords: some Sequence<Keyword>) {
        self.bytes.append("* FLAGS ")
        self.bytes.appendFlagList(flags, keywords: keywords)
        self.endLine()
    }

    /// `* CAPABILITY ...`, names separated by spaces.
    public mutating func capability(_ names: [UInt8]) {
        self.bytes.append("* CAPABILITY ")
        self.bytes.append(contentsOf: names)
        self.endLine()
    }

    /// `* LANGUAGE (...)`
    public mutating func language(_ languages: [ServerLanguage]) {
        self.bytes.append("* LANGUAGE (")
        for (index, language) in languages.enumerated() {
            if index > 0 { self.bytes.append(0x20) }
            self.bytes.append(language.tag)
        }
        self.bytes.append(UInt8(ascii: ")"))
        self.endLine()
    }

    /// `* ENABLED ...`
    public mutating func enabled(_ names: [StaticString]) {
        self.bytes.append("* ENABLED")
        for name in names {
            self.bytes.append(0x20)
            self.bytes.append(name)
        }
        self.endLine()
    }

    /// `* ID (...)` with names and values; `* ID NIL` when there are none.
    public mutating func id(_ fields: [(name: String, value: String)]) {
        self.bytes.append("* ID ")
        if fields.isEmpty {
            self.bytes.append("NIL")
        } else {
            self.bytes.append(UInt8(ascii: "("))
            for (index, field) in fields.enumerated() {
                if index > 0 { self.bytes.append(0x20) }
                self.bytes.appendIMAPString(field.name.utf8)
                self.bytes.append(0x20)
                self.bytes.appendIMAPString(field.value.utf8)
            }
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }

    /// What a LIST or LSUB response says of a mailbox beside its name.
    public struct ListAttributes: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let noSelect = ListAttributes(rawValue: 1)
        public static let nonExistent = ListAttributes(rawValue: 2)
        public static let noInferiors = ListAttributes(rawValue: 4)
        public static let hasChildren = ListAttributes(rawValue: 8)
        public static let hasNoChildren = ListAttributes(rawValue: 16)
        public static let subscribed = ListAttributes(rawValue: 32)
        /// Its events are asked for and cannot be told (RFC 5465 section 3.1).
        public static let noAccess = ListAttributes(rawValue: 64)

        static let names: [(ListAttributes, StaticString)] = [
            (.nonExistent, "\\NonExistent"), (.noSelect, "\\Noselect"), (.noInferiors, "\\NoInferiors"),
            (.hasChildren, "\\HasChildren"), (.hasNoChildren, "\\HasNoChildren"),
            (.subscribed, "\\Subscribed"), (.noAccess, "\\NoAccess"),
        ]
    }

    /// `* LIST (\HasNoChildren \Sent) "/" Sent`, or LSUB.
    ///
    /// - Parameters:
    ///   - childInfo: `("CHILDINFO" ("SUBSCRIBED"))` (RFC 5258 section 3.5).
    ///   - oldName: `("OLDNAME" ("inbox"))` (RFC 9051 section 6.3.9.7).
    public mutating func list(
        _ response: StaticString, _ attributes: ListAttributes, uses: [SpecialUseAttribute] = [],
        separator: UInt8?, name: WireMailboxName, childInfo: [StaticString] = [],
        oldName: WireMailboxName? = nil
    ) {
        self.list(
            response, attributes, words: uses.map(\.wireName), separator: separator, name: name,
            childInfo: childInfo, oldName: oldName)
    }

    /// The same with attributes beyond those that LIST knows, such as those of XLIST.
    public mutating func list(
        _ response: StaticString, _ attributes: ListAttributes, words: [StaticString], separator: UInt8?,
        name: WireMailboxName, childInfo: [StaticString] = [], oldName: WireMailboxName? = nil
    ) {
        self.bytes.append("* ")
        self.bytes.append(response)
        self.bytes.append(" (")
        var isFirst = true
        for (attribute, word) in ListAttributes.names where attributes.contains(attribute) {
            if !isFirst { self.bytes.append(0x20) }
            isFirst = false
            self.bytes.append(word)
        }
        for word in words {
            if !isFirst { self.bytes.append(0x20) }
            isFirst = false
            self.bytes.append(word)
        }
        self.bytes.append(") ")
        self.bytes.appendNString(separator.map { CollectionOfOne($0) })
        self.bytes.append(0x20)
        self.bytes.appendMailbox(name)
        if let oldName {
            self.bytes.append(" (\"OLDNAME\" (")
            self.bytes.appendMailbox(oldName)
            self.bytes.append("))")
        }
        if !childInfo.isEmpty {
            self.bytes.append(" (\"CHILDINFO\" (")
            for (index, word) in childInfo.enumerated() {
                if index > 0 { self.bytes.append(0x20) }
                self.bytes.append(UInt8(ascii: "\""))
                self.bytes.append(word)
                self.bytes.append(UInt8(ascii: "\""))
            }
            self.bytes.append("))")
        }
        self.endLine()
    }

    /// `* STATUS INBOX (MESSAGES 5)`
    public mutating func status(_ name: WireMailboxName, _ items: [(StatusItem, StatusValue)]) {
        self.bytes.append("* STATUS ")
        self.bytes.appendMailbox(name)
        self.bytes.append(" (")
        for (index, (item, value)) in items.enumerated() {
            if index > 0 { self.bytes.append(0x20) }
            self.bytes.append(item.wireName)
            self.bytes.append(0x20)
            switch value {
            case .number(let number): self.bytes.appendDecimal(number)
            case .objectID(let id):
                self.bytes.append(UInt8(ascii: "("))
                self.bytes.append(contentsOf: id)
                self.bytes.append(UInt8(ascii: ")"))
            case .none: self.bytes.append("NIL")
            }
        }
        self.bytes.append(UInt8(ascii: ")"))
        self.endLine()
    }

    /// One namespace of a NAMESPACE response (RFC 2342).
    public struct Namespace: Hashable, Sendable {
        public var prefix: WireMailboxName
        public var separator: UInt8?

        public init(prefix: WireMailboxName, separator: UInt8?) {
            self.prefix = prefix
            self.separator = separator
        }
    }

    /// `* NAMESPACE` with its three lists; NIL for an empty one.
    public mutating func namespace(personal: [Namespace], other: [Namespace], shared: [Namespace]) {
        self.bytes.append("* NAMESPACE")
        for list in [personal, other, shared] {
            if list.isEmpty {
                self.bytes.append(" NIL")
                continue
            }
            self.bytes.append(" (")
            for namespace in list {
                self.bytes.append(UInt8(ascii: "("))
                self.bytes.appendMailboxString(namespace.prefix)
                self.bytes.append(0x20)
                self.bytes.appendNString(namespace.separator.map { CollectionOfOne($0) })
                self.bytes.append(UInt8(ascii: ")"))
            }
            self.bytes.append(UInt8(ascii: ")"))
        }
        self.endLine()
    }
}
