import Authentication

extension Authenticator {
    /// The record of a user; `nil` when there is none, or none can be had now.
    func found(_ name: String, _ context: AdminContext) async -> UserRecord? {
        guard case .found(let record) = await self.lookup(name, context.request) else { return nil }
        return record
    }
}
