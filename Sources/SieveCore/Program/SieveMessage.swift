public import MIMECore
import MailCore

/// A message as scripts see it. Does not own the octets it was made of: valid as long as they are.
public struct SieveMessage {
    /// The header with its empty line, where there is one.
    let header: Octets
    let body: Octets
    /// Whether an empty line ends the header; without one there is no body, not even an empty one.
    let hasBody: Bool
    /// Offsets in `header`; at most `SieveLimits.headerFields`.
    let fields: [HeaderField]
    let converter: CharsetConverter
    /// Whether it is the message as it was given, edited by no script.
    let isOriginal: Bool
    /// Whether the body is that of the message as it was given.
    let hasOriginalBody: Bool
    private let limits: SieveLimits
    /// Keeps edited octets alive.
    private let storage: [SieveOctetStorage]

    /// - Parameter octets: the whole message, in RFC 5322 form.
    public init(
        _ octets: Octets, limits: SieveLimits = SieveLimits(), converter: CharsetConverter = .builtIn
    ) {
        var scanner = HeaderScanner(octets)
        let fields = Self.fields(&scanner, limits)
        self.init(
            header: octets[0..<scanner.bodyStart], body: octets[scanner.bodyStart..<octets.count],
            hasBody: scanner.hasEmptyLine, fields: fields, limits: limits, converter: converter, isOriginal: true,
            hasOriginalBody: true, storage: [])
    }

    private init(
        header: Octets, body: Octets, hasBody: Bool, fields: [HeaderField], limits: SieveLimits,
        converter: CharsetConverter, isOriginal: Bool, hasOriginalBody: Bool, storage: [SieveOctetStorage]
    ) {
        self.header = header
        self.body = body
        self.hasBody = hasBody
        self.fields = fields
        self.limits = limits
        self.converter = converter
        self.isOriginal = isOriginal
        self.hasOriginalBody = hasOriginalBody
        self.storage = storage
    }

    private static func fields(_ scanner: inout HeaderScanner, _ limits: SieveLimits) -> [HeaderField] {
        var fields: [HeaderField] = []
        while let field = scanner.next() {
            if !field.name.isEmpty, fields.count < limits.headerFields { fields.append(field) }
        }
        return fields
    }

    /// Octets of the message in RFC 5322 form (RFC 5228 section 5.9).
    var size: UInt64 { UInt64(self.header.count + self.body.count) }

    /// Whether there is a field of that name, in any case.
    func hasField(_ name: [UInt8]) -> Bool {
        self.fields.contains { self.header[$0.name].equalsIgnoringCase(name) }
    }

    /// The bodies of the fields of that name, in any case, cut to the field size limit.
    func bodies(_ name: [UInt8]) -> [Octets] {
        var bodies: [Octets] = []
        for field in self.fields where self.header[field.name].equalsIgnoringCase(name) {
            bodies.append(self.header[field.body][0..<self.limits.fieldSize])
        }
        return bodies
    }

    /// The body of the first field of that name as UTF-8.
    func value(_ name: StaticString) -> [UInt8]? {
        for field in self.fields where self.header[field.name].equals(lowercase: name) {
            return self.decoded(self.header[field.body][0..<self.limits.fieldSize])
        }
        return nil
    }

    /// A field body as UTF-8: unfolded, trimmed, encoded words decoded (RFC 5228 section 2.7.2).
    func decoded(_ body: Octets) -> [UInt8] { EncodedWord.decode(body, converter: self.converter) }

    // MARK: Edited forms

    /// The same message with another header, which ends with its empty line.
    func replacingHeader(_ header: [UInt8]) -> SieveMessage {
        let stored = SieveOctetStorage(header)
        var scanner = HeaderScanner(stored.octets)
        let fields = Self.fields(&scanner, self.limits)
        return SieveMessage(
            header: stored.octets, body: self.body, hasBody: scanner.hasEmptyLine, fields: fields,
            limits: self.limits, converter: self.converter, isOriginal: false, hasOriginalBody: self.hasOriginalBody,
            storage: self.hasOriginalBody ? [stored] : self.storage + [stored])
    }

    /// Another message in its place.
    func replacing(_ octets: [UInt8]) -> SieveMessage {
        let stored = SieveOctetStorage(octets)
        var scanner = HeaderScanner(stored.octets)
        let fields = Self.fields(&scanner, self.limits)
        return SieveMessage(
            header: stored.octets[0..<scanner.bodyStart],
            body: stored.octets[scanner.bodyStart..<stored.octets.count], hasBody: scanner.hasEmptyLine,
            fields: fields, limits: self.limits, converter: self.converter, isOriginal: false, hasOriginalBody: false,
            storage: [stored])
    }

    /// This message as a script has edited it.
    public func edited(_ edit: SieveEditedMessage) -> SieveMessage {
        edit.body.map { self.replacing(edit.header + $0) } ?? self.replacingHeader(edit.header)
    }

    /// A copy of the whole message.
    var wholeOctets: [UInt8] {
        var whole: [UInt8] = []
        whole.reserveCapacity(self.header.count + self.body.count)
        whole.append(contentsOf: self.header.buffer)
        whole.append(contentsOf: self.body.buffer)
        return whole
    }

    /// The whole message, where it lies in one piece.
    var contiguous: Octets? {
        guard self.isOriginal, let start = self.header.buffer.baseAddress else { return nil }
        // Header and body lie behind each other in the memory they were cut from.
        return Octets(UnsafeRawBufferPointer(start: start, count: self.header.count + self.body.count))
    }
}

/// Octets that a script made, at one place in memory as long as a message needs them.
///
/// Invariant: the memory is written in `init` alone, before anybody else has the object, and given back in `deinit`, when
/// nobody has it any more; in between it is only read, which is why sharing it between threads is safe. Messages keep the
/// object for as long as they keep `octets`.
final class SieveOctetStorage: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer

    init(_ octets: [UInt8]) {
        self.memory = .allocate(byteCount: octets.count, alignment: 1)
        self.memory.copyBytes(from: octets)
    }

    deinit { self.memory.deallocate() }

    var octets: Octets { Octets(UnsafeRawBufferPointer(self.memory)) }
}

/// A message that a script has edited, for those who store it or send it.
public struct SieveEditedMessage: Sendable, Equatable {
    /// The new header with its empty line.
    public var header: [UInt8]
    /// The new body; `nil`: the message's own.
    public var body: [UInt8]?
}
