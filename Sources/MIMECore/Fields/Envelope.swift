import MailCore

/// ENVELOPE in wire form (RFC 9051 section 7.5.2).
public enum Envelope {
    /// The most addresses that one member shows; a longer list is cut.
    public static let maximumAddresses = 20_000

    /// Appends `(date subject from sender reply-to to cc bcc in-reply-to message-id)` of a header.
    ///
    /// Of a field that is there several times the last one counts, as in Dovecot, and for addresses all do:
    /// so that no address is shown to one program and hidden from another.
    public static func append(_ header: Octets, charset: WireCharset = .ascii, to out: inout [UInt8]) {
        var fields = Fields()
        for field in HeaderScanner(header) {
            guard let member = Member(header[field.name]) else { continue }
            fields.add(header[field.body], to: member)
        }
        fields.append(charset: charset, to: &out)
    }

    private enum Member {
        case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID

        init?(_ name: Octets) {
            let member: Member? =
                switch name.count {
                case 2: name.equals(lowercase: "to") ? .to : name.equals(lowercase: "cc") ? .cc : nil
                case 3: name.equals(lowercase: "bcc") ? .bcc : nil
                case 4: name.equals(lowercase: "from") ? .from : name.equals(lowercase: "date") ? .date : nil
                case 6: name.equals(lowercase: "sender") ? .sender : nil
                case 7: name.equals(lowercase: "subject") ? .subject : nil
                case 8: name.equals(lowercase: "reply-to") ? .replyTo : nil
                case 10: name.equals(lowercase: "message-id") ? .messageID : nil
                case 11: name.equals(lowercase: "in-reply-to") ? .inReplyTo : nil
                default: nil
                }
            guard let member else { return nil }
            self = member
        }
    }

    /// The bodies of the fields; those with addresses in order.
    private struct Fields {
        var date: Octets?
        var subject: Octets?
        var inReplyTo: Octets?
        var messageID: Octets?
        var from: [Octets] = []
        var sender: [Octets] = []
        var replyTo: [Octets] = []
        var to: [Octets] = []
        var cc: [Octets] = []
        var bcc: [Octets] = []

        mutating func add(_ body: Octets, to member: Member) {
            switch member {
            case .date: self.date = body
            case .subject: self.subject = body
            case .from: self.from.append(body)
            case .sender: self.sender.append(body)
            case .replyTo: self.replyTo.append(body)
            case .to: self.to.append(body)
            case .cc: self.cc.append(body)
            case .bcc: self.bcc.append(body)
            case .inReplyTo: self.inReplyTo = body
            case .messageID: self.messageID = body
            }
        }

        func append(charset: WireCharset, to out: inout [UInt8]) {
            out.append(UInt8(ascii: "("))
            self.appendString(self.date, charset, to: &out)
            out.append(0x20)
            if let subject = self.subject {
                var text: [UInt8] = []
                HeaderBody.appendCollapsed(subject, to: &text)
                WireString.append(text, charset: charset, to: &out)
            } else {
                WireString.appendNIL(to: &out)
            }
            out.append(0x20)
            var from: [UInt8] = []
            self.appendAddresses(self.from, charset, to: &from)
            out.append(contentsOf: from)
            for list in [self.sender, self.replyTo] {
                out.append(0x20)
                let start = out.count
                self.appendAddresses(list, charset, to: &out)
                // NIL only where there were no addresses: then it is what From is.
                if out.count == start + 3 {
                    out.removeLast(3)
                    out.append(contentsOf: from)
                }
            }
            for list in [self.to, self.cc, self.bcc] {
                out.append(0x20)
                self.appendAddresses(list, charset, to: &out)
            }
            out.append(0x20)
            self.appendString(self.inReplyTo, charset, to: &out)
            out.append(0x20)
            self.appendString(self.messageID, charset, to: &out)
            out.append(UInt8(ascii: ")"))
        }

        private func appendString(_ body: Octets?, _ charset: WireCharset, to out: inout [UInt8]) {
            WireString.append(body.map(HeaderBody.unfolded), charset: charset, to: &out)
        }

        private func appendAddresses(_ bodies: [Octets], _ charset: WireCharset, to out: inout [UInt8]) {
            var written = 0
            for body in bodies {
                for address in AddressParser(body) {
                    if written >= Envelope.maximumAddresses, address != .groupEnd { break }
                    out.append(written == 0 ? "((" : "(")
                    written += 1
                    Envelope.append(address, charset: charset, to: &out)
                    out.append(UInt8(ascii: ")"))
                }
            }
            if written == 0 { WireString.appendNIL(to: &out) } else { out.append(UInt8(ascii: ")")) }
        }
    }

    private static func append(_ address: Address, charset: WireCharset, to out: inout [UInt8]) {
        switch address {
        case .mailbox(let name, let route, let mailbox, let host):
            if let name {
                var text: [UInt8] = []
                name.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &text) }
                WireString.append(text, charset: charset, to: &out)
            } else {
                WireString.appendNIL(to: &out)
            }
            out.append(0x20)
            WireString.append(route, charset: charset, to: &out)
            out.append(0x20)
            WireString.append(mailbox ?? Address.missingMailbox, charset: charset, to: &out)
            out.append(0x20)
            WireString.append(host ?? Address.missingHost, charset: charset, to: &out)
        case .groupStart(let name):
            out.append("NIL NIL ")
            WireString.append(name, charset: charset, to: &out)
            out.append(" NIL")
        case .groupEnd: out.append("NIL NIL NIL NIL")
        }
    }
}
