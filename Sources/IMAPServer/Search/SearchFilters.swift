import IMAPCore
import MailStore

/// The searches that a user has stored under names, in the server's metadata (FILTERS, RFC 5466).
struct SearchFilters {
    /// Why a key cannot be searched for.
    enum Failure: Error, Equatable {
        /// There is no filter of that name, it is no search, or filters name each other in a circle.
        case undefined([UInt8])
        /// With the keys of its filters it has too many, or they are too long.
        case tooComplex
    }

    /// What one search may still take in of filters: each is read anew wherever it is named.
    private struct Budget {
        var keys: Int
        var octets = 1 << 20
    }

    /// Filters inside filters: three levels are asked for (RFC 5466 section 3.1).
    static let maximumDepth = 8

    private var values: [String: [UInt8]] = [:]
    private let limits: CommandLimits

    init(_ metadata: [Metadata], limits: CommandLimits) {
        self.limits = limits
        for metadata in metadata {
            guard let name = Self.name(metadata.entry) else { continue }
            // The user's own one counts before a shared one.
            if metadata.entry.isShared, self.values[name] != nil { continue }
            self.values[name] = metadata.value
        }
    }

    /// The name of the filter that an entry holds; `nil` for other entries.
    static func name(_ entry: MetadataEntry) -> String? {
        let root = "filters/values/"
        guard entry.suffix.hasPrefix(root) else { return nil }
        return String(entry.suffix.dropFirst(root.count))
    }

    /// The key with the keys of its filters in their place.
    func replaced(in key: SearchKey) throws(Failure) -> SearchKey {
        var budget = Budget(keys: self.limits.searchKeys)
        return try self.replaced(in: key, [], &budget)
    }

    private func replaced(
        in key: SearchKey, _ outer: [String], _ budget: inout Budget
    ) throws(Failure) -> SearchKey {
        budget.keys -= key.count
        guard budget.keys >= 0 else { throw .tooComplex }
        var failure: Failure?
        var budgetLeft = budget
        let replaced = key.replacing { key in
            guard case .filter(let name) = key else { return key }
            do throws(Failure) {
                return try self.filter(name, outer, &budgetLeft)
            } catch {
                failure = error
                return nil
            }
        }
        if let failure { throw failure }
        budget = budgetLeft
        return replaced ?? key
    }

    private func filter(
        _ name: [UInt8], _ outer: [String], _ budget: inout Budget
    ) throws(Failure) -> SearchKey {
        // Entries are found in any case, and so are filters.
        let text = String(decoding: name, as: UTF8.self).lowercased()
        guard outer.count < Self.maximumDepth, !outer.contains(text), let value = self.values[text] else {
            throw .undefined(name)
        }
        budget.octets -= value.count
        guard budget.octets >= 0 else { throw .tooComplex }
        guard let key = SearchKey(value, limits: self.limits) else { throw .undefined(name) }
        return try self.replaced(in: key, outer + [text], &budget)
    }
}

extension SearchKey {
    /// Whether filters are named in here.
    var hasFilters: Bool {
        self.contains { if case .filter = $0 { true } else { false } }
    }
}
