package import MailStore
package import SieveCore

/// Where one user's scripts find those that they name: to include them, or for FILTER. Paths are absolute.
package struct ScriptPlaces: Sendable {
    /// The user, so that what was found for one is not taken for another; empty where nothing is kept.
    package var user: String
    /// The directory of the user's own scripts.
    package var personal: String?
    /// Directories of scripts for all, or scripts, in the order in which they are looked through.
    package var global: [String] = []
    /// The script of users who have none, and the name by which their own scripts may include it.
    package var fallback: SieveStorage.Fallback?

    package init(user: String = "") { self.user = user }

    /// Files in which the script may be; the first that is there is it.
    package func candidates(_ name: SieveScriptName) -> [String] {
        // The compiler has refused names with a slash, but not those that begin with a dot.
        guard SieveStorage.isName(name.name) else { return [] }
        switch name.location {
        case .personal:
            var paths = self.personal.map { ["\($0)/\(name.name).sieve"] } ?? []
            if let fallback = self.fallback, fallback.name == name.name { paths.append(fallback.path) }
            return paths
        case .global:
            return self.global.flatMap { place in
                let file = "\(place)/\(name.name).sieve"
                return Self.name(of: place) == name.name ? [file, place] : [file]
            }
        }
    }

    /// The content of the script, as `ScriptFile.read` gives it; `nil`: there is none. What cannot be read is not
    /// there: the script that includes it says so.
    package func source(of name: SieveScriptName, limit: Int) -> [UInt8]? {
        for path in self.candidates(name) {
            if let content = try? ScriptFile.read(path, limit: limit) { return content.octets }
        }
        return nil
    }

    /// The file of the script; `nil`: there is none.
    package func file(of name: SieveScriptName) throws(StoreError) -> String? {
        for path in self.candidates(name) {
            do throws(StoreError) {
                if case .file = try ScriptFile.kind(of: path) { return path }
            } catch  where error.code == .noPermission || error.code == .cannot {
                // Not there, as for scripts that include it.
            }
        }
        return nil
    }

    /// Whether a file that was found is one of the user's own.
    package func isOwn(_ path: String) -> Bool { self.personal.map { path.hasPrefix($0 + "/") } ?? false }

    /// The name of a script that is a place itself: the administrator's name for it, whatever a link there points to.
    private static func name(of place: String) -> String {
        let file = place.split(separator: "/").last.map(String.init) ?? place
        return file.hasSuffix(".sieve") ? String(file.dropLast(6)) : file
    }
}
