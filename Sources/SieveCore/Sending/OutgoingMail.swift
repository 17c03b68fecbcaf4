public import MIMECore
import MailCore

/// A message that a script sends.
public struct OutgoingMail: Sendable, Equatable {
    /// MAIL FROM; `nil`: the null sender.
    public var sender: String?
    /// RCPT TO, in the form of RFC 5321.
    public var recipients: [String]
    /// In RFC 5322 form.
    public var octets: [UInt8]

    public init(sender: String?, recipients: [String], octets: [UInt8]) {
        self.sender = sender
        self.recipients = recipients
        self.octets = octets
    }
}

/// What a message that is made needs of its surroundings.
public struct SendingContext: Sendable {
    public var now: MessageDate
    /// Makes the Message-ID unlike any other: letters, digits, dots.
    public var unique: String
    public var hostname: String

    public init(now: MessageDate, unique: String, hostname: String) {
        self.now = now
        self.unique = unique
        self.hostname = hostname
    }
}

/// Puts a message together line by line.
struct MessageComposer {
    private(set) var octets: [UInt8] = []

    /// Begins with Message-ID and Date.
    init(_ context: SendingContext) {
        self.add("Message-ID", "<\(context.unique)@\(context.hostname)>")
        self.octets += "Date: ".utf8
        context.now.appendRFC5322(to: &self.octets)
        self.endLine()
    }

    /// A field; what is not US-ASCII becomes encoded words.
    mutating func add(_ name: String, _ value: [UInt8]) {
        self.octets += HeaderEditing.field(Array(name.utf8), value)
    }

    mutating func add(_ name: String, _ value: String) { self.add(name, Array(value.utf8)) }

    /// A field with one address, `local@domain` or `phrase <local@domain>`.
    mutating func addAddress(_ name: String, _ text: String) {
        let octets = Array(text.utf8)
        guard Self.isInternational(octets), let address = OutboundAddress.parse(octets) else {
            return self.add(name, octets)
        }
        var phrase: [UInt8] = []
        octets.withUnsafeBytes {
            for case .mailbox(.some(let words), _, _, _) in AddressParser(Octets($0)) { phrase = words }
        }
        if phrase.isEmpty { return self.addUnencoded(name, address) }
        var value: [UInt8]
        if phrase.allSatisfy({ $0 < 0x80 }) {
            value = [UInt8(ascii: "\"")]
            for byte in phrase {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { value.append(UInt8(ascii: "\\")) }
                value.append(byte)
            }
            value.append(UInt8(ascii: "\""))
        } else {
            value = EncodedWord.encodeAll(phrase)
        }
        self.octets += HeaderEditing.folded(Array(name.utf8), value + " <\(address)>".utf8)
    }

    /// A field with addresses alone, for which no encoded word may stand (RFC 2047 section 5): what is not US-ASCII in
    /// one is UTF-8 (RFC 6532 section 3.2).
    mutating func addUnencoded(_ name: String, _ text: String) {
        let octets = Array(text.utf8)
        guard Self.isInternational(octets) else { return self.add(name, octets) }
        self.octets += HeaderEditing.folded(Array(name.utf8), octets)
    }

    private static func isInternational(_ text: [UInt8]) -> Bool {
        text.contains { $0 >= 0x80 } && !text.contains { $0 < 0x20 || $0 == 0x7F }
    }

    /// A field as it is, without its line end.
    mutating func addLine(_ text: String) {
        self.octets += text.utf8
        self.endLine()
    }

    /// Text with CRLF line ends, ended by one.
    mutating func addText(_ text: [UInt8]) {
        for byte in text {
            if byte == 0x0A, self.octets.last != 0x0D { self.octets.append(0x0D) }
            self.octets.append(byte)
        }
        if self.octets.last != 0x0A { self.endLine() }
    }

    mutating func append(_ octets: UnsafeRawBufferPointer) { self.octets.append(contentsOf: octets) }

    mutating func endLine() { self.octets += [0x0D, 0x0A] }

    /// The header of a text/plain body: 7-bit where the text is.
    mutating func beginPlainText(_ text: [UInt8]) {
        let isASCII = text.allSatisfy { $0 < 0x80 }
        self.addLine("MIME-Version: 1.0")
        self.addLine("Content-Type: text/plain; charset=\(isASCII ? "us-ascii" : "utf-8")")
        self.addLine("Content-Transfer-Encoding: \(isASCII ? "7bit" : "8bit")")
        self.endLine()
    }
}

extension SieveMessage {
    /// The first address of the first of these fields that has a usable one.
    func firstAddress(_ names: [String]) -> SieveAddress? {
        for name in names {
            for body in self.bodies(Array(name.utf8)) {
                for case .mailbox(_, _, let local, let host) in AddressParser(body) {
                    if let local, !local.isEmpty, let host, !host.isEmpty {
                        return SieveAddress(localPart: local, domain: host)
                    }
                }
            }
        }
        return nil
    }

    /// The References of a reply (RFC 5322 section 3.6.4).
    func addThread(to composer: inout MessageComposer) {
        func ids(_ name: String) -> [[UInt8]] {
            self.bodies(Array(name.utf8)).first.map { MessageIDs.all(in: $0, maximum: 20) } ?? []
        }
        func angled(_ id: [UInt8]) -> [UInt8] { [UInt8(ascii: "<")] + id + [UInt8(ascii: ">")] }
        var references = ids("references")
        // Of several parents none is the one before.
        if references.isEmpty, let parent = ids("in-reply-to").first, ids("in-reply-to").count == 1 {
            references = [parent]
        }
        if let id = ids("message-id").first {
            composer.add("In-Reply-To", angled(id))
            references.append(id)
        }
        guard !references.isEmpty else { return }
        composer.add("References", Array(references.map(angled).joined(separator: [0x20])))
    }
}
