import MailCore

/// The line that ends the answer to a command (RFC 5804 section 1.3).
public struct ManageSieveResponse: Equatable, Sendable {
    /// How a command ended.
    public enum Status: String, Sendable { case ok = "OK", no = "NO", bye = "BYE" }

    /// RFC 5804 section 1.3.
    public enum Code: Equatable, Sendable {
        case authTooWeak, encryptNeeded, transitionNeeded
        case quota, quotaMaxScripts, quotaMaxSize
        case tryLater, active, nonexistent, alreadyExists, warnings
        /// What a SASL mechanism says with its success, not encoded.
        case sasl([UInt8])
        /// The text of a NOOP.
        case tag([UInt8])
    }

    public var status: Status
    public var code: Code?
    public var text: String

    public init(_ status: Status, _ code: Code? = nil, _ text: String) {
        self.status = status
        self.code = code
        self.text = text
    }

    /// Appends the line, its text quoted or as a literal.
    public func encode(into out: inout [UInt8]) {
        out += self.status.rawValue.utf8
        if let code = self.code {
            out += " (".utf8
            switch code {
            case .authTooWeak: out += "AUTH-TOO-WEAK".utf8
            case .encryptNeeded: out += "ENCRYPT-NEEDED".utf8
            case .transitionNeeded: out += "TRANSITION-NEEDED".utf8
            case .quota: out += "QUOTA".utf8
            case .quotaMaxScripts: out += "QUOTA/MAXSCRIPTS".utf8
            case .quotaMaxSize: out += "QUOTA/MAXSIZE".utf8
            case .tryLater: out += "TRYLATER".utf8
            case .active: out += "ACTIVE".utf8
            case .nonexistent: out += "NONEXISTENT".utf8
            case .alreadyExists: out += "ALREADYEXISTS".utf8
            case .warnings: out += "WARNINGS".utf8
            case .sasl(let data):
                out += "SASL ".utf8
                ManageSieveString.encode(Base64.encode(data), into: &out)
            case .tag(let text):
                out += "TAG ".utf8
                ManageSieveString.encode(text, into: &out)
            }
            out.append(UInt8(ascii: ")"))
        }
        if !self.text.isEmpty {
            out.append(0x20)
            ManageSieveString.encode(Array(self.text.utf8), into: &out)
        }
        out += [0x0D, 0x0A]
    }
}

/// Strings as servers send them.
public enum ManageSieveString {
    /// Quoted where it can be, else a literal.
    public static func encode(_ text: [UInt8], into out: inout [UInt8]) {
        guard text.count <= 1024, !text.contains(where: { $0 == 0 || $0 == 0x0D || $0 == 0x0A }) else {
            out += "{\(text.count)}\r\n".utf8
            out += text
            return
        }
        out.append(UInt8(ascii: "\""))
        for byte in text {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "\""))
    }

    /// Words of one line, each a string: a capability.
    public static func encodeLine(_ words: [String], into out: inout [UInt8]) {
        for (index, word) in words.enumerated() {
            if index > 0 { out.append(0x20) }
            self.encode(Array(word.utf8), into: &out)
        }
        out += [0x0D, 0x0A]
    }
}
