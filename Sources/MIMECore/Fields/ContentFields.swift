/// Where the content fields of a part's header are: the bodies of the first `Content-Type`,
/// `Content-ID`, ... (RFC 2045 section 3, RFC 2183, RFC 3282, RFC 2557). Of several `Content-Disposition`, as in
/// Dovecot, the first with parameters, else the last.
public struct ContentFields {
    public var type: Octets?
    public var transferEncoding: Octets?
    public var id: Octets?
    public var description: Octets?
    public var md5: Octets?
    public var disposition: Octets?
    public var language: Octets?
    public var location: Octets?
    /// Whether there is a `MIME-Version` field.
    public var hasVersion = false

    /// - Parameter header: a whole header, with or without its empty line.
    public init(_ header: Octets) {
        // Of a disposition that is kept the parameters are read once, not with each further field.
        var hasDispositionParameters = false
        for field in HeaderScanner(header) {
            if header[field.name].equals(lowercase: "mime-version") { self.hasVersion = true }
            // The others begin with "Content-": 8 octets, the first a C.
            guard field.name.count > 8, header[field.name.lowerBound] | 0x20 == UInt8(ascii: "c"),
                header[field.name.lowerBound..<field.name.lowerBound + 8].equals(lowercase: "content-")
            else { continue }
            let name = header[field.name.lowerBound + 8..<field.name.upperBound]
            let body = header[field.body]
            if name.equals(lowercase: "type") {
                self.type = self.type ?? body
            } else if name.equals(lowercase: "transfer-encoding") {
                self.transferEncoding = self.transferEncoding ?? body
            } else if name.equals(lowercase: "id") {
                self.id = self.id ?? body
            } else if name.equals(lowercase: "description") {
                self.description = self.description ?? body
            } else if name.equals(lowercase: "md5") {
                self.md5 = self.md5 ?? body
            } else if name.equals(lowercase: "disposition") {
                guard !hasDispositionParameters else { continue }
                self.disposition = body
                hasDispositionParameters = MIMEValue.disposition(body)?.parameters.isEmpty == false
            } else if name.equals(lowercase: "language") {
                self.language = self.language ?? body
            } else if name.equals(lowercase: "location") {
                self.location = self.location ?? body
            }
        }
    }
}

extension ContentFields {
    /// The fields as BODYSTRUCTURE shows them. A message, unlike a part of a multipart, is only then one in MIME when
    /// it says so (RFC 2045 section 4), or at least has a type; else its other fields mean nothing. Among them is the
    /// transfer encoding, as in Dovecot; BINARY, PREVIEW and SEARCH decode by it all the same, since without it there
    /// would be nothing to read or to find.
    init(shownFor part: Part, in table: PartTable, of message: Octets) {
        self.init(message[part.header])
        if table.isMessage(part), !self.hasVersion, self.type == nil { self = ContentFields(message[0..<0]) }
    }
}

/// How a part's body is encoded (RFC 2045 section 6).
public enum TransferEncoding: UInt8, Sendable {
    case sevenBit, eightBit, binary, quotedPrintable, base64, unknown

    /// The word that names the encoding; `nil` when there is none or something stands behind it.
    static func mechanism(of body: Octets) -> Octets? {
        var lexer = FieldLexer(body)
        lexer.skipCommentsAndSpace()
        let token = lexer.readToken()
        lexer.skipCommentsAndSpace()
        return lexer.isAtEnd ? token : nil
    }

    /// From the field's body; no field and none that can be understood mean 7bit.
    public init(_ body: Octets?) {
        guard let body, let token = Self.mechanism(of: body) else {
            self = .sevenBit
            return
        }
        if token.equals(lowercase: "7bit") {
            self = .sevenBit
        } else if token.equals(lowercase: "8bit") {
            self = .eightBit
        } else if token.equals(lowercase: "binary") {
            self = .binary
        } else if token.equals(lowercase: "quoted-printable") {
            self = .quotedPrintable
        } else if token.equals(lowercase: "base64") {
            self = .base64
        } else {
            self = .unknown
        }
    }
}
