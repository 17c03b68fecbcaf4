import Glibc
import ServerConfig

/// Whether a user database gives mail to other users of the system than one.
struct ForeignOwners {
    /// The one who may own all mail.
    let owner: RoleUser

    /// Lines of a passwd-file are at most this long.
    private static let longestLine = 1 << 16

    func areIn(_ settings: Settings) -> Bool {
        settings.userdbs.contains { userdb in
            // What a passdb says of its users is all there is then.
            userdb.driver == .prefetch ? settings.passdbs.contains { self.areIn($0) } : self.areIn(userdb)
        }
    }

    func areIn(_ userdb: UserdbSettings) -> Bool {
        // The system's users own their mail.
        if userdb.driver == .passwd { return true }
        if self.areIn(userdb.fields, "uid") { return true }
        return userdb.driver == .passwdFile && self.areIn(files: userdb.passwdFilePath)
    }

    private func areIn(_ passdb: PassdbSettings) -> Bool {
        if self.areIn(passdb.fields, "userdb_uid") { return true }
        return passdb.driver == .passwdFile && self.areIn(files: passdb.passwdFilePath)
    }

    private func areIn(_ fields: [FieldSetting], _ name: String) -> Bool {
        fields.contains { ($0.name == name || $0.name == name + ":default") && self.isForeign($0.value) }
    }

    private func isForeign(_ user: String) -> Bool {
        if user.isEmpty || user == self.owner.name { return false }
        // Unexpanded: anybody's.
        if user.contains("%") { return true }
        return RoleUser.find(user)?.uid != self.owner.uid
    }

    /// Looks through all files that a path with variables, such as `/etc/mail/%{user | domain}`, can be.
    func areIn(files path: String) -> Bool {
        guard path.contains("%") else { return self.areIn(file: path) }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(Self.pattern(path), 0, nil, &found) == 0, let paths = found.gl_pathv else { return false }
        return (0..<Int(found.gl_pathc)).contains { index in
            paths[index].map { self.areIn(file: String(cString: $0)) } ?? false
        }
    }

    /// What glob(7) takes for a path: any text for a variable.
    static func pattern(_ path: String) -> String {
        var pattern = ""
        var rest = path[...]
        while let character = rest.popFirst() {
            guard character == "%" else {
                if "*?[\\".contains(character) { pattern.append("\\") }
                pattern.append(character)
                continue
            }
            if rest.first == "%" {
                pattern.append(rest.removeFirst())
            } else if rest.first == "{" {
                rest = rest.firstIndex(of: "}").map { rest[$0...].dropFirst() } ?? ""
                pattern.append("*")
            } else {
                // The short form, `%d` or `%2.1Ln`.
                rest = rest.drop { !$0.isLowercase }.dropFirst()
                pattern.append("*")
            }
        }
        return pattern
    }

    /// Looks through a passwd-file, `user:password:uid:gid:gecos:home:shell:fields`.
    func areIn(file path: String) -> Bool {
        guard let file = fopen(path, "re") else { return false }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: Self.longestLine)
        while fgets(&buffer, CInt(buffer.count), file) != nil {
            let line = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            if line.first == UInt8(ascii: "#") { continue }
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 7, omittingEmptySubsequences: false)
            if fields.count > 3, self.isForeign(String(decoding: fields[2], as: UTF8.self)) { return true }
            guard fields.count > 7 else { continue }
            for field in fields[7].split(whereSeparator: { [0x20, 0x09, 0x0A, 0x0D].contains($0) })
            where field.starts(with: "userdb_uid=".utf8) {
                if self.isForeign(String(decoding: field.dropFirst(11), as: UTF8.self)) { return true }
            }
        }
        return false
    }
}
