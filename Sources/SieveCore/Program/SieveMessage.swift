public import MIMECore
import MailCore

/// A message as scripts see it. Does not own the octets: valid as long as they are.
public struct SieveMessage {
    let octets: Octets
    /// At most `SieveLimits.headerFields`.
    let fields: [HeaderField]
    private let fieldSize: Int
    private let converter: CharsetConverter

    /// - Parameter octets: the whole message, in RFC 5322 form.
    public init(
        _ octets: Octets, limits: SieveLimits = SieveLimits(), converter: CharsetConverter = .builtIn
    ) {
        self.octets = octets
        self.fieldSize = limits.fieldSize
        self.converter = converter
        var fields: [HeaderField] = []
        for field in HeaderScanner(octets) {
            if fields.count == limits.headerFields { break }
            if !field.name.isEmpty { fields.append(field) }
        }
        self.fields = fields
    }

    /// Octets of the message in RFC 5322 form (RFC 5228 section 5.9).
    var size: UInt64 { UInt64(self.octets.count) }

    /// Whether there is a field of that name, in any case.
    func hasField(_ name: [UInt8]) -> Bool {
        self.fields.contains { self.octets[$0.name].equalsIgnoringCase(name) }
    }

    /// The bodies of the fields of that name, in any case, cut to the field size limit.
    func bodies(_ name: [UInt8]) -> [Octets] {
        var bodies: [Octets] = []
        for field in self.fields where self.octets[field.name].equalsIgnoringCase(name) {
            bodies.append(self.octets[field.body][0..<self.fieldSize])
        }
        return bodies
    }

    /// A field body as UTF-8: unfolded, trimmed, encoded words decoded (RFC 5228 section 2.7.2).
    func decoded(_ body: Octets) -> [UInt8] { EncodedWord.decode(body, converter: self.converter) }
}
