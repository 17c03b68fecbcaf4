import Glibc
import ServerConfig

/// Whether a user database gives mail to other users of the system than one.
struct ForeignOwners {
    /// The one who may own all mail.
    let owner: RoleUser

    /// Lines of a passwd-file are at most this long.
    private static let longestLine = 1 << 16

    func areIn(_ userdb: UserdbSettings) -> Bool {
        // The system's users own their mail.
        if userdb.driver == .passwd { return true }
        if userdb.fields.contains(where: { $0.name == "uid" && self.isForeign($0.value) }) { return true }
        guard userdb.driver == .passwdFile else { return false }
        // One file for each domain: whose they are is seen only when somebody comes.
        if userdb.passwdFilePath.contains("%") { return false }
        return self.areIn(file: userdb.passwdFilePath)
    }

    private func isForeign(_ user: String) -> Bool {
        if user.isEmpty || user == self.owner.name { return false }
        // Unexpanded: anybody's.
        if user.contains("%") { return true }
        return RoleUser.find(user)?.uid != self.owner.uid
    }

    /// Looks through a passwd-file, `user:password:uid:gid:...`.
    func areIn(file path: String) -> Bool {
        guard let file = fopen(path, "re") else { return false }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: Self.longestLine)
        while fgets(&buffer, CInt(buffer.count), file) != nil {
            let line = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            if line.first == UInt8(ascii: "#") { continue }
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count > 3 else { continue }
            if self.isForeign(String(decoding: fields[2], as: UTF8.self)) { return true }
        }
        return false
    }
}
