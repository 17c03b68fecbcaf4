import SieveCore

/// Answers scripts that run on messages in a mailbox: as at delivery, but for some items of the environment.
struct FiledMessageHost: SieveHost {
    /// As at delivery.
    let base: any SieveHost
    /// By their names in lower case.
    let items: [String: String]

    func environmentItem(_ name: String) -> [UInt8]? {
        if let item = self.items[name] { return Array(item.utf8) }
        switch name {
        // RFC 6785 section 4.1.
        case "location": return Array("MS".utf8)
        case "phase": return Array("post".utf8)
        default: return self.base.environmentItem(name)
        }
    }

    func mailboxExists(_ name: String) -> Bool { self.base.mailboxExists(name) }
    func specialUseExists(_ use: String, mailbox: String?) -> Bool {
        self.base.specialUseExists(use, mailbox: mailbox)
    }
    func mailboxIDExists(_ id: String) -> Bool { self.base.mailboxIDExists(id) }
    func metadata(_ entry: String, mailbox: String?) -> [UInt8]? { self.base.metadata(entry, mailbox: mailbox) }
    func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool {
        self.base.isDuplicate(handle: handle, identity: identity, seconds: seconds, last: last)
    }
    func isListed(_ value: [UInt8], list: String) -> Bool? { self.base.isListed(value, list: list) }
    func run(_ call: SieveProgramCall, input: [UInt8]) -> (succeeded: Bool, output: [UInt8]) {
        self.base.run(call, input: input)
    }
    func reasonToEnd() -> String? { self.base.reasonToEnd() }
    func log(_ text: String, of script: String, at position: SievePosition) {
        self.base.log(text, of: script, at: position)
    }
}
