import MIMECore
import MailCore

/// Which header fields a test looks at.
struct FieldSource: Sendable {
    /// One field of several of a name (RFC 5260 section 6).
    struct Index: Sendable {
        /// From 1.
        var number: Int
        var fromLast: Bool
    }

    var names: [SieveText]
    var index: Index?
    /// Looks at the header of a MIME part (RFC 5703 section 4).
    var mime: PartFields?

    /// The bodies of the fields, as they were written.
    func bodies(_ run: inout SieveRun) throws(SieveRuntimeError) -> [[UInt8]] {
        let names = try self.names.octets(&run)
        if let mime = self.mime {
            var bodies: [[UInt8]] = []
            for name in names { bodies += self.picked(try mime.bodies(name, &run)) }
            return bodies
        }
        var bodies: [[UInt8]] = []
        for name in names {
            try run.spend(run.message.fields.count)
            for body in self.picked(run.message.bodies(name)) {
                try run.spend(body.count)
                bodies.append(Array(body.buffer))
            }
        }
        return bodies
    }

    private func picked<T>(_ bodies: [T]) -> ArraySlice<T> {
        guard let index = self.index else { return bodies[...] }
        guard index.number >= 1, index.number <= bodies.count else { return [] }
        let place = index.fromLast ? bodies.count - index.number : index.number - 1
        return bodies[place...place]
    }
}

extension [UInt8] {
    /// A field body as UTF-8: unfolded, trimmed, encoded words decoded (RFC 5228 section 2.7.2).
    func decodedField(_ run: SieveRun) -> [UInt8] {
        self.withUnsafeBytes { run.message.decoded(Octets($0)) }
    }

    /// The addresses in a field body.
    var addresses: [SieveAddress] {
        self.withUnsafeBytes { bytes in
            var addresses: [SieveAddress] = []
            for element in AddressParser(Octets(bytes)) {
                guard case .mailbox(_, _, let local, let host) = element else { continue }
                addresses.append(SieveAddress(localPart: local ?? [], domain: host))
            }
            return addresses
        }
    }
}

extension ScriptCompiler {
    /// The fields a test names, with the tags of `index` and `mime`; `nil` after an error.
    mutating func fieldSource(_ arguments: SieveArguments, names: [StringLiteral]) -> FieldSource? {
        var source = FieldSource(names: self.headerNames(names))
        if let number = arguments.tags[TagGroup(name: "index")]?.number {
            guard number >= 1, number <= UInt64(Int32.max) else {
                self.error(arguments.position, "the number behind \":index\" must be 1 or more")
                return nil
            }
            source.index = FieldSource.Index(number: Int(number), fromLast: arguments.has("last"))
        } else if let last = arguments.tags[TagGroup(name: "last")] {
            self.error(last.position, "the tag \":last\" needs \":index\" too")
            return nil
        }
        if let mime = arguments.tags[TagGroup(name: "mime")] {
            guard let fields = PartFields(arguments, at: mime.position, &self) else { return nil }
            source.mime = fields
        } else {
            for name in ["anychild", "type", "subtype", "contenttype", "param"] where arguments.hasMIMEOption(name) {
                self.error(arguments.position, "the tag \(quoted(":" + name)) needs \":mime\" too")
                return nil
            }
        }
        return source
    }
}
