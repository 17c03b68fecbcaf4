import MailCore

/// GENURLAUTH (RFC 4467 section 7): one URL that is to be signed.
public struct URLToSign: Hashable, Sendable {
    /// As the client wrote it, to the end of the access identifier.
    public var url: [UInt8]
    /// The mechanism in capitals.
    public var mechanism: [UInt8]

    public init(url: [UInt8], mechanism: [UInt8]) {
        self.url = url
        self.mechanism = mechanism
    }
}

/// URLFETCH (RFC 4467 section 7, RFC 5524 section 3): one URL and what of it is wanted.
public struct URLToFetch: Hashable, Sendable {
    /// What is asked of a URL.
    public enum Item: Hashable, Sendable {
        /// The octets as they are.
        case body
        /// The octets without their transfer encoding.
        case binary
        /// What BODYSTRUCTURE says of the part.
        case structure
    }

    /// As the client wrote it.
    public var url: [UInt8]
    /// In the client's order, each once; empty for the octets in the form of RFC 4467.
    public var items: [Item]

    public init(url: [UInt8], items: [Item] = []) {
        self.url = url
        self.items = items
    }
}

extension Cursor {
    /// More than a client puts into one command: each of another user has that user's account opened.
    private static var mostURLs: Int { 100 }

    mutating func signURLs() throws(SyntaxError) -> Command {
        var urls: [URLToSign] = []
        try self.space()
        repeat {
            if urls.count == Self.mostURLs { throw self.tooComplex("Too many URLs") }
            let url = try self.astring("a URL")
            try self.space()
            urls.append(URLToSign(url: url, mechanism: try self.urlMechanism()))
        } while self.take(0x20)
        return .signURLs(urls)
    }

    mutating func resetKey() throws(SyntaxError) -> Command {
        guard self.take(0x20) else { return .resetKey(nil, mechanisms: []) }
        let mailbox = try self.mailbox()
        var mechanisms: [[UInt8]] = []
        while self.take(0x20) {
            if mechanisms.count == Self.mostURLs { throw self.tooComplex("Too many mechanisms") }
            mechanisms.append(try self.urlMechanism())
        }
        return .resetKey(mailbox, mechanisms: mechanisms)
    }

    private mutating func urlMechanism() throws(SyntaxError) -> [UInt8] {
        let name = try self.astring("a mechanism")
        guard !name.isEmpty, name.allSatisfy({ ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x2E })
        else { throw self.fail("a mechanism of letters, digits, \"-\" and \".\"") }
        return name.map(ASCII.uppercased)
    }

    mutating func fetchURLs() throws(SyntaxError) -> Command {
        var urls: [URLToFetch] = []
        try self.space()
        repeat {
            if urls.count == Self.mostURLs { throw self.tooComplex("Too many URLs") }
            guard self.take(UInt8(ascii: "(")) else {
                urls.append(URLToFetch(url: try self.astring("a URL or \"(\"")))
                continue
            }
            var url = URLToFetch(url: try self.astring("a URL"))
            while self.take(0x20) { url.items.append(try self.urlItem(url.items)) }
            try self.close()
            urls.append(url)
        } while self.take(0x20)
        return .fetchURLs(urls)
    }

    /// None twice, and not both forms of the octets (RFC 5524 section 3.1).
    private mutating func urlItem(_ items: [URLToFetch.Item]) throws(SyntaxError) -> URLToFetch.Item {
        let word = self.word()
        let item: URLToFetch.Item
        if self.matches(word, "BODY") {
            item = .body
        } else if self.matches(word, "BINARY") {
            item = .binary
        } else if self.matches(word, "BODYPARTSTRUCTURE") {
            item = .structure
        } else {
            throw self.unexpected(word, "BODY, BINARY or BODYPARTSTRUCTURE")
        }
        guard !items.contains(item), item == .structure || !items.contains(where: { $0 != .structure }) else {
            throw self.unexpected(word, "each once, and one of BODY and BINARY")
        }
        return item
    }
}
