/// A column of `fetch`.
public enum FetchColumn: Sendable, Hashable {
    case field(AdminCommand.FetchField)
    /// `hdr.NAME`: the bodies of all fields of that name, a line for each.
    case header(name: String, HeaderForm)

    public enum HeaderForm: Sendable, Hashable {
        case asWritten
        /// With encoded words decoded: `hdr.NAME.utf8`.
        case utf8
    }

    private static let prefix = "hdr."
    private static let suffix = ".utf8"

    /// Names separated by blanks; `all` is every one that has a name of its own.
    static func columns(_ text: String) throws(AdminError) -> [FetchColumn] {
        var columns: [FetchColumn] = []
        for word in text.split(separator: " ").map(String.init) {
            if word == "all" {
                columns += AdminCommand.FetchField.allCases.map { .field($0) }
            } else if let column = FetchColumn(word) {
                columns.append(column)
            } else {
                let known = AdminCommand.FetchField.allCases.map(\.rawValue).joined(separator: " ")
                throw AdminError(.usage, "unknown field: \(word); there are: all \(known) hdr.NAME hdr.NAME.utf8")
            }
        }
        guard !columns.isEmpty else { throw AdminError(.usage, "no fields given") }
        return columns
    }

    private init?(_ word: String) {
        if let field = AdminCommand.FetchField(rawValue: word) {
            self = .field(field)
            return
        }
        guard word.hasPrefix(Self.prefix) else { return nil }
        var name = word.dropFirst(Self.prefix.count)
        var form = HeaderForm.asWritten
        if name.lowercased().hasSuffix(Self.suffix) {
            name = name.dropLast(Self.suffix.count)
            form = .utf8
        }
        // What a field can be called (RFC 5322 section 3.6.8).
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }) else {
            return nil
        }
        self = .header(name: String(name), form)
    }

    /// What it is called in results.
    public var name: String {
        switch self {
        case .field(let field): field.rawValue
        case .header(let name, .asWritten): Self.prefix + name
        case .header(let name, .utf8): Self.prefix + name + Self.suffix
        }
    }
}
