/// The parsed contents of one passwd-file: `user:password:uid:gid:gecos:home:shell:extra fields`.
///
/// Empty lines and lines that begin with `#` or `:` are skipped. Only the name is cut out at load; the rest of
/// a line is parsed when somebody asks for it.
package struct PasswdFileTable: Sendable {
    /// Users in the order of the file.
    package private(set) var users: [String] = []
    /// Names that came again; the first line counts.
    package private(set) var duplicates: [String] = []
    private var lines: [String: String] = [:]

    package init(_ contents: [UInt8]) {
        for line in contents.split(separator: UInt8(ascii: "\n")) {
            var line = line
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard let first = line.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ":") else {
                continue
            }
            let end = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
            let user = String(decoding: line[..<end], as: UTF8.self)
            if self.lines[user] != nil {
                self.duplicates.append(user)
                continue
            }
            self.users.append(user)
            self.lines[user] = String(decoding: line[end...].dropFirst(), as: UTF8.self)
        }
    }

    /// The line of a user, by exact name.
    package subscript(user user: String) -> PasswdFileLine? {
        self.lines[user].map(PasswdFileLine.init)
    }
}

/// One user's line of a passwd-file.
package struct PasswdFileLine: Hashable, Sendable {
    package private(set) var password = ""
    /// Extra fields but the `userdb_` ones; a bare key has an empty value.
    package private(set) var fields: [String: String] = [:]
    /// uid, gid, home and the `userdb_*` extra fields without their prefix; a bare key is `yes`.
    package private(set) var userFields: [String: String] = [:]

    /// `rest` is what follows the user's name and its colon.
    init(_ rest: String) {
        let columns = rest.split(separator: ":", maxSplits: 6, omittingEmptySubsequences: false)
        func column(_ index: Int) -> String? {
            index < columns.count && !columns[index].isEmpty ? String(columns[index]) : nil
        }
        self.password = column(0) ?? ""
        self.userFields["uid"] = column(1)
        self.userFields["gid"] = column(2)
        self.userFields["home"] = column(4)
        guard columns.count == 7 else { return }
        for field in columns[6].split(separator: " ") {
            let equals = field.firstIndex(of: "=")
            let key = field[..<(equals ?? field.endIndex)]
            let value = equals.map { String(field[field.index(after: $0)...]) }
            if key.hasPrefix("userdb_") {
                self.userFields[String(key.dropFirst(7))] = value ?? "yes"
            } else if !key.isEmpty {
                self.fields[String(key)] = value ?? ""
            }
        }
    }
}
