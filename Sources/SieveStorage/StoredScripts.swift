import Glibc
import MailStore
public import SieveCore

/// The scripts that a user's own may include, as delivery would find them. Reads wait for the disk and run under the
/// ids of the caller's thread.
public struct StoredScripts: SieveScriptSource {
    private let storage: SieveStorage
    private let global: SieveRegistry
    private let limit: Int

    /// - Parameters:
    ///   - global: the language of scripts for all.
    ///   - limit: octets of the largest script.
    public init(_ storage: SieveStorage, global: SieveRegistry, limit: Int) {
        self.storage = storage
        self.global = global
        self.limit = limit > 0 ? limit : .max
    }

    public func source(of name: SieveScriptName) -> [UInt8]? {
        guard SieveStorage.isName(name.name) else { return nil }
        switch name.location {
        case .personal: return try? self.storage.read(name.name, limit: self.limit)
        case .global:
            for place in self.storage.global {
                let paths = ["\(place)/\(name.name).sieve"] + (Self.name(of: place) == name.name ? [place] : [])
                for path in paths {
                    if let octets = try? SieveStorage.read(path, name.name, self.limit) { return octets }
                }
            }
            return nil
        }
    }

    public func registry(of location: SieveScriptName.Location) -> SieveRegistry? {
        location == .global ? self.global : nil
    }

    private static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".sieve") ? String(file.dropLast(6)) : file
    }
}
