import MIMECore
import MailCore

/// The fields of a MIME part's header, and what of them a test looks at (RFC 5703 section 4).
struct PartFields: Sendable {
    enum Option: Sendable {
        /// The whole field.
        case whole
        case type, subtype, contentType
        /// These parameters.
        case parameters([SieveText])
    }

    var anyChild: Bool
    var option: Option

    static let optionGroup = TagGroup(name: "mime option")

    init?(_ arguments: SieveArguments, at position: SievePosition, _ compiler: inout ScriptCompiler) {
        self.anyChild = arguments.has("anychild")
        let tag = arguments.tags[Self.optionGroup]
        switch tag?.name {
        case "type": self.option = .type
        case "subtype": self.option = .subtype
        case "contenttype": self.option = .contentType
        case "param": self.option = .parameters(compiler.texts(tag?.strings ?? []))
        default: self.option = .whole
        }
    }

    /// The values of the fields of that name in the part that is looked at, and those below it with `:anychild`.
    func bodies(_ name: [UInt8], _ run: inout SieveRun) throws(SieveRuntimeError) -> [[UInt8]] {
        let view: MIMEView
        var parts: [Int]
        if let walk = run.walks.last {
            view = walk.view
            parts = [walk.part]
        } else {
            view = try run.mimeView()
            parts = [0]
        }
        if self.anyChild, let first = parts.first { parts += view.descendants(of: first) }
        var wantedParameters: [[UInt8]] = []
        if case .parameters(let names) = self.option { wantedParameters = try names.octets(&run) }
        var bodies: [[UInt8]] = []
        for part in parts {
            try run.spend(view.table.parts[part].header.count)
            let header = view.octets[view.table.parts[part].header]
            for field in HeaderScanner(header) where header[field.name].equalsIgnoringCase(name) {
                let body = header[field.body][0..<run.limits.fieldSize]
                bodies += self.values(of: body, name, wantedParameters, view.converter)
            }
        }
        return bodies
    }

    private func values(
        of body: Octets, _ name: [UInt8], _ parameters: [[UInt8]], _ converter: CharsetConverter
    ) -> [[UInt8]] {
        if case .whole = self.option { return [Array(body.buffer)] }
        // Content-Type and Content-Disposition are the only fields with such a structure; all else is blank.
        let isType = ASCII.equalsIgnoringCase(name, "content-type".utf8)
        let isDisposition = ASCII.equalsIgnoringCase(name, "content-disposition".utf8)
        var known = isType ? MIMEValue.contentType(body) : nil
        if !isType { known = MIMEValue.disposition(body) }
        guard let value = known else {
            if case .parameters = self.option { return [] }
            return [[]]
        }
        switch self.option {
        case .whole: return []
        case .type: return [isType || isDisposition ? value.value : []]
        case .subtype: return [isType ? value.subtype ?? [] : []]
        case .contentType:
            if isDisposition { return [value.value] }
            return [isType ? value.value + (value.subtype.map { [UInt8(ascii: "/")] + $0 } ?? []) : []]
        case .parameters:
            return parameters.flatMap { wanted in
                value.parameters.filter { ASCII.equalsIgnoringCase($0.name, wanted) }
                    .map { $0.decodedValue(converter: converter) }
            }
        }
    }
}

extension SieveArguments {
    func hasMIMEOption(_ name: String) -> Bool {
        name == "anychild" ? self.has(name) : self.tags[PartFields.optionGroup]?.name == name
    }
}
